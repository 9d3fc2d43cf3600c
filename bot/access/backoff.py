"""How long to wait before a retry."""

import random
from datetime import timedelta

FIRST_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(minutes=1)
"""The longest pause between attempts to provision or revoke; pauses double up to it, with jitter."""

LONGEST_PAUSE_FAILED = timedelta(hours=1)
"""The longest pause between attempts to revoke after owners were told; these never stop."""


def pause_after(attempts: int, longest: timedelta, first: timedelta = FIRST_PAUSE) -> timedelta:
    """The pause after that many failed attempts: doubling, with jitter so that many retries do not coincide."""
    full: timedelta = min(first * (1 << min(attempts - 1, 20)), longest)
    return full * random.uniform(0.75, 1.25)  # noqa: S311 (jitter, not a secret)
