"""Runs the application with a clock that can be moved, so that a test need not wait for an hour to pass.

`python -m bot.sandbox.moved_clock FILE`: FILE holds the seconds to add to the machine's time, and may change.
"""

import os
import signal
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.cli.run import run_with

_STANDARD_INPUT = 0


class MovedClock:
    """The machine's time plus the seconds in the file. Raises `ValueError` when the file holds no number."""

    def __init__(self, offset: Path) -> None:
        self._offset = offset

    def now(self) -> datetime:
        """The moved time, in UTC."""
        return datetime.now(UTC) + timedelta(seconds=float(self._offset.read_text(encoding="ascii") or 0))


def end_with_parent() -> None:
    """Exits when the parent process dies, even by SIGKILL: its end of our standard input closes then."""

    def watch() -> None:
        # Not through sys.stdin: a thread blocked in it would hinder the interpreter's own shutdown.
        while os.read(_STANDARD_INPUT, 1):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent", daemon=True).start()


if __name__ == "__main__":
    end_with_parent()
    run_with(MovedClock(Path(sys.argv[1])))
