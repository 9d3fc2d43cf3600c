"""Queries about the inbox, and the entry that a thread works on."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, delete, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col, select

from bot.access.models.columns import FREE
from bot.access.models.inbox import InboxEntry, Payload
from bot.access.store.chain import AuditEntry
from bot.access.store.session import SessionBase

REFUSED = "access.refused"
"""The event of a refusal: nothing was done, so doing it again changes nothing."""

FILED = "request.submitted"
"""The event of a new request. Its actor is the requester, even if somebody else asks for them."""


class DoneElsewhere(Exception):
    """Another process has already done what the entry asks for. The transaction changes nothing."""


@dataclass
class InboxWork:
    """The work on one entry of the inbox.

    `applied`: its effect is committed. `repeatable`: it takes several transactions, and a second run completes
    them. `again`: a process died while it worked on the entry, or the work failed. `handed_on`: work is queued that
    ends the entry itself.
    """

    id: str
    person: str | None
    attempts: int = 0
    applied: bool = False
    repeatable: bool = False
    again: bool = False
    handed_on: bool = False
    postponed: bool = False

    def is_applied_by(self, events: Sequence[AuditEntry]) -> bool:
        """Whether a transaction with these events is the one that does what the person asked for."""
        if self.applied or self.repeatable:
            return False
        return any(each.event == FILED or (each.actor == self.person and each.event != REFUSED) for each in events)


_working_on: ContextVar[InboxWork | None] = ContextVar("working_on", default=None)


def current_work() -> InboxWork | None:
    """The entry that this thread works on."""
    return _working_on.get()


def set_current_work(work: InboxWork | None) -> None:
    """Notes the entry for this thread and for the work that it hands on."""
    _working_on.set(work)


@contextmanager
def working_on(work: InboxWork | None) -> Iterator[None]:
    """The block works on that entry."""
    token = _working_on.set(work)
    try:
        yield
    finally:
        _working_on.reset(token)


_INSERT = {
    "sqlite": sqlite.insert(InboxEntry).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(InboxEntry).on_conflict_do_nothing(),
}
_KNOWN = select(InboxEntry.id).where(col(InboxEntry.id).in_(bindparam("ids", expanding=True)))
_MINE = _KNOWN.where(col(InboxEntry.claimed_by) == bindparam("process"))


class InboxQueries(SessionBase):
    """The inbox."""

    def take_in(self, payloads: Sequence[Payload], until: datetime) -> set[str]:
        """Stores payloads, claimed by this process, and returns the ids of those that are new."""
        if not payloads:
            return set()
        ids = [each.id for each in payloads]
        # One compiled statement for any number of rows: a list of values took 25 ms for two hundred (measured).
        connection = self._session.connection()
        there = set(connection.execute(_KNOWN, {"ids": ids}).scalars())
        claim = {"claimed_by": self._process, "claimed_until": until, "attempts": 0}
        rows = [
            {
                "id": each.id, "person": each.person, "body": each.body,
                "received_at": each.received_at, "due_at": each.received_at, **claim,
            }
            for each in {each.id: each for each in payloads}.values() if each.id not in there
        ]  # fmt: skip
        if not rows:
            return set()
        connection.execute(_INSERT[connection.dialect.name], rows)
        # Of two processes with copies of one payload, the one that stored it works on it.
        mine = set(connection.execute(_MINE, {"ids": ids, "process": self._process}).scalars())
        return mine - there

    def apply(self, entry_id: str, at: datetime) -> None:
        """Marks the entry as applied by this transaction. Raises `DoneElsewhere` if another one has done so."""
        open_entry = (col(InboxEntry.id) == entry_id, col(InboxEntry.applied_at).is_(None))
        if self._execute(update(InboxEntry).where(*open_entry).values(applied_at=at)) != 1:
            raise DoneElsewhere(entry_id)

    def finish(self, entry_ids: Sequence[str], at: datetime) -> None:
        """Ends entries, and drops their payloads."""
        if entry_ids:
            done = {"done_at": at, "due_at": None, "body": None}
            self._execute(update(InboxEntry).where(col(InboxEntry.id).in_(entry_ids)).values(**done, **FREE))

    def forget_done(self, before: datetime) -> int:
        """Deletes entries that were done before that time, and returns how many."""
        return self._execute(delete(InboxEntry).where(col(InboxEntry.done_at) < before))
