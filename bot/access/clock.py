"""The clock of this machine."""

from datetime import UTC, datetime


class SystemClock:
    """A `Clock` that tells the machine's time."""

    def now(self) -> datetime:
        """The present, in UTC."""
        return datetime.now(UTC)
