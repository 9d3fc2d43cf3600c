"""Starts the application in a process that is forked when everything is imported, which is most of what a start costs.

The process is one of its own in every other way: it reads its settings, opens its database, hears its signals and can
be killed. That a start from nothing works is seen where `bot run` itself is started: `tests/scenario/test_demo.py`,
`test_commands.py` and the benchmarks.
"""

import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from bot.sandbox.application import ApplicationProcess

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["bot.bootstrap", "bot.observability.logs", "bot.sandbox.moved_clock", "bot.stopping"])


class Forked:
    """A `Running` that was not started from nothing."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], directory: Path, log: Path) -> None:
        theirs, self._ours = _CONTEXT.Pipe(duplex=False)
        # Daemonic: what a test that fails leaves behind ends with the tests.
        self._process = _CONTEXT.Process(
            target=_run, args=(list(command), dict(environment), str(directory), str(log), theirs), daemon=True
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


def _run(command: list[str], environment: dict[str, str], directory: str, log: str, parent: Connection) -> None:
    """In the new process: what `python -m` does for `command`, a module and its arguments."""
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(directory)
    with Path(log).open("ab") as written:
        os.dup2(written.fileno(), 1)
        os.dup2(written.fileno(), 2)
    os.dup2(parent.fileno(), 0)  # by its end the process sees that the tests are gone
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    sys.argv = command
    runpy.run_module(command[0], run_name="__main__", alter_sys=True)


@pytest.fixture(autouse=True, scope="session")
def _forked() -> None:
    ApplicationProcess.launch = Forked
