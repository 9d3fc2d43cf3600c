"""The gate in front of one system: while that does not answer, calls of it fail at once instead of waiting in line."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from time import monotonic

from bot.access.calls.turns import waiting
from bot.access.errors import Outage

WAITING_CALLS = 4
SILENCE_SECONDS = 2.0
"""So many calls of which none was answered for so long close the gate. Most calls take milliseconds. A system that is
slow and answers all the same gets twice the time that its answers took lately, up to `UNANSWERED_SECONDS`."""

FORGOTTEN = 0.9
"""How much of the time of a slow answer remains with each quicker one: after twenty, an eighth."""

UNANSWERED_SECONDS = 5.0
"""So does one call that waited so long in vain, if no other was answered meanwhile. Calls time out after ten."""

PROBE_EVERY_SECONDS = 2.0
"""Between the calls that are let through while the gate is closed. A probe may hang for longer than the system does, so
the next one does not wait for it. Up to five hang at a time."""

OnChange = Callable[[str, bool], None]
"""Is called with the name of a system and whether it answers, in the thread of a call: it must return at once."""

_is_probe: ContextVar[bool] = ContextVar("probe", default=False)


def ignore_change(_name: str, _answers: bool) -> None:
    """The `OnChange` of a gate that nobody watches."""


@contextmanager
def probing() -> Iterator[None]:
    """The calls in the block are probes."""
    token = _is_probe.set(True)
    try:
        yield
    finally:
        _is_probe.reset(token)


class Gate:
    """Lets calls of one system through. It closes when the system does not answer, and any answer opens it again.

    While it is closed, one call passes now and then as a probe. With `probed`, somebody makes `probing` calls as long
    as it is closed, and no other passes: work must not hang in a probe. `answers` are errors by which the system
    answers a call; any other error means that it did not. Thread-safe. `clock` is in seconds.
    """

    def __init__(
        self,
        name: str,
        on_change: OnChange = ignore_change,
        answers: tuple[type[BaseException], ...] = (),
        clock: Callable[[], float] = monotonic,
        *,
        silence_seconds: float = SILENCE_SECONDS,
        probed: bool = False,
    ) -> None:
        self.name = name
        self._on_change = on_change
        self._answers = answers
        self._clock = clock
        self._silence_seconds = silence_seconds
        self._probed = probed
        self._guard = threading.Lock()
        self._waiting: dict[object, float] = {}
        """When each call under way began."""
        self._heard_at = self._probed_at = float("-inf")
        self._slow_answer = 0.0
        """How long the slowest of the latest answers took."""
        self._open = True

    @property
    def is_open(self) -> bool:
        """Whether the system answers, as far as is known."""
        return self._open

    @contextmanager
    def passing(self) -> Iterator[None]:
        """The block makes one call. Raises `Outage` at once if that would only wait for a system that hangs."""
        call = object()
        self._begin(call)
        answered = False
        try:
            with waiting():
                yield
            answered = True
        except self._answers:
            answered = True
            raise
        finally:
            self._end(call, answered=answered)

    def _begin(self, call: object) -> None:
        with self._guard:
            now, was_open = self._clock(), self._open
            self._open = was_open and not self._is_silent(now)
            passes = self._open or self._may_probe(now)
            if passes:
                self._waiting[call] = now
            closed = was_open and not self._open
        if closed:
            self._on_change(self.name, False)
        if not passes:
            raise Outage(f"{self.name} does not answer")

    def _is_silent(self, now: float) -> bool:
        if len(self._waiting) < WAITING_CALLS:
            return False
        usual = min(2 * self._slow_answer, UNANSWERED_SECONDS)
        return now - max(self._heard_at, min(self._waiting.values())) >= max(self._silence_seconds, usual)

    def _may_probe(self, now: float) -> bool:
        if (self._probed and not _is_probe.get()) or now - self._probed_at < PROBE_EVERY_SECONDS:
            return False
        self._probed_at = now
        return True

    def _end(self, call: object, *, answered: bool) -> None:
        with self._guard:
            now, began, was_open = self._clock(), self._waiting.pop(call), self._open
            if answered:
                self._heard_at, self._open = now, True
                self._slow_answer = max(now - began, FORGOTTEN * self._slow_answer)
            elif now - began >= UNANSWERED_SECONDS and self._heard_at < began:
                self._open = False
            is_open = self._open
        if is_open is not was_open:
            self._on_change(self.name, is_open)
