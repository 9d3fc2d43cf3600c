"""Concurrent actions."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from bot.access.errors import AccessError


def at_once(*actions: Callable[[], object]) -> list[object]:
    """Starts all actions at the same moment, and returns each result, or the `AccessError` that it raised."""
    together = Barrier(len(actions))

    def run(action: Callable[[], object]) -> object:
        together.wait()
        try:
            return action()
        except AccessError as told:
            return told

    with ThreadPoolExecutor(len(actions)) as pool:
        return [each.result() for each in [pool.submit(run, action) for action in actions]]
