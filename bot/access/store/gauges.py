"""The current counts for metrics. Only live rows are counted, so a long history costs nothing."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine
from sqlmodel import Session, col, func, select

from bot.access.models.audit import AuditEvent, AuditHead, AuditShipping
from bot.access.models.grants import Grant
from bot.access.models.inbox import InboxEntry
from bot.access.models.messages import Message
from bot.access.models.requests import AccessRequest
from bot.access.states import ENDING, LIVE, GrantState, RequestState
from bot.access.store.chain import ONLY

PRESENT = tuple(sorted(LIVE | ENDING))
"""States of grants that have, or may have, something in the cluster."""


@dataclass(frozen=True)
class Gauges:
    """One reading. `owed_since` is when the message that has been due longest first became due, and
    `taken_since` when the oldest entry of the inbox that is not done yet was received."""

    pending: int
    grants: dict[str, int]
    owed: int
    owed_since: datetime | None
    taken: int
    taken_since: datetime | None
    audited: int
    shipped: int | None


def gauges(engine: Engine, destination: str | None) -> Gauges:
    """Reads the counts with five queries on partial indexes. `destination` is the index that the audit trail is shipped
    to.
    """
    waiting = select(func.count()).where(AccessRequest.state == RequestState.PENDING)
    states = select(Grant.state, func.count()).where(col(Grant.state).in_(PRESENT)).group_by(col(Grant.state))
    owed = select(func.count(), func.min(Message.owed_since)).where(col(Message.due_at).is_not(None))
    taken = select(func.count(), func.min(InboxEntry.received_at)).where(col(InboxEntry.due_at).is_not(None))
    with Session(engine) as session:
        found = dict(session.exec(states).all())
        depth, since = session.exec(owed).one()
        waits, oldest = session.exec(taken).one()
        head = session.get(AuditHead, ONLY)
        sent = session.get(AuditShipping, destination) if destination else None
        return Gauges(
            pending=session.exec(waiting).one(),
            grants={state.value: found.get(state, 0) for state in PRESENT},
            owed=depth,
            owed_since=since,
            taken=waits,
            taken_since=oldest,
            audited=head.sequence if head else 0,
            shipped=(sent.sequence if sent else 0) if destination else None,
        )


def ending_since(engine: Engine, grant_id: str) -> datetime | None:
    """When the end of that grant was last requested."""
    began = select(AuditEvent.at).where(
        AuditEvent.request_id == grant_id, AuditEvent.event == f"grant.{GrantState.REVOKING.value}"
    )
    with Session(engine) as session:
        return session.exec(began.order_by(col(AuditEvent.id)).limit(1)).first()
