"""Acknowledge first, work afterwards: Slack gives three seconds, and work for one person must not make another wait."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from time import monotonic
from typing import TypeVar

LONGEST_WAIT_SECONDS = 0.3
"""For a quiet moment. Under a load that never pauses, work goes on all the same."""

BURST_SECONDS = 0.05
"""Between two payloads, up to which the later one is taken for part of a burst, of which more is to come."""

PAUSE_SECONDS = 0.003
"""Without a payload, after which a burst is over: as long as it takes to read a few."""


Result = TypeVar("Result")


class AckQueue:
    """Runs the work of acknowledged payloads when no payload waits to be acknowledged.

    Python runs one thread at a time: a hundred commands at once would each be acknowledged behind the work of those
    before (p99 over a second, measured), and so are acknowledged in a row first.
    """

    def __init__(self, executor: Executor, took: Callable[[float], None] = lambda _seconds: None) -> None:
        """`took` is told how many seconds passed between the arrival of each payload and its acknowledgement."""
        self._executor = executor
        self._took = took
        self._turn, self._change = threading.Lock(), threading.Condition()
        self._pause_turn, self._pause_change = threading.Lock(), threading.Condition()
        self._unacknowledged = 0
        self._arrived_at = self._one_before = -BURST_SECONDS

    @contextmanager
    def track(self) -> Iterator[None]:
        """Around the handling of one payload, up to its acknowledgement."""
        began = monotonic()
        self.record_arrival()
        try:
            yield
        finally:
            self.record_acknowledgement(monotonic() - began)

    def record_arrival(self) -> None:
        """A payload is here, and nobody is at it yet."""
        with self._change:
            self._unacknowledged += 1
            self._one_before, self._arrived_at = self._arrived_at, monotonic()

    def record_acknowledgement(self, seconds: float) -> None:
        """One that has arrived was acknowledged, so many seconds after it was there."""
        self._took(seconds)
        with self._change:
            self._unacknowledged -= 1
            if self._unacknowledged == 0:
                self._change.notify()

    def is_quiet(self) -> bool:
        """Whether no payload waits to be acknowledged, nor is about to come."""
        with self._change:
            return self._seconds_left() <= 0

    def wait_until_quiet(self, seconds: float = LONGEST_WAIT_SECONDS) -> None:
        """Returns when no payload waits to be acknowledged, nor is about to come, or after that long."""
        _wait(self._turn, self._change, self._seconds_left, seconds)

    def wait_for_pause(self) -> None:
        """Returns when no payload is about to come, whatever waits to be acknowledged, or after a while."""
        _wait(self._pause_turn, self._pause_change, self._seconds_left_of_burst, LONGEST_WAIT_SECONDS)

    def _seconds_left(self) -> float:
        """The seconds for which it is not quiet, as far as can be seen."""
        return LONGEST_WAIT_SECONDS if self._unacknowledged else self._seconds_left_of_burst()

    def _seconds_left_of_burst(self) -> float:
        in_burst = self._arrived_at - self._one_before < BURST_SECONDS
        return self._arrived_at + PAUSE_SECONDS - monotonic() if in_burst else 0.0

    def submit(self, work: Callable[[], None]) -> None:
        """Takes the work, and returns at once."""
        self._executor.submit(self._when_quiet, work)

    def submit_urgent(self, work: Callable[[], Result]) -> "Future[Result]":
        """Runs what an acknowledgement depends on, beside the thread that has to acknowledge in time."""
        return self._executor.submit(work)

    def _when_quiet(self, work: Callable[[], None]) -> None:
        self.wait_until_quiet()
        work()


def _wait(turn: threading.Lock, change: threading.Condition, left: Callable[[], float], seconds: float) -> None:
    """Until nothing is left, or for so long. `change` is told when it may be less than it was.

    One looks, and the others wait for it: whoever wakes up takes time from the thread that acknowledges.
    """
    until = monotonic() + seconds
    if not turn.acquire(timeout=seconds):
        return
    try:
        with change:
            while (more := min(left(), until - monotonic())) > 0:
                change.wait(more)
    finally:
        turn.release()
