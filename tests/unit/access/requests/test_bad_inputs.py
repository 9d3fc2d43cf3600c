"""A short version of the bad inputs of `make soak`."""

from tests.soak.inputs import bad_inputs

SOME = 1000


def test_no_input_ends_in_a_traceback_or_without_an_answer() -> None:
    assert bad_inputs(SOME, chosen=1) >= SOME * 0.8  # a small input space may be exhausted earlier
