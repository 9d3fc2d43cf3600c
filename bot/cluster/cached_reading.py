"""A reading that is kept for a while: served at once, and read anew behind the back of who asks."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from time import monotonic
from typing import Generic, TypeVar

import structlog

from bot.access.errors import Outage, Refusal

SERVED_SECONDS = 60.0
"""How old an answer may be: what the application promises of its catalogue."""

RENEWED_SECONDS = 30.0
"""From this age on an answer is read anew while it is served, so that hardly anybody waits for a reading."""

FRESH_SECONDS = 2.0
"""What is this young is fresh enough for who asks for fresh: a rush of them costs one reading."""

OUTAGE_SECONDS = 600.0
"""For so long the last answer stands in for a cluster that is away: owners seldom change, and outages are short."""

PAUSE_SECONDS = 5.0
"""Between attempts in the background while the other side is away."""

log = structlog.get_logger(__name__)

_Value = TypeVar("_Value")


class _Flight(Generic[_Value]):
    """A reading that was asked for. `began` is `None` until its turn comes."""

    answer: Future[_Value]
    began: float | None = None


class CachedReading(Generic[_Value]):
    """The last answer of `read`, which one thread of its own calls, however many ask. `clock` is in seconds.

    An answer is as old as the time at which its reading began: what changed while it was read may not be in it.
    `name` is what logs call it.
    """

    def __init__(self, read: Callable[[], _Value], name: str, clock: Callable[[], float] = monotonic) -> None:
        self._read = read
        self._name = name
        self._clock = clock
        self._lock = threading.Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._flight: _Flight[_Value] | None = None
        self._last: tuple[_Value, float] | None = None
        self._away_at: float | None = None

    def get(self, *, fresh: bool = False) -> _Value:
        """The answer, at most a minute old, or ten while the other side is away. Raises what `read` raises.

        `fresh`: an answer that was read in the last two seconds, or is read now.
        """
        with self._lock:
            now, last = self._clock(), self._last
            age = float("inf") if last is None else now - last[1]
            if last is not None and age <= (FRESH_SECONDS if fresh else self._served(now)):
                if age > RENEWED_SECONDS and not self._is_away(now, PAUSE_SECONDS):
                    self._begin()
                return last[0]
            answer = self._begin(not_before=now - FRESH_SECONDS if fresh else None)
        try:
            return answer.result()
        except Outage:
            if fresh or last is None or age > OUTAGE_SECONDS:
                raise
            return last[0]

    def close(self) -> None:
        """Waits for a reading under way. Nothing can be asked for afterwards."""
        self._thread.shutdown(wait=True, cancel_futures=True)

    def _served(self, now: float) -> float:
        return OUTAGE_SECONDS if self._is_away(now, SERVED_SECONDS) else SERVED_SECONDS

    def _is_away(self, now: float, lately: float) -> bool:
        """Whether the last attempt failed, and not so long ago that it says nothing any more."""
        return self._away_at is not None and now - self._away_at <= lately

    def _begin(self, not_before: float | None = None) -> Future[_Value]:
        """The reading under way; a new one if there is none, or if that one began too early."""
        flight = self._flight
        too_early = flight and flight.began is not None and not_before is not None and flight.began < not_before
        if flight is None or too_early:
            self._flight = flight = _Flight()
            flight.answer = self._thread.submit(self._fly, flight)
        return flight.answer

    def _fly(self, flight: _Flight[_Value]) -> _Value:
        flight.began = began = self._clock()
        away_at = None
        try:
            value = self._read()
        except (Outage, Refusal) as error:
            log.warning("could not be read", what=self._name, why=str(error))
            away_at = self._clock() if isinstance(error, Outage) else None
            raise
        except Exception:
            log.exception("could not be read", what=self._name)
            raise
        else:
            with self._lock:
                self._last = value, began
            return value
        finally:
            with self._lock:
                self._away_at = away_at
                if self._flight is flight:
                    self._flight = None
