"""Hearing the signals that end the application, and ending in time."""

import faulthandler
import os
import queue
import sys
import threading
from collections.abc import Callable

STOP_SECONDS = 25.0
"""Kubernetes and systemd give 30 and 90 by default."""

LOOK_SECONDS = 1.0
"""How late a signal may be heard by which another thread was interrupted."""


def next_signal(signals: "queue.SimpleQueue[int]") -> int:
    """The next signal.

    The kernel may interrupt another thread with it, and Python's handler then waits until this one wakes up.
    """
    while True:
        try:
            return signals.get(timeout=LOOK_SECONDS)
        except queue.Empty:
            continue


def stop_in_time(stop: Callable[[], None]) -> None:
    """Stops in an orderly way, or not: all that matters is in the database, and a supervisor would kill us soon."""

    def give_up() -> None:
        print(f"es-access did not stop within {STOP_SECONDS:.0f} s and ends now; nothing is lost", file=sys.stderr)
        faulthandler.dump_traceback()
        os._exit(1)

    watchdog = threading.Timer(STOP_SECONDS, give_up)
    watchdog.daemon = True
    watchdog.start()
    stop()
    watchdog.cancel()
