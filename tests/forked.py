"""Starts the application in a process that is forked when everything is imported, which is most of the cost of a start.

The process is one of its own in every other way: it reads its settings, opens its database, hears its signals and can
be killed. Two more things make it quick: its SQLite file has the tables before the start, and in tests it looks for due
work more often, so that a test which moves the clock does not wait for the next look. `tests/scenario/test_demo.py`,
`test_commands.py` and the benchmarks start `bot run` from nothing.
"""

import multiprocessing
import os
import runpy
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

import pytest

from bot.runtime import background, workers
from bot.sandbox.application import ApplicationProcess
from tests.databases import migrated_file

LOOK_FOR_WORK = timedelta(seconds=0.2)
"""Between two looks of a worker pool for due work: a second in production."""

LOOK_EVERY = timedelta(seconds=1)
"""Between two runs of a job of the ticker: five seconds in production."""

_SQLITE = "sqlite:///"

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    [
        "bot.bootstrap.application",
        "bot.bootstrap.checks",
        "bot.bootstrap.commands",
        "bot.observability.logs",
        "bot.sandbox.moved_clock",
        "bot.checks.command",
        "bot.cli.audit",
        "bot.cli.run",
        "bot.runtime.admin",
    ]
)


class Forked:
    """A `Running` that is forked from a process with all imports done."""

    looks_more_often: ClassVar[bool] = False

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], directory: Path, log: Path) -> None:
        _create_tables(environment.get("DATABASE_URL", ""), directory)
        theirs, self._ours = _CONTEXT.Pipe(duplex=False)
        # Daemonic: a process that a failed test leaves behind ends with the tests.
        self._process = _CONTEXT.Process(
            target=_run,
            args=(list(command), dict(environment), str(directory), str(log), theirs, self.looks_more_often),
            daemon=True,
        )
        self._process.start()
        theirs.close()

    @property
    def pid(self) -> int:
        """See `Running`."""
        if self._process.pid is None:
            raise RuntimeError("it was never started")
        return self._process.pid

    def poll(self) -> int | None:
        """See `Running`."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """See `Running`."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("the application", timeout or 0)
        return self._process.exitcode

    def send_signal(self, sig: int) -> None:
        """See `Running`."""
        if self.poll() is None:
            os.kill(self.pid, sig)

    def kill(self) -> None:
        """See `Running`."""
        self.send_signal(signal.SIGKILL)

    def close(self) -> None:
        """See `Running`."""
        self._ours.close()


class QuickForked(Forked):
    """Looks for due work more often than in production. For tests that measure nothing."""

    looks_more_often = True


def _create_tables(url: str, directory: Path) -> None:
    """Puts a SQLite file with the tables where the application would create its own."""
    if not url.startswith(_SQLITE):
        return
    file = directory / url.removeprefix(_SQLITE)
    if not file.exists():
        shutil.copyfile(migrated_file(), file)


def _look_more_often() -> None:
    """Shortens the pauses between looks, but not those between retries, of reconciliation and of clock checks."""
    workers.LONGEST_WAIT = LOOK_FOR_WORK
    for name in ("LOOK_AT_REQUESTS_EVERY", "LOOK_AT_MEMBERS_EVERY", "LOOK_AT_ENDS_EVERY", "CLEAR_CACHES_EVERY"):
        getattr(background, name)  # it must exist, whichever module defines it
        setattr(background, name, LOOK_EVERY)


def _run(
    command: list[str], environment: dict[str, str], directory: str, log: str, parent: Connection, quick: bool
) -> None:
    """Does in the new process what `python -m` does for `command`, a module and its arguments."""
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(directory)
    with Path(log).open("ab") as written:
        os.dup2(written.fileno(), 1)
        os.dup2(written.fileno(), 2)
    os.dup2(parent.fileno(), 0)  # its end tells the process that the tests are gone
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    if quick:
        _look_more_often()
    sys.argv = command
    runpy.run_module(command[0], run_name="__main__", alter_sys=True)


def run_forked(
    words: Sequence[str], environment: Mapping[str, str], directory: Path, timeout: float
) -> subprocess.CompletedProcess[str]:
    """Runs `bot` with these arguments, as `subprocess.run` would, in a process with all imports done.

    Raises `subprocess.TimeoutExpired` after `timeout` seconds.
    """
    with TemporaryDirectory() as folder:
        out, err = Path(folder, "stdout"), Path(folder, "stderr")
        process = _CONTEXT.Process(
            target=_run_command, args=(list(words), dict(environment), str(directory), str(out), str(err)), daemon=True
        )
        process.start()
        process.join(timeout)
        if process.exitcode is None:
            process.kill()
            raise subprocess.TimeoutExpired(list(words), timeout)
        printed, errors = (file.read_text(encoding="utf-8") if file.exists() else "" for file in (out, err))
        return subprocess.CompletedProcess(list(words), process.exitcode, printed, errors)


def _run_command(words: list[str], environment: dict[str, str], directory: str, out: str, err: str) -> None:
    """Does in the new process what `python -m bot` does."""
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(directory)
    for name, number in ((out, 1), (err, 2)):
        with Path(name).open("wb") as written:
            os.dup2(written.fileno(), number)
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    sys.argv = ["bot", *words]
    runpy.run_module("bot", run_name="__main__", alter_sys=True)


@pytest.fixture(autouse=True, scope="session")
def _forked() -> None:
    ApplicationProcess.launch = QuickForked
