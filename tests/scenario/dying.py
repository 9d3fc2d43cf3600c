"""Runs the application so that it can be killed at a commit: before it, when nothing is stored, or right after it.

`python -m tests.scenario.dying FILE`: FILE is that of the moved clock. A file `die` beside it names the
commit, counted from then on, and the phase: `3 before`. Each commit adds a line to the file `commits`.
"""

import os
import signal
import sys
import threading
from pathlib import Path

from sqlalchemy import Connection, Engine, event
from sqlmodel import Session

from bot.cli.run import run_with
from bot.sandbox.moved_clock import MovedClock, end_with_parent


class Commits:
    """Counts the commits of this process, and kills it at one of them. Only writers commit."""

    def __init__(self, folder: Path) -> None:
        self._order = folder / "die"
        self._log = folder / "commits"
        self._seen = 0
        self._guard = threading.Lock()

    def listen(self) -> None:
        """Starts counting."""
        event.listen(Engine, "commit", self._before)
        event.listen(Session, "after_commit", self._after)

    def _before(self, _connection: Connection) -> None:
        if not self._order.exists():
            return
        with self._guard:
            self._seen += 1
            with self._log.open("a", encoding="ascii") as log:
                log.write(f"{self._seen}\n")
        self._die("before")

    def _after(self, _session: Session) -> None:
        if self._order.exists():
            self._die("after")

    def _die(self, phase: str) -> None:
        number, when = self._order.read_text(encoding="ascii").split()
        if when == phase and self._seen >= int(number):
            os.kill(os.getpid(), signal.SIGKILL)


def order(folder: Path, number: int, phase: str) -> None:
    """Makes the process of that folder die at that commit, counted from now on."""
    whole = folder / "die.new"
    whole.write_text(f"{number} {phase}", encoding="ascii")
    whole.replace(folder / "die")


def forget(folder: Path) -> int:
    """Withdraws the order, and returns the number of commits since it."""
    (folder / "die").unlink(missing_ok=True)
    log = folder / "commits"
    seen = len(log.read_text(encoding="ascii").splitlines()) if log.exists() else 0
    log.unlink(missing_ok=True)
    return seen


if __name__ == "__main__":
    end_with_parent()
    clock = Path(sys.argv[1])
    Commits(clock.parent).listen()
    run_with(MovedClock(clock))
