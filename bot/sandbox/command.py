"""`bot sandbox`: brings the stage up, tells the story or waits, and takes all of it down, however it ends."""

import io
import os
import shlex
import signal
import sys
import time
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from rich.console import Console
from rich.text import Text

from bot.sandbox.foreign_settings import foreign_settings
from bot.sandbox.node import DEFAULT_VERSION, VERSIONS, NodeError
from bot.sandbox.page import PageServer
from bot.sandbox.stage import Stage, running
from bot.sandbox.story import StepError, tell
from bot.sandbox.workspace import ManifestError

OK, FAILED = 0, 1

SIGNALS_FROM = 128
"""What a shell adds to the number of the signal that ended a command."""

BROWSER_SECONDS = 10.0
"""Longest wait for a browser that was opened, so that the story does not begin without its audience."""

PAUSE_SECONDS = 1.2
"""Between what happens in the story, while a person follows it on the page."""

_POLL_SECONDS = 0.05

_ITS_OWN = frozenset({"DATABASE_URL", "HEALTH_PORT", "PORT", "HOST"})
"""Settings that two applications must not share."""


class Stopped(BaseException):
    """A signal asked to stop. No `Exception`: nothing on the way may take it for a failure of its own."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal_number)
        self.signal_number = signal_number


def sandbox(version: str | None, *, story: bool) -> int:
    """Runs until Ctrl-C or SIGTERM; with a story and nobody at standard input, until it is told. Returns the exit code.

    It does not start beside settings that point at a cluster.
    """
    console, version = _console(), version or DEFAULT_VERSION
    if refusal := _refusal(version):
        for line in refusal:
            console.print(line, markup=False, highlight=False, soft_wrap=True)
        return FAILED
    stays = not story or sys.stdin.isatty()
    try:
        with _signals_stop(), running(version, console) as stage, PageServer(stage) as page, _undisturbed_end():
            _show(page, console)
            if story:
                tell(stage, console, _pace(page))
            if stays:
                _wait(stage, page, console, told=story)
    except Stopped as stopped:
        # A start or a story that was cut short has proved nothing.
        console.print("Everything is stopped.")
        return SIGNALS_FROM + stopped.signal_number
    except (StepError, NodeError, ManifestError, OSError, RuntimeError) as error:
        return _failed(console, error)
    passed = "" if stays else "✓ Every step was checked and passed. "
    console.print(f"{passed}Everything is stopped.", style="bold green", highlight=False)
    return OK


def _failed(console: Console, error: Exception) -> int:
    """Says what went wrong: in the story, or on the way to it."""
    if isinstance(error, StepError):
        console.print(f"\n✗ Not true: {error.step}", style="bold red", highlight=False)
        console.print(str(error), markup=False, highlight=False, soft_wrap=True)
    else:
        console.print(f"The sandbox could not be started: {error}", markup=False, highlight=False, soft_wrap=True)
    return FAILED


def _refusal(version: str) -> list[str]:
    """Why it does not start, if it does not."""
    if version not in VERSIONS:
        return [f"There is no version {version} in the sandbox. It knows {' and '.join(VERSIONS)}."]
    return foreign_settings()


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


def _show(page: PageServer, console: Console) -> None:
    """Says where the page is, and opens it where somebody can see it."""
    console.print(Text.assemble("\nThe workspace in a browser: ", (page.url, "bold")), highlight=False, soft_wrap=True)
    if sys.stdin.isatty() and _has_display() and webbrowser.open(page.url):
        deadline = time.monotonic() + BROWSER_SECONDS
        while not page.watched and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)


def _has_display() -> bool:
    """Whether a browser that is opened here would be seen. A text browser would take this terminal."""
    return sys.platform in ("darwin", "win32") or bool({"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys())


def _pace(page: PageServer) -> Callable[[], None]:
    """The story's pauses: only where a person follows it on the page."""

    def pause() -> None:
        if page.watched and sys.stdin.isatty():
            time.sleep(PAUSE_SECONDS)

    return pause


def _wait(stage: Stage, page: PageServer, console: Console, *, told: bool) -> None:
    """Shows what is running and how to point another application at it, and returns at a signal."""
    lines = [
        *(["✓ Every step was checked and passed. Now it is your turn:", ""] if told else []),
        f"The workspace   {page.url}",
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
    # Within: who reads the last line may press Ctrl-C before the next statement.
    with suppress(Stopped):
        for line in lines:
            console.print(line, markup=False, highlight=False, soft_wrap=True)
        while True:
            signal.pause()
