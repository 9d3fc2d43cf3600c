"""Reads the audit trail in a stream, however long it is. Reads only."""

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, or_
from sqlmodel import Session, col, func, select

from bot.access.audit.chain_identity import BEGUN, kept_chain
from bot.access.audit.queries import AccessRecord, AuditFilter, access_of
from bot.access.audit.verification import ChainBreak, Verification
from bot.access.models.audit import AuditEvent, AuditHead, AuditShipping
from bot.access.models.grants import Grant
from bot.access.models.requests import AccessRequest, Approval
from bot.access.store.chain import ONLY, Head

AT_ONCE = 1000
"""Rows in memory, at half a kilobyte each."""


@dataclass(frozen=True)
class VerificationResult:
    """The result of a verification: how far the chain is intact, and the first break."""

    head: Head
    broken: ChainBreak | None


class AuditTrail:
    """The events of a database, as `bot audit` and the shipping read them."""

    def __init__(self, engine: Engine) -> None:
        # One snapshot of the database for everything read in one query, while others write.
        isolated = {"isolation_level": "REPEATABLE READ"} if engine.dialect.name == "postgresql" else {}
        self._engine = engine.execution_options(**isolated)

    def verify(self, kept: Head | None = None) -> VerificationResult:
        """Follows the chain from its first event to its head."""
        verification = Verification(kept)
        with Session(self._engine) as session:
            with closing(_streamed(session, AuditFilter())) as events:
                broken = next(filter(None, map(verification.check, events)), None)
            if broken is not None:
                return VerificationResult(verification.head, broken)
            found = session.get(AuditHead, ONLY)
            unchained = select(func.count()).select_from(AuditEvent).where(col(AuditEvent.sequence).is_(None))
            head = Head(found.sequence, found.hash) if found else None
            return VerificationResult(verification.head, verification.end(head, session.exec(unchained).one()))

    def events(self, wanted: AuditFilter) -> Iterator[AuditEvent]:
        """The selected events, oldest first."""
        with Session(self._engine) as session, closing(_streamed(session, wanted)) as events:
            yield from events

    def access(self, index: str, at: datetime) -> Iterator[AccessRecord]:
        """Who had access to that index, or to anything under that pattern, at that time."""
        there = (col(Grant.delivered_at) <= at, or_(col(Grant.ended_at).is_(None), col(Grant.ended_at) > at))
        live = (
            select(Grant, AccessRequest)
            .join(AccessRequest, col(AccessRequest.id) == col(Grant.id))
            .where(*there)
            .order_by(col(Grant.delivered_at), col(Grant.id))
            .execution_options(yield_per=AT_ONCE)
        )
        with (
            Session(self._engine) as session,
            Session(self._engine) as lookups,
            closing(session.exec(live)) as result,
        ):
            for grant, request in result:
                found = access_of(grant, request, index)
                if found is not None:
                    yield found.approved_by(_approvers(lookups, request.id))
                session.expunge_all()

    def after(self, sequence: int, most: int) -> Sequence[AuditEvent]:
        """The next events after that position in the chain."""
        following = select(AuditEvent).where(col(AuditEvent.sequence) > sequence)
        with Session(self._engine) as session:
            return session.exec(following.order_by(col(AuditEvent.sequence)).limit(most)).all()

    def head(self) -> int:
        """The number of events."""
        with Session(self._engine) as session:
            found = session.get(AuditHead, ONLY)
            return found.sequence if found else 0

    def chain(self) -> str:
        """The id of the chain; empty in a database that no application has run on since chains have ids."""
        with Session(self._engine) as session:
            return kept_chain(session) or ""

    def beginnings(self) -> Sequence[AuditEvent]:
        """The events with which a chain id began, oldest first."""
        with Session(self._engine) as session:
            return session.exec(
                select(AuditEvent).where(AuditEvent.event == BEGUN).order_by(col(AuditEvent.sequence))
            ).all()

    def shipped(self, destination: str) -> int:
        """The position up to which events were shipped."""
        with Session(self._engine) as session:
            found = session.get(AuditShipping, destination)
            return found.sequence if found else 0


def _approvers(session: Session, request_id: str) -> tuple[str, ...]:
    yes = select(Approval.approver).where(Approval.request_id == request_id, col(Approval.approved).is_(True))
    return tuple(session.exec(yes.order_by(col(Approval.at), col(Approval.approver))))


def _streamed(session: Session, wanted: AuditFilter) -> Generator[AuditEvent, None, None]:
    """Streams events; close it when stopping early, because on PostgreSQL it holds a server-side cursor."""
    # The sum avoids the index: for the last hours, SQLite would otherwise follow the whole chain up to them (measured).
    order = col(AuditEvent.sequence) + 0 if wanted.since is not None else col(AuditEvent.sequence)
    rows = (
        select(AuditEvent)
        .where(col(AuditEvent.sequence).is_not(None), *_conditions(wanted))
        .order_by(order)
        .execution_options(yield_per=AT_ONCE)
    )
    with closing(session.exec(rows)) as result:
        for event in result:
            yield event
            session.expunge(event)


def _conditions(wanted: AuditFilter) -> Iterator[Any]:
    if wanted.since is not None:
        yield col(AuditEvent.at) >= wanted.since
    if wanted.until is not None:
        yield col(AuditEvent.at) < wanted.until
    if wanted.event:
        name = col(AuditEvent.event)
        # "grant" selects every "grant.…"
        yield or_(name == wanted.event, name.startswith(f"{wanted.event.rstrip('.')}.", autoescape=True))
    if wanted.request is not None:
        yield col(AuditEvent.request_id) == wanted.request
    if wanted.person is not None:
        theirs = select(AccessRequest.id).where(AccessRequest.requester == wanted.person)
        yield or_(col(AuditEvent.actor) == wanted.person, col(AuditEvent.request_id).in_(theirs))
