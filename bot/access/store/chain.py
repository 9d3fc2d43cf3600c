"""Writes the audit trail: one chain for all processes, without one of them waiting for long, or for ever.

The end of the chain is one row. A transaction takes its lock as the very last thing before its commit, when every
other row that it wants is written: whoever holds the head waits for nothing any more, so the head can be in no circle
of transactions that wait for each other, whatever order they took their other rows in. It is held for the length of
one insert, one update and the commit, whether the transaction has one event or a thousand.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import insert, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, select

from bot.access.models.audit import AuditEvent, AuditHead

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


ONLY = 1
"""The id of the one row that holds the end of the chain."""


def chain(session: Session, events: Sequence[AuditEntry]) -> None:
    """Appends these events to the chain. Nothing may be written after this but the commit."""
    if not events:
        return
    head = append(_locked(session), events)
    session.connection().execute(insert(AuditEvent), [each.row() for each in events])
    moved = update(AuditHead).where(col(AuditHead.id) == ONLY).values(sequence=head.sequence, hash=head.hash)
    session.connection().execute(moved)


def _locked(session: Session) -> Head:
    """The end of the chain, held until the commit."""
    only = select(AuditHead).where(AuditHead.id == ONLY).with_for_update().execution_options(populate_existing=True)
    found = session.exec(only).first()
    if found is None:
        # Before the first event. Or somebody removed it: access must end all the same, so the chain goes on after the
        # last event, and `bot audit verify` has no more than the events to go by.
        _begin(session)
        found = session.exec(only).one()
    return Head(found.sequence, found.hash)


def _begin(session: Session) -> None:
    newest = select(AuditEvent.sequence, AuditEvent.hash).where(col(AuditEvent.sequence).is_not(None))
    last = session.exec(newest.order_by(col(AuditEvent.sequence).desc()).limit(1)).first()
    sequence, digest = last or (0, GENESIS)
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    begun = dialect.insert(AuditHead).values(id=ONLY, sequence=sequence, hash=digest)
    # Another process may be first: this waits for its commit, and takes what it left.
    session.connection().execute(begun.on_conflict_do_nothing())
