"""Answers of other systems, kept for a while. However many threads ask for one at once, it is read once."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from copy import copy
from dataclasses import dataclass, field
from math import inf
from time import monotonic
from typing import Generic, TypeVar

import structlog

from bot.access.calls.turns import waiting
from bot.access.errors import Outage, Refusal

FRESH_SECONDS = 2.0
"""An answer this young counts as fresh: many callers that need a fresh one at once cost one reading."""

log = structlog.get_logger(__name__)

Value = TypeVar("Value")


@dataclass(frozen=True)
class Renewal:
    """Reads in a background thread, renews answers before they are too old, and serves old ones during an outage.

    `name` names the thread, and the reading in the log. An answer older than `after_seconds` is renewed while it is
    served. During an outage the last answer serves for `outage_seconds`, with `pause_seconds` between attempts.
    """

    name: str
    after_seconds: float
    outage_seconds: float
    pause_seconds: float


@dataclass(eq=False)
class _Flight(Generic[Value]):
    """A reading under way. `began` is `None` until its thread takes it up."""

    answer: "Future[Value]" = field(default_factory=Future)
    began: float | None = None


@dataclass(frozen=True)
class _Kept(Generic[Value]):
    """An answer, or a refusal, and when its reading began: a change during the reading may be missing from it."""

    answer: Value | Refusal
    began: float

    def get(self) -> Value:
        if isinstance(self.answer, Refusal):
            raise copy(self.answer)  # the traceback of a raised one grows with every caller
        return self.answer


@dataclass(eq=False)
class _Slot(Generic[Value]):
    """Everything known about one key. `away_at` is the time of the last attempt, if that was an outage."""

    kept: _Kept[Value] | None = None
    flight: _Flight[Value] | None = None
    away_at: float | None = None

    def is_away(self, now: float, seconds: float) -> bool:
        """Whether the last attempt failed within the last `seconds`."""
        return self.away_at is not None and now - self.away_at <= seconds


class Cache(Generic[Value]):
    """Keeps the last answer of `read` for each key. `clock` is in seconds.

    Without `renewal` the first caller of a key reads in its own thread, so a slow reading holds up no other key.
    """

    def __init__(
        self,
        read: Callable[[str], Value],
        lifetime: Callable[[Value], float],
        *,
        refusal_seconds: float | None = None,
        renewal: Renewal | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """`lifetime` returns how many seconds an answer serves. Refusals are kept for `refusal_seconds`."""
        self._read = read
        self._lifetime = lifetime
        self._refusal_seconds = refusal_seconds
        self._renewal = renewal
        self._clock = clock
        self._lock = threading.Lock()
        self._slots: dict[str, _Slot[Value]] = {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=renewal.name) if renewal else None

    def get(self, key: str = "", *, fresh: bool = False) -> Value:
        """The answer, read now if none serves. Raises what `read` raises; all who wait for a reading get its error.

        `fresh`: an answer read within the last `FRESH_SECONDS`, or now, even during an outage.
        """
        with self._lock:
            slot = self._slots.setdefault(key, _Slot())
            now, kept = self._clock(), slot.kept
            if kept is not None and now - kept.began <= (FRESH_SECONDS if fresh else self._serves_for(slot, kept, now)):
                self._renew_if_due(key, slot, kept, now)
                return kept.get()
            before = slot.flight
            flight = self._join(key, slot, not_before=now - FRESH_SECONDS if fresh else None)
        if flight is not before and self._thread is None:
            self._fly_here(key, slot, flight)
        try:
            with waiting():
                return flight.answer.result()
        except Outage:
            outage_seconds = self._renewal.outage_seconds if self._renewal else -inf
            if fresh or kept is None or now - kept.began > outage_seconds:
                raise
            return kept.get()

    def put(self, key: str, answer: Value) -> None:
        """Keeps an answer that came with another one, unless one serves or is being read."""
        with self._lock:
            slot = self._slots.setdefault(key, _Slot())
            now, kept = self._clock(), slot.kept
            serves = kept is not None and now - kept.began <= self._serves_for(slot, kept, now)
            if slot.flight is None and not serves:
                slot.kept = _Kept(answer, now)

    def clear(self) -> None:
        """Drops all answers. A reading under way still answers those who wait for it, and is not kept."""
        with self._lock:
            self._slots.clear()

    def close(self) -> None:
        """Waits for the reading under way. A cache with `renewal` cannot be used afterwards."""
        if self._thread is not None:
            self._thread.shutdown(wait=True, cancel_futures=True)

    def _serves_for(self, slot: _Slot[Value], kept: _Kept[Value], now: float) -> float:
        if isinstance(kept.answer, Refusal):
            return self._refusal_seconds or 0.0
        seconds = self._lifetime(kept.answer)
        return self._renewal.outage_seconds if self._renewal and slot.is_away(now, seconds) else seconds

    def _renew_if_due(self, key: str, slot: _Slot[Value], kept: _Kept[Value], now: float) -> None:
        renewal = self._renewal
        if renewal and now - kept.began > renewal.after_seconds and not slot.is_away(now, renewal.pause_seconds):
            self._join(key, slot)

    def _join(self, key: str, slot: _Slot[Value], not_before: float | None = None) -> _Flight[Value]:
        """The reading under way; a new one if there is none, or if that one began too early."""
        flight = slot.flight
        too_early = flight and flight.began is not None and not_before is not None and flight.began < not_before
        if flight is None or too_early:
            flight = _Flight()
            if self._thread is not None:
                flight.answer = self._thread.submit(self._fly, key, slot, flight)
            slot.flight = flight
        return flight

    def _fly_here(self, key: str, slot: _Slot[Value], flight: _Flight[Value]) -> None:
        try:
            flight.answer.set_result(self._fly(key, slot, flight))
        except BaseException as error:  # noqa: BLE001 (the caller raises it, and so do all who wait)
            flight.answer.set_exception(error)

    def _fly(self, key: str, slot: _Slot[Value], flight: _Flight[Value]) -> Value:
        flight.began = began = self._clock()
        kept: _Kept[Value] | None = None
        away_at = None
        try:
            answer = self._read(key)
            kept = _Kept(answer, began)
        except Exception as error:
            self._log(error)
            if isinstance(error, Outage):
                away_at = self._clock()
            if isinstance(error, Refusal) and self._refusal_seconds is not None:
                kept = _Kept(copy(error), began)
            raise
        else:
            return answer
        finally:
            with self._lock:
                if kept is not None and (slot.kept is None or slot.kept.began <= began):
                    slot.kept = kept
                slot.away_at = away_at
                if slot.flight is flight:
                    slot.flight = None

    def _log(self, error: Exception) -> None:
        """Logs a failure in the background, which may have no caller to raise it."""
        if self._renewal is None:
            return
        if isinstance(error, Outage | Refusal):
            log.warning("could not be read", what=self._renewal.name, why=str(error))
        else:
            log.error("could not be read", what=self._renewal.name, exc_info=error)
