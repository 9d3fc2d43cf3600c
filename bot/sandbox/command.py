"""`bot sandbox`: brings the stage up, tells the story or waits, and takes all of it down, however it ends."""

import io
import shlex
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from rich.console import Console

from bot.sandbox.node import DEFAULT_VERSION, VERSIONS, NodeError
from bot.sandbox.stage import Stage, running
from bot.sandbox.story import Untrue, tell
from bot.sandbox.workspace import ManifestError

OK, FAILED = 0, 1

SIGNALS_FROM = 128
"""What a shell adds to the number of the signal that ended a command."""

_ITS_OWN = frozenset({"DATABASE_URL", "HEALTH_PORT", "PORT", "HOST"})
"""Settings that two applications must not share."""


class Stopped(BaseException):
    """A signal asked to stop. No `Exception`: nothing on the way may take it for a failure of its own."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal_number)
        self.signal_number = signal_number


def sandbox(version: str | None, *, story: bool) -> int:
    """Runs until the story is told, or until Ctrl-C or SIGTERM without one. Returns the exit code."""
    console = _console()
    version = version or DEFAULT_VERSION
    if version not in VERSIONS:
        console.print(f"There is no version {version} in the sandbox. It knows {' and '.join(VERSIONS)}.")
        return FAILED
    proven = False
    try:
        with _signals_stop(), running(version, console) as stage, _undisturbed_end():
            if story:
                tell(stage, console)
            proven = True
            if not story:
                _wait(stage, console)
    except Stopped as stopped:
        console.print("Everything is stopped.")
        # Being stopped is how an open sandbox ends; a start or a story that was cut short has proved nothing.
        return OK if proven else SIGNALS_FROM + stopped.signal_number
    except Untrue as untrue:
        console.print(f"\n✗ Not true: {untrue.step}", style="bold red", highlight=False)
        console.print(str(untrue), markup=False, highlight=False, soft_wrap=True)
        return FAILED
    except (NodeError, ManifestError, OSError, RuntimeError) as error:
        console.print(f"The sandbox could not be started: {error}", markup=False, highlight=False, soft_wrap=True)
        return FAILED
    console.print("✓ Every step was checked and passed. Everything is stopped.", style="bold green", highlight=False)
    return OK


def _console() -> Console:
    # Someone's terminal may know fewer letters than ours: a “?” is better than a traceback.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    return Console()


_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def _signals_stop() -> Iterator[None]:
    """Turns the first signal to stop into `Stopped`, and ignores the others: the end is under way then."""

    def stop(number: int, _frame: FrameType | None) -> None:
        _ignore_signals()
        raise Stopped(number)

    for each in _SIGNALS:
        signal.signal(each, stop)
    yield


@contextmanager
def _undisturbed_end() -> Iterator[None]:
    """Ignores signals from here on: what follows only stops what was started."""
    try:
        yield
    finally:
        _ignore_signals()


def _ignore_signals() -> None:
    for each in _SIGNALS:
        signal.signal(each, signal.SIG_IGN)


def _wait(stage: Stage, console: Console) -> None:
    """Shows what is running and how to point another application at it, and waits for a signal."""
    lines = [
        f"Elasticsearch   {stage.node.url}  (administrator: {stage.node.admin.username}, {stage.node.admin.password})",
        f"Slack Web API   {stage.workspace.api_url}",
        f"es-access       {stage.app.url}/readyz",
        f"Its log         {stage.app.log}",
        "",
        "Settings for another `bot run` on the same node and workspace:",
        *(f"{name}={shlex.quote(text)}" for name, text in stage.app.environment.items() if name not in _ITS_OWN),
        "",
        "Ctrl-C ends all of it.",
    ]
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    while True:
        signal.pause()
