"""Back-off: how long to wait before a failed step is tried again. The pause doubles up to a limit, with jitter."""

import random
from datetime import timedelta

FIRST_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(minutes=1)
"""Between attempts to provision or revoke."""

LONGEST_PAUSE_FAILED = timedelta(hours=1)
"""Between attempts at a failed revocation, of which the owners have been told. They never stop."""

LONGEST_PAUSE_OF_MESSAGES = timedelta(minutes=5)
"""Between attempts to send while Slack does not answer: people get their messages within minutes of its return."""

LONGEST_PAUSE_OF_SHIPPING = timedelta(minutes=1)
"""Between attempts to ship audit events while the index does not answer."""

FIRST_PAUSE_OF_ROTATION = timedelta(minutes=1)
LONGEST_PAUSE_OF_ROTATION = timedelta(hours=6)
"""Between attempts to rotate. The old password goes on working meanwhile."""


def pause_after(attempts: int, longest: timedelta, first: timedelta = FIRST_PAUSE) -> timedelta:
    """The pause after that many failed attempts. The jitter of up to 25 % keeps rows from returning together."""
    full: timedelta = min(first * (1 << min(attempts - 1, 20)), longest)
    return full * random.uniform(0.75, 1.25)  # noqa: S311 (jitter, not a secret)
