"""Runs the application with a clock that can be moved, so that nobody waits an hour to see an hour pass.

`python -m bot.sandbox.moved_clock FILE`: FILE holds the seconds to add to the machine's time, and may change.
"""

import os
import signal
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.cli.main import run_with

_STANDARD_INPUT = 0


class MovedClock:
    """The machine's time plus what the file says. Raises `ValueError` for a file that holds no number."""

    def __init__(self, offset: Path) -> None:
        self._offset = offset

    def now(self) -> datetime:
        """The moved present, in UTC."""
        return datetime.now(UTC) + timedelta(seconds=float(self._offset.read_text(encoding="ascii") or 0))


def end_with_parent() -> None:
    """Ends this process when the one that started it is gone, be it killed: its end of our standard input closes."""

    def watch() -> None:
        # Not through sys.stdin: a thread that waits in it cannot be left behind when the process ends by itself.
        while os.read(_STANDARD_INPUT, 1):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent", daemon=True).start()


if __name__ == "__main__":
    end_with_parent()
    run_with(MovedClock(Path(sys.argv[1])))
