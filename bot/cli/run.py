"""`bot run`: starts fast, and stops in time when a signal asks for it.

Only the standard library is imported here: everything else is imported during the start, where it is timed and frozen.
"""

import faulthandler
import gc
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from bot.cli.settings import exit_with, load_or_exit

if TYPE_CHECKING:
    from bot.access.ports import Clock
    from bot.bootstrap.application import Application

STOP_SECONDS = 25.0
"""Kubernetes and systemd give 30 and 90 by default."""

POLL_SECONDS = 1.0
"""The longest delay of a signal that the kernel delivered to another thread."""


SWITCH_SECONDS = 0.001
"""How long a busy thread may keep the interpreter from the others; Python's default is 5 ms. Each statement of a
commit gives it away, and so the acknowledgement of a burst of commands waited for every thread in turn."""


def run() -> None:
    """Run the application until SIGTERM or Ctrl-C."""
    run_with(None)


def run_with(clock: "Clock | None") -> None:
    """Runs until a signal stops it. `clock` replaces the machine's, for a caller that moves time on purpose."""
    signals: queue.SimpleQueue[int] = queue.SimpleQueue()
    sys.setswitchinterval(SWITCH_SECONDS)
    with fast_start():
        application = _start(clock, signals)
    while next_signal(signals) == signal.SIGHUP:
        application.reload()
    stop_in_time(application.stop)


def _start(clock: "Clock | None", signals: "queue.SimpleQueue[int]") -> "Application":
    settings = load_or_exit()
    # Bolt reads the token from the environment as well, and warns that it has it twice.
    os.environ.pop("SLACK_BOT_TOKEN", None)

    from bot.bootstrap.application import start
    from bot.config.settings import SettingsError
    from bot.observability import logs

    scrubber = logs.set_up(settings.log_level, settings.log_format, settings.secrets())

    def enqueue(number: int, _frame: FrameType | None) -> None:
        signals.put(number)

    for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(each, enqueue)
    try:
        return start(settings, scrubber, clock)
    except SettingsError as error:
        exit_with(error.sentences, "es-access cannot start:")


@contextmanager
def fast_start() -> Iterator[None]:
    """Turns garbage collection off until the application runs; the block includes the imports.

    Almost everything made during a start lives until the end. Scanning it repeatedly while it grew took a fifth of the
    start (0.35 of 1.6 s, measured). Freezing it keeps later collections, which delay a click, from scanning it again.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


def next_signal(signals: "queue.SimpleQueue[int]") -> int:
    """Waits for the next signal.

    The kernel may deliver a signal to another thread; Python's handler then runs only when the main thread wakes up.
    """
    while True:
        try:
            return signals.get(timeout=POLL_SECONDS)
        except queue.Empty:
            continue


def stop_in_time(stop: Callable[[], None]) -> None:
    """Calls `stop`, and kills the process if that takes longer than `STOP_SECONDS`.

    Nothing is lost: all state is in the database, and a supervisor would kill the process soon after.
    """

    def give_up() -> None:
        print(f"es-access did not stop within {STOP_SECONDS:.0f} s and ends now; nothing is lost", file=sys.stderr)
        faulthandler.dump_traceback()
        os._exit(1)

    watchdog = threading.Timer(STOP_SECONDS, give_up)
    watchdog.daemon = True
    watchdog.start()
    stop()
    watchdog.cancel()
