"""How long to wait before a step is tried again."""

import random
from datetime import timedelta

FIRST_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(minutes=1)
"""Between attempts to provision or revoke: doubled each time up to this, with jitter."""

LONGEST_PAUSE_FAILED = timedelta(hours=1)
"""Between attempts to revoke what owners have been told of; for ever."""


def pause_after(attempts: int, longest: timedelta, first: timedelta = FIRST_PAUSE) -> timedelta:
    """How long to wait after that many failed attempts: doubling, with jitter so that many do not return as one."""
    full: timedelta = min(first * (1 << min(attempts - 1, 20)), longest)
    return full * random.uniform(0.75, 1.25)  # noqa: S311 (jitter, not a secret)
