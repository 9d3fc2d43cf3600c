"""Writes the audit trail: one chain for all processes, without one of them waiting for long, or for ever.

The end of the chain is one row. A transaction takes its lock as the very last thing before its commit, when every
other row that it wants is written: whoever holds the head waits for nothing any more, so the head can be in no circle
of transactions that wait for each other, whatever order they took their other rows in. It is held for the length of
one insert, one update and the commit, whether the transaction has one event or a thousand.
"""

from collections.abc import Sequence

from sqlalchemy import insert, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, select

from bot.access.audit.chain import GENESIS, AuditEntry, Head, append
from bot.access.models.audit import AuditEvent, AuditHead

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
