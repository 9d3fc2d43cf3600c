"""Refusals in the audit trail: what people asked for and did not get, without a way for anybody to fill the disk."""

import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from bot.access.errors import AccessError, DatabaseAway
from bot.access.models.columns import Json
from bot.access.ports import Clock
from bot.access.store.store import Store

AT_ONCE, ONE_EACH = 20, timedelta(minutes=1)
"""Of one person: as many in a row, and then one in that time."""

ALL_AT_ONCE, ALL_ONE_EACH = 500, timedelta(seconds=6)
"""Of all people together, in each process: at most 14,400 a day, some 7 MB."""

MOST_PEOPLE = 1000
"""Whose allowances are remembered; of more, those are forgotten who have all of theirs again."""

LONGEST_WHY = 300
"""Characters of the sentence that the person was told."""

log = structlog.get_logger(__name__)


class RefusalLimit:
    """So many at once, and then one in each interval."""

    def __init__(self, most: int, interval: timedelta, now: datetime) -> None:
        self._most, self._interval = most, interval
        self._left, self._since = float(most), now
        self.missed = 0
        """How many there were without one left, since `take` last said yes."""

    def full(self, now: datetime) -> bool:
        """Whether it is as if nothing had been taken."""
        self._refill(now)
        return self._left >= self._most and self.missed == 0

    def has(self, now: datetime) -> bool:
        """Whether there is one left."""
        self._refill(now)
        return self._left >= 1

    def take(self) -> None:
        """Takes one."""
        self._left -= 1

    def _refill(self, now: datetime) -> None:
        # A clock that was set back gives nothing, and takes nothing.
        gained = max(now - self._since, timedelta(0)) / self._interval
        self._left, self._since = min(self._left + gained, float(self._most)), now


@dataclass
class Refusals:
    """Keeps refusals as `access.refused`: who, what, about which request, and what they were told.

    Of each person `AT_ONCE` and then one in `ONE_EACH`; of all together `ALL_AT_ONCE` and then one in `ALL_ONE_EACH`.
    What is left out is counted, and the number stands in the next one of that person that is kept.
    """

    store: Store
    clock: Clock
    _people: dict[str, RefusalLimit] = field(default_factory=dict)
    _everybody: RefusalLimit | None = None
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def record(self, person: str, what: str, error: AccessError, request_id: str | None = None) -> None:
        """Never raises: an answer must not fail for want of its audit event. A database that is away is logged."""
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
        """How many were left out since the last that was kept, or `None` where this one is left out, too."""
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
    # What somebody typed may hold what PostgreSQL does not keep: a null, or half a character.
    return "".join(each if each.isprintable() else "\ufffd" for each in text)
