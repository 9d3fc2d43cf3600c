"""Refusals in the audit trail: requests and actions that were refused, without letting anyone fill the disk."""

import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from bot.access.errors import AccessError, DatabaseAway
from bot.access.models.columns import Json
from bot.access.ports import Clock
from bot.access.store.store import Store

AT_ONCE, ONE_EACH = 20, timedelta(minutes=1)
"""Limit per person: this many in a row, then one in each interval."""

ALL_AT_ONCE, ALL_ONE_EACH = 500, timedelta(seconds=6)
"""Limit for all people together, per process: at most 14,400 a day, some 7 MB."""

MOST_PEOPLE = 1000
"""People whose limits are remembered; beyond that, those with a full allowance are forgotten."""

LONGEST_WHY = 300
"""Characters of the sentence that the person was told."""

log = structlog.get_logger(__name__)


class RefusalLimit:
    """A token bucket: so many at once, then one in each interval."""

    def __init__(self, most: int, interval: timedelta, now: datetime) -> None:
        self._most, self._interval = most, interval
        self._left, self._since = float(most), now
        self.missed = 0
        """Refusals without a token since `take` last succeeded."""

    def full(self, now: datetime) -> bool:
        """Whether the bucket is full again."""
        self._refill(now)
        return self._left >= self._most and self.missed == 0

    def has(self, now: datetime) -> bool:
        """Whether a token is left."""
        self._refill(now)
        return self._left >= 1

    def take(self) -> None:
        """Takes a token."""
        self._left -= 1

    def _refill(self, now: datetime) -> None:
        # A clock that was set back neither adds nor removes tokens.
        gained = max(now - self._since, timedelta(0)) / self._interval
        self._left, self._since = min(self._left + gained, float(self._most)), now


@dataclass
class Refusals:
    """Records refusals as `access.refused`: who, what, about which request, and the sentence they were told.

    Each person has `AT_ONCE` and then one in `ONE_EACH`; all together have `ALL_AT_ONCE` and then one in
    `ALL_ONE_EACH`. Refusals beyond that are counted, and the next recorded one of that person has the number.
    """

    store: Store
    clock: Clock
    _people: dict[str, RefusalLimit] = field(default_factory=dict)
    _everybody: RefusalLimit | None = None
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def record(self, person: str, what: str, error: AccessError, request_id: str | None = None) -> None:
        """Never raises: an answer must not fail because of its audit event. An unavailable database is logged."""
        now = self.clock.now()
        left_out = self._allowed(person, now)
        if left_out is None:
            return
        detail: dict[str, Json] = {
            "what": what, "kind": type(error).__name__, "why": _storable(error.message)[:LONGEST_WHY],
        }  # fmt: skip
        if left_out:
            detail["left_out_before"] = left_out
        try:
            with self.store.writing() as write:
                write.audit("access.refused", person, now, request_id, **detail)
        except DatabaseAway as error_of_it:
            log.warning("a refusal could not be audited", person=person, what=what, error=str(error_of_it))
        except Exception:
            log.exception("a refusal could not be audited", person=person, what=what)

    def _allowed(self, person: str, now: datetime) -> int | None:
        """How many were left out since the last recorded one; `None` if this one is left out as well."""
        with self._guard:
            everybody = self._everybody = self._everybody or RefusalLimit(ALL_AT_ONCE, ALL_ONE_EACH, now)
            if person not in self._people and len(self._people) >= MOST_PEOPLE:
                self._people = {who: each for who, each in self._people.items() if not each.full(now)}
            mine = self._people.setdefault(person, RefusalLimit(AT_ONCE, ONE_EACH, now))
            if not (mine.has(now) and everybody.has(now)):
                mine.missed += 1
                return None
            mine.take()
            everybody.take()
            missed, mine.missed = mine.missed, 0
            return missed


def _storable(text: str) -> str:
    # Typed text may contain what PostgreSQL cannot store: a null or a lone surrogate.
    return "".join(each if each.isprintable() else "\ufffd" for each in text)
