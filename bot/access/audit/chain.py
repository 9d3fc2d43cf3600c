"""The audit trail: each event is chained to the one before by hash, so that what was changed later is found. Pure."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from bot.access.models.audit import AuditEvent

GENESIS = "0" * 64
"""What the first event is chained to."""


@dataclass(slots=True)
class AuditEntry:
    """An event that is about to be written: what the row will hold. The last three are its place in the chain.

    Not the row itself: a thousand grants that end at once are three thousand events, and rows are slow to make.
    """

    at: datetime
    event: str
    request_id: str | None
    actor: str
    detail: dict[str, Any]
    sequence: int | None = None
    previous: str | None = None
    hash: str | None = None

    def row(self) -> dict[str, Any]:
        """For an insert."""
        return {name: getattr(self, name) for name in self.__slots__}


def hash_of(event: AuditEvent | AuditEntry) -> str:
    """The SHA-256, in hex, of everything in an event: its place, the hash of the one before, and what happened.

    The row's `id` is left out: it is the database's own, and says nothing about what happened. Of the canonical form:
    JSON without spaces, keys sorted, everything beyond ASCII escaped, and the time in UTC to the microsecond.
    """
    content = {
        "sequence": event.sequence,
        "previous": event.previous,
        "at": canonical_time(event.at),
        "event": event.event,
        "request_id": event.request_id,
        "actor": event.actor,
        "detail": event.detail,
    }
    return sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode("ascii")).hexdigest()


def canonical_time(at: datetime) -> str:
    """In UTC, to the microsecond, always of the same length."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def plain(detail: dict[str, Any]) -> dict[str, Any]:
    """A detail as it comes back from the database: tuples are lists, and every key is a text."""
    kept: dict[str, Any] = json.loads(json.dumps(detail))
    return kept


@dataclass(frozen=True)
class Head:
    """The end of the chain: how many events there are, and the hash of the last."""

    sequence: int
    hash: str

    def __str__(self) -> str:
        return f"{self.sequence}:{self.hash}"

    @classmethod
    def read(cls, text: str) -> "Head":
        """What `str` wrote. Raises `ValueError`."""
        number, _, digest = text.strip().partition(":")
        if not number.isdecimal() or len(digest) != len(GENESIS) or set(digest) - set("0123456789abcdef"):
            raise ValueError("is not like 1234:HASH, as `bot audit verify` prints it")
        return cls(int(number), digest)


def append(head: Head, events: Iterable[AuditEntry]) -> Head:
    """Chains these events to the head, in their order. The new head."""
    for event in events:
        event.detail = plain(event.detail)
        event.sequence, event.previous = head.sequence + 1, head.hash
        event.hash = hash_of(event)
        head = Head(event.sequence, event.hash)
    return head


@dataclass(frozen=True)
class ChainBreak:
    """The first place where the chain is not as it was written."""

    sequence: int
    why: str


class Verification:
    """Looks at the events of a chain one after the other, in the order of their sequence, and then at its head.

    `kept` is a head that was written down elsewhere earlier: what it says must still be there.
    """

    def __init__(self, kept: Head | None = None) -> None:
        self.head = Head(0, GENESIS)
        self._kept = kept

    def check(self, event: AuditEvent) -> ChainBreak | None:
        """Whether this event follows the one before. After the first `ChainBreak` there is nothing more to ask."""
        due = self.head.sequence + 1
        if event.sequence != due:
            return _out_of_turn(event, due)
        if hash_of(event) != event.hash:
            return ChainBreak(due, "it was altered, or moved here from another place")
        if event.previous != self.head.hash:
            # The event itself is as it was written, and so is the hash of the one before that it holds.
            return ChainBreak(max(due - 1, 1), "it was rewritten: the event after it was chained to another one")
        self.head = Head(due, str(event.hash))
        if self._kept is not None and self._kept.sequence == due and self._kept != self.head:
            return ChainBreak(
                due, "it was rewritten, and so was all before it or after it: the hash that was kept differs"
            )
        return None

    def end(self, head: Head | None, unchained: int) -> ChainBreak | None:
        """After the last event: whether the stored head says the same. `unchained` rows stand outside of the chain."""
        last = self.head.sequence
        if head is None and last > 0:
            return ChainBreak(last, "the head of the chain is missing, so that later events may be missing, too")
        if head is not None and head.sequence > last:
            return ChainBreak(last + 1, f"it is missing, and so are all after it, up to {head.sequence}")
        if self._kept is not None and self._kept.sequence > last:
            return ChainBreak(last + 1, f"it is missing: the head that was kept had {self._kept.sequence} events")
        if head is not None and head.sequence < last:
            return ChainBreak(head.sequence + 1, "it was added from outside: the head of the chain is before it")
        if head is not None and head.hash != self.head.hash:
            return ChainBreak(max(last, 1), "it was rewritten: the head of the chain has another hash")
        if unchained:
            return ChainBreak(last + 1, f"{unchained} rows without a place in the chain were added from outside")
        return None


def _out_of_turn(event: AuditEvent, due: int) -> ChainBreak:
    if event.sequence is None or event.sequence < due:
        return ChainBreak(due, f"a row with the number {event.sequence} stands in its place")
    through = f", and so are all up to {event.sequence - 1}" if event.sequence - 1 > due else ""
    return ChainBreak(due, f"it is missing{through}")
