"""Acknowledges first and works afterwards: Slack waits three seconds, and no user waits for another one's work."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from time import monotonic
from typing import TypeVar

LONGEST_WAIT_SECONDS = 0.3
"""The longest wait for a quiet moment: under a load that never pauses, work starts anyway."""

BURST_SECONDS = 0.05
"""Two payloads within this time count as a burst, and more are expected."""

PAUSE_SECONDS = 0.003
"""A burst is over after this time without a payload: as long as reading a few takes."""


Result = TypeVar("Result")


class AckQueue:
    """Runs the work of acknowledged payloads when no payload waits for its acknowledgement.

    Python runs one thread at a time. Of a hundred commands at once, each would be acknowledged after the work of the
    ones before (p99 over a second, measured), so all are acknowledged first.
    """

    def __init__(self, executor: Executor, observe: Callable[[float], None] = lambda _seconds: None) -> None:
        """`observe` gets the seconds from the arrival of each payload to its acknowledgement."""
        self._executor = executor
        self._observe = observe
        self._turn, self._change = threading.Lock(), threading.Condition()
        self._pause_turn, self._pause_change = threading.Lock(), threading.Condition()
        self._unacknowledged = 0
        self._arrived_at = self._one_before = -BURST_SECONDS

    @contextmanager
    def track(self) -> Iterator[None]:
        """Records the arrival and the acknowledgement of the payload that is handled in the block."""
        began = monotonic()
        self.record_arrival()
        try:
            yield
        finally:
            self.record_acknowledgement(monotonic() - began)

    def record_arrival(self) -> None:
        """Counts a payload that has arrived and is not acknowledged yet."""
        with self._change:
            self._unacknowledged += 1
            self._one_before, self._arrived_at = self._arrived_at, monotonic()

    def record_acknowledgement(self, seconds: float) -> None:
        """Counts a payload as acknowledged, `seconds` after its arrival."""
        self._observe(seconds)
        with self._change:
            self._unacknowledged -= 1
            if self._unacknowledged == 0:
                self._change.notify()

    def is_quiet(self) -> bool:
        """Whether no payload waits for its acknowledgement and none is expected."""
        with self._change:
            return self._seconds_left() <= 0

    def wait_until_quiet(self, seconds: float = LONGEST_WAIT_SECONDS) -> None:
        """Returns in a quiet moment, or after `seconds`."""
        _wait(self._turn, self._change, self._seconds_left, seconds)

    def wait_for_pause(self) -> None:
        """Returns when no burst is under way, or after `LONGEST_WAIT_SECONDS`. Ignores unacknowledged payloads."""
        _wait(self._pause_turn, self._pause_change, self._seconds_left_of_burst, LONGEST_WAIT_SECONDS)

    def _seconds_left(self) -> float:
        """The seconds until a quiet moment, as far as is known now."""
        return LONGEST_WAIT_SECONDS if self._unacknowledged else self._seconds_left_of_burst()

    def _seconds_left_of_burst(self) -> float:
        in_burst = self._arrived_at - self._one_before < BURST_SECONDS
        return self._arrived_at + PAUSE_SECONDS - monotonic() if in_burst else 0.0

    def submit(self, work: Callable[[], None]) -> None:
        """Runs the work in a thread of the executor in the next quiet moment. Returns at once."""
        self._executor.submit(self._when_quiet, work)

    def submit_urgent(self, work: Callable[[], Result]) -> "Future[Result]":
        """Runs work that an acknowledgement depends on, without waiting for a quiet moment. Returns at once."""
        return self._executor.submit(work)

    def _when_quiet(self, work: Callable[[], None]) -> None:
        self.wait_until_quiet()
        work()


def _wait(turn: threading.Lock, change: threading.Condition, left: Callable[[], float], seconds: float) -> None:
    """Waits until `left` returns nothing more, or for `seconds`. A notification of `change` may have shortened it.

    One thread checks at a time: each thread that wakes up takes time from the one that acknowledges.
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
