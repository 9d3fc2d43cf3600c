"""Acknowledge first, work afterwards: Slack gives three seconds, and work for one person must not make another wait."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from time import monotonic
from typing import TypeVar

LONGEST_WAIT_SECONDS = 0.3
"""For a quiet moment. Under a load that never pauses, work goes on all the same."""


Result = TypeVar("Result")


class Afterwards:
    """Runs the work of acknowledged payloads when no payload waits to be acknowledged.

    Python runs one thread at a time: a hundred commands at once would each be acknowledged behind the work of those
    before (p99 over a second, measured), and so are acknowledged in a row first.
    """

    def __init__(self, executor: Executor, took: Callable[[float], None] = lambda _seconds: None) -> None:
        """`took` is told how many seconds each payload waited for its acknowledgement."""
        self._executor = executor
        self._took = took
        self._change = threading.Condition()
        self._unacknowledged = 0

    @contextmanager
    def acknowledging(self) -> Iterator[None]:
        """Around the handling of one payload, up to its acknowledgement."""
        began = monotonic()
        self.arrived()
        try:
            yield
        finally:
            self.acknowledged(monotonic() - began)

    def arrived(self) -> None:
        """A payload is here, and nobody is at it yet."""
        with self._change:
            self._unacknowledged += 1

    def acknowledged(self, seconds: float) -> None:
        """One that has arrived was acknowledged, so many seconds after somebody began with it."""
        self._took(seconds)
        with self._change:
            self._unacknowledged -= 1
            if self._unacknowledged == 0:
                self._change.notify_all()

    def wait_until_quiet(self, seconds: float) -> bool:
        """Returns when no payload waits to be acknowledged, or after that long. Whether it is quiet."""
        with self._change:
            return self._change.wait_for(lambda: self._unacknowledged == 0, seconds)

    def do(self, work: Callable[[], None]) -> None:
        """Takes the work, and returns at once."""
        self._executor.submit(self._when_quiet, work)

    def at_once(self, work: Callable[[], Result]) -> "Future[Result]":
        """Runs what an acknowledgement depends on, beside the thread that has to acknowledge in time."""
        return self._executor.submit(work)

    def _when_quiet(self, work: Callable[[], None]) -> None:
        with self._change:
            self._change.wait_for(lambda: self._unacknowledged == 0, LONGEST_WAIT_SECONDS)
        work()
