"""Placeholder."""


def bad_inputs(count: int, seed: int) -> int:
    return 0 * count * seed
