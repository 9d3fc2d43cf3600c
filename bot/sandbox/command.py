"""`bot sandbox`: starts the stage, plays the story or waits, and always stops everything at the end."""

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
from bot.sandbox.node import DEFAULT_VERSION, VERSIONS, Node, NodeError
from bot.sandbox.page import PageServer
from bot.sandbox.stage import Stage, running
from bot.sandbox.story import StepError, tell
from bot.sandbox.workspace import ManifestError

OK, FAILED = 0, 1

SIGNALS_FROM = 128
"""A shell's exit code for a command that a signal ended is this plus the signal's number."""

BROWSER_SECONDS = 10.0
"""Longest wait for the opened browser to load the page, so that the viewer sees the story from the beginning."""

PAUSE_SECONDS = 1.2
"""Pause between events of the story while a person follows it on the page."""

_POLL_SECONDS = 0.05

_ITS_OWN = frozenset({"DATABASE_URL", "HEALTH_PORT", "PORT", "HOST"})
"""Settings that two running applications must not share."""


class Stopped(BaseException):
    """A signal asked to stop. Not an `Exception`, so that no handler of errors catches it."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal_number)
        self.signal_number = signal_number


def sandbox(version: str | None, *, story: bool, nodes: int = 1) -> int:
    """Runs until Ctrl-C or SIGTERM, or until the story ends if standard input is no terminal. Returns the exit code.

    Refuses to start when settings point at another cluster.
    """
    console, version = _console(), version or DEFAULT_VERSION
    if refusal := _refusal(version):
        for line in refusal:
            console.print(line, markup=False, highlight=False, soft_wrap=True)
        return FAILED
    stays = not story or sys.stdin.isatty()
    try:
        with _signals_stop(), running(version, console, nodes) as stage, PageServer(stage) as page, _undisturbed_end():
            _show(page, console)
            if story:
                tell(stage, console, _pace(page))
            if stays:
                _wait(stage, page, console, told=story)
    except Stopped as stopped:
        # An interrupted start or story has proved nothing.
        console.print("Everything is stopped.")
        return SIGNALS_FROM + stopped.signal_number
    except (StepError, NodeError, ManifestError, OSError, RuntimeError) as error:
        return _failed(console, error)
    passed = "" if stays else "✓ Every step was checked and passed. "
    console.print(f"{passed}Everything is stopped.", style="bold green", highlight=False)
    return OK


def _failed(console: Console, error: Exception) -> int:
    """Prints the error: a failed step of the story, or a failed start. Returns the exit code."""
    if isinstance(error, StepError):
        console.print(f"\n✗ Not true: {error.step}", style="bold red", highlight=False)
        console.print(str(error), markup=False, highlight=False, soft_wrap=True)
    else:
        console.print(f"The sandbox could not be started: {error}", markup=False, highlight=False, soft_wrap=True)
    return FAILED


def _refusal(version: str) -> list[str]:
    """The reasons not to start; empty when there are none."""
    if version not in VERSIONS:
        return [f"There is no version {version} in the sandbox. It knows {' and '.join(VERSIONS)}."]
    return foreign_settings()


def _console() -> Console:
    # The terminal's encoding may lack some of our characters: a “?” is better than a traceback.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    return Console()


_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def _signals_stop() -> Iterator[None]:
    """Raises `Stopped` at the first signal to stop, and ignores later ones: shutdown has begun by then."""

    def stop(number: int, _frame: FrameType | None) -> None:
        _ignore_signals()
        raise Stopped(number)

    for each in _SIGNALS:
        signal.signal(each, stop)
    yield


@contextmanager
def _undisturbed_end() -> Iterator[None]:
    """Ignores signals after the block, while everything is being stopped."""
    try:
        yield
    finally:
        _ignore_signals()


def _ignore_signals() -> None:
    for each in _SIGNALS:
        signal.signal(each, signal.SIG_IGN)


def _show(page: PageServer, console: Console) -> None:
    """Prints the page's URL, and opens a browser when there is a display."""
    console.print(Text.assemble("\nThe workspace in a browser: ", (page.url, "bold")), highlight=False, soft_wrap=True)
    if sys.stdin.isatty() and _has_display() and webbrowser.open(page.url):
        deadline = time.monotonic() + BROWSER_SECONDS
        while not page.watched and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)


def _has_display() -> bool:
    """Whether a browser would open in a window. A text browser would take over this terminal."""
    return sys.platform in ("darwin", "win32") or bool({"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys())


def _pace(page: PageServer) -> Callable[[], None]:
    """The story's pauses, which last only while a person follows it on the page."""

    def pause() -> None:
        if page.watched and sys.stdin.isatty():
            time.sleep(PAUSE_SECONDS)

    return pause


def _numbered(stage: Stage) -> Iterator[tuple[int, Node]]:
    """The nodes of a cluster that has several."""
    yield from enumerate(stage.nodes, 1) if len(stage.nodes) > 1 else ()


def _wait(stage: Stage, page: PageServer, console: Console, *, told: bool) -> None:
    """Prints the addresses of everything and the settings for another application, and returns at a signal."""
    lines = [
        *(["✓ Every step was checked and passed. Now it is your turn:", ""] if told else []),
        f"The workspace   {page.url}",
        f"Elasticsearch   {stage.node.url}  (administrator: {stage.node.admin.username}, {stage.node.admin.password})",
        *(f"Its node {number}      {each.url}  (process {each.pid})" for number, each in _numbered(stage)),
        f"Slack Web API   {stage.workspace.api_url}",
        f"es-access       {stage.app.url}/readyz",
        f"Its log         {stage.app.log}",
        "",
        "Settings for another `bot run` on the same node and workspace:",
        *(f"{name}={shlex.quote(text)}" for name, text in stage.app.environment.items() if name not in _ITS_OWN),
        "",
        "Ctrl-C ends all of it.",
    ]
    # Printing is inside the block too: the user may press Ctrl-C as soon as the last line appears.
    with suppress(Stopped):
        for line in lines:
            console.print(line, markup=False, highlight=False, soft_wrap=True)
        while True:
            signal.pause()
