"""Reads the audit trail in a stream, however long it is. Reads only."""

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, and_, or_
from sqlmodel import Session, col, func, select

from bot.access.audit.chain_identity import BEGUN, kept_chain
from bot.access.audit.queries import (
    AccessAnswer,
    AuditFilter,
    Difference,
    completed,
    difference,
    record_of,
    recorded_in_row,
)
from bot.access.audit.terms import AccessReplay, RecordedAccess
from bot.access.audit.verification import ChainBreak, Verification
from bot.access.models.audit import AuditEvent, AuditHead, AuditShipping
from bot.access.models.grants import Grant
from bot.access.models.request_details import RequestDetails
from bot.access.models.requests import AccessRequest, Approval
from bot.access.store.chain import ONLY, AuditEntry, Head

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
            with closing(_whole_chain(session)) as events:
                broken = next(filter(None, map(verification.check, events)), None)
            if broken is not None:
                return VerificationResult(verification.head, broken)
            return VerificationResult(verification.head, _check_end(session, verification))

    def events(self, wanted: AuditFilter) -> Iterator[AuditEvent]:
        """The selected events, oldest first."""
        with Session(self._engine) as session, closing(_streamed(session, wanted)) as events:
            yield from events

    def event_names(self) -> Sequence[str]:
        """The names of the events that are there."""
        with Session(self._engine) as session:
            return session.exec(select(AuditEvent.event).distinct().order_by(AuditEvent.event)).all()

    def access(self, index: str, at: datetime) -> AccessAnswer:
        """Who had access to that index, or to anything under that pattern, at that time.

        The answer comes from the events, whose chain is verified on the way, so that changing a row hides no access.
        It is compared with the tables in the same snapshot of the database.
        """
        replay, verification, broken = AccessReplay(at), Verification(), None
        with Session(self._engine) as session:
            with closing(_whole_chain(session)) as events:
                for event in events:
                    broken = broken or verification.check(event)
                    replay.add(event)
            broken = broken or _check_end(session, verification)
            told, rows = dict(replay.live()), dict(_live_rows(session, at))
        records, differences = [], []
        for name in dict.fromkeys([*told, *rows]):
            recorded, row = told.get(name), rows.get(name)
            recorded = completed(recorded, row) if recorded is not None else None
            record = record_of(name, recorded, index) if recorded is not None else None
            if record is not None:
                records.append(record)
            if record is not None or (row is not None and record_of(name, row, index) is not None):
                why = difference(recorded, row)
                differences += [] if why is None else [Difference(name, why)]
        return AccessAnswer(tuple(records), tuple(differences), broken)

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


def _check_end(session: Session, verification: Verification) -> ChainBreak | None:
    """Compares the last event with the head, and looks for events outside the chain."""
    found = session.get(AuditHead, ONLY)
    unchained = select(func.count()).select_from(AuditEvent).where(col(AuditEvent.sequence).is_(None))
    head = Head(found.sequence, found.hash) if found else None
    return verification.end(head, session.exec(unchained).one())


def _live_rows(session: Session, at: datetime) -> Iterator[tuple[str, RecordedAccess]]:
    """The accesses that were live at that time by the tables, by request."""
    approvers: dict[str, list[Approval]] = {}
    there = (col(Grant.delivered_at) <= at, or_(col(Grant.ended_at).is_(None), col(Grant.ended_at) > at))
    yes = select(Approval).join(Grant, col(Grant.id) == col(Approval.request_id))
    for approval in session.exec(yes.where(col(Approval.approved).is_(True), *there)):
        approvers.setdefault(approval.request_id, []).append(approval)
    live = select(Grant, AccessRequest).join(AccessRequest, col(AccessRequest.id) == col(Grant.id)).where(*there)
    ordered = live.order_by(col(Grant.delivered_at), col(Grant.id)).execution_options(yield_per=AT_ONCE)
    with closing(session.exec(ordered)) as result:
        for grant, request in result:
            details = RequestDetails(request, grant, tuple(approvers.get(grant.id, ())))
            yield grant.id, recorded_in_row(grant, details)


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


def _whole_chain(session: Session) -> Generator[AuditEntry, None, None]:
    """Streams all events in their order, without making rows of them, which would take twice as long."""
    columns = [getattr(AuditEvent, name) for name in AuditEntry.__slots__]
    chained = select(*columns).where(col(AuditEvent.sequence).is_not(None)).order_by(col(AuditEvent.sequence))
    with closing(session.exec(chained.execution_options(yield_per=AT_ONCE))) as result:
        for values in result:
            yield AuditEntry(*values)


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
        yield or_(col(AuditEvent.actor) == wanted.person, col(AuditEvent.request_id).in_(_requests_of(wanted.person)))


def _requests_of(person: str) -> Any:
    """The ids of a person's requests, from the events: a changed row must not hide them."""
    filed = (col(AuditEvent.event) == "request.submitted", col(AuditEvent.actor) == person)
    given = (
        col(AuditEvent.event).in_(("request.automatic", "grant.active", "grant.adopted")),
        col(AuditEvent.detail)["requester"].as_string() == person,
    )
    chained = (col(AuditEvent.sequence).is_not(None), col(AuditEvent.request_id).is_not(None))
    return select(AuditEvent.request_id).where(*chained, or_(and_(*filed), and_(*given)))
