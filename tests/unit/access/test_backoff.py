"""Pauses between attempts: doubled each time, limited, with jitter."""

from datetime import timedelta

import pytest

from bot.access import backoff
from bot.access.backoff import FIRST_PAUSE, pause_after

JITTER = 0.25


@pytest.mark.parametrize(
    ("first", "longest"),
    [
        (FIRST_PAUSE, backoff.LONGEST_PAUSE),
        (FIRST_PAUSE, backoff.LONGEST_PAUSE_FAILED),
        (FIRST_PAUSE, backoff.LONGEST_PAUSE_OF_MESSAGES),
        (FIRST_PAUSE, backoff.LONGEST_PAUSE_OF_SHIPPING),
        (backoff.FIRST_PAUSE_OF_ROTATION, backoff.LONGEST_PAUSE_OF_ROTATION),
    ],
)
@pytest.mark.parametrize("attempts", [1, 2, 3, 7, 20, 10_000])
def test_a_pause_doubles_up_to_its_limit(first: timedelta, longest: timedelta, attempts: int) -> None:
    full = min(first * 2 ** min(attempts - 1, 20), longest)
    assert full * (1 - JITTER) <= pause_after(attempts, longest, first) <= full * (1 + JITTER)


def test_rows_that_failed_together_do_not_return_together() -> None:
    assert len({pause_after(5, backoff.LONGEST_PAUSE) for _ in range(20)}) > 1
