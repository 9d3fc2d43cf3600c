"""The audit chain: each event holds the hash of the one before. One chain serves all processes.

The head of the chain is one row. A transaction locks it as its last step before the commit, after writing all other
rows. The process that holds the head waits for nothing else, so the head cannot be part of a deadlock, whatever the
order of the other locks. The lock lasts for one insert, one update and the commit, for one event or a thousand.
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
"""The predecessor of the first event."""


@dataclass(slots=True)
class AuditEntry:
    """An event before it is written, with the columns of its row. The last three are its position in the chain.

    It is not the row itself: a thousand grants that end together are three thousand events, and rows are slow to
    create.
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
        """The values to insert."""
        return {name: getattr(self, name) for name in self.__slots__}


def hash_of(event: AuditEvent | AuditEntry) -> str:
    """The SHA-256, in hex, of an event: its position, the hash of the event before, and its content.

    The row's `id` is left out because the database assigns it. The canonical form is JSON without spaces, with sorted
    keys, non-ASCII characters escaped, and the time in UTC to the microsecond.
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
    """The time in UTC to the microsecond, always of the same length."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def plain(detail: dict[str, Any]) -> dict[str, Any]:
    """A detail as the database returns it: tuples become lists and every key becomes text."""
    kept: dict[str, Any] = json.loads(json.dumps(detail))
    return kept


@dataclass(frozen=True)
class Head:
    """The head of the chain: the number of events and the hash of the last."""

    sequence: int
    hash: str

    def __str__(self) -> str:
        return f"{self.sequence}:{self.hash}"

    @classmethod
    def read(cls, text: str) -> "Head":
        """Reads the form that `str` writes. Raises `ValueError`."""
        number, _, digest = text.strip().partition(":")
        if not number.isdecimal() or len(digest) != len(GENESIS) or set(digest) - set("0123456789abcdef"):
            raise ValueError("is not like 1234:HASH, as `bot audit verify` prints it")
        return cls(int(number), digest)


def append(head: Head, events: Iterable[AuditEntry]) -> Head:
    """Chains these events to the head, in order. Returns the new head."""
    for event in events:
        event.detail = plain(event.detail)
        event.sequence, event.previous = head.sequence + 1, head.hash
        event.hash = hash_of(event)
        head = Head(event.sequence, event.hash)
    return head


ONLY = 1
"""The id of the single row with the head of the chain."""


def chain(session: Session, events: Sequence[AuditEntry]) -> None:
    """Appends these events to the chain. Only the commit may follow."""
    if not events:
        return
    head = append(_locked(session), events)
    session.connection().execute(insert(AuditEvent), [each.row() for each in events])
    moved = update(AuditHead).where(col(AuditHead.id) == ONLY).values(sequence=head.sequence, hash=head.hash)
    session.connection().execute(moved)


def _locked(session: Session) -> Head:
    """The head of the chain, locked until the commit."""
    only = select(AuditHead).where(AuditHead.id == ONLY).with_for_update().execution_options(populate_existing=True)
    found = session.exec(only).first()
    if found is None:
        # Before the first event; or someone deleted the row. Access must still end, so the chain continues after the
        # last event, and `bot audit verify` can rely on the events alone.
        _begin(session)
        found = session.exec(only).one()
    return Head(found.sequence, found.hash)


def _begin(session: Session) -> None:
    newest = select(AuditEvent.sequence, AuditEvent.hash).where(col(AuditEvent.sequence).is_not(None))
    last = session.exec(newest.order_by(col(AuditEvent.sequence).desc()).limit(1)).first()
    sequence, digest = last or (0, GENESIS)
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    begun = dialect.insert(AuditHead).values(id=ONLY, sequence=sequence, hash=digest)
    # Another process may be first: this waits for its commit and uses its row.
    session.connection().execute(begun.on_conflict_do_nothing())
