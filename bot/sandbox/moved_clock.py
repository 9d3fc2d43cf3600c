"""Runs the application with a clock that can be moved, so that nobody waits an hour to see an hour pass.

`python -m bot.sandbox.moved_clock FILE`: FILE holds the seconds to add to the machine's time, and may change.
"""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.cli import run_with


class MovedClock:
    """The machine's time plus what the file says. Raises `ValueError` for a file that holds no number."""

    def __init__(self, offset: Path) -> None:
        self._offset = offset

    def now(self) -> datetime:
        """The moved present, in UTC."""
        return datetime.now(UTC) + timedelta(seconds=float(self._offset.read_text(encoding="ascii") or 0))


if __name__ == "__main__":
    run_with(MovedClock(Path(sys.argv[1])))
