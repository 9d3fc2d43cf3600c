"""What there is now, counted in the database: of what is alive alone, so that a long history costs nothing."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine
from sqlmodel import Session, col, func, select

from bot.access.models.audit import AuditEvent, AuditHead, AuditShipping
from bot.access.models.grants import Grant
from bot.access.models.messages import Message
from bot.access.models.requests import AccessRequest
from bot.access.states import ENDING, LIVE, GrantState, RequestState
from bot.access.store.chain import ONLY

PRESENT = tuple(sorted(LIVE | ENDING))
"""Grants of which something is, or may be, in the cluster."""


@dataclass(frozen=True)
class Gauges:
    """One look. `owed_since` is when the message that is owed for longest was first owed."""

    pending: int
    grants: dict[str, int]
    owed: int
    owed_since: datetime | None
    audited: int
    shipped: int | None


def gauges(engine: Engine, destination: str | None) -> Gauges:
    """Four queries, each on an index that holds what is alive. `destination` is where the audit trail is sent."""
    waiting = select(func.count()).where(AccessRequest.state == RequestState.PENDING)
    states = select(Grant.state, func.count()).where(col(Grant.state).in_(PRESENT)).group_by(col(Grant.state))
    owed = select(func.count(), func.min(Message.owed_since)).where(col(Message.due_at).is_not(None))
    with Session(engine) as session:
        found = dict(session.exec(states).all())
        depth, since = session.exec(owed).one()
        head = session.get(AuditHead, ONLY)
        sent = session.get(AuditShipping, destination) if destination else None
        return Gauges(
            pending=session.exec(waiting).one(),
            grants={state.value: found.get(state, 0) for state in PRESENT},
            owed=depth,
            owed_since=since,
            audited=head.sequence if head else 0,
            shipped=(sent.sequence if sent else 0) if destination else None,
        )


def ending_since(engine: Engine, grant_id: str) -> datetime | None:
    """When somebody or something last asked for the end of that grant."""
    began = select(AuditEvent.at).where(
        AuditEvent.request_id == grant_id, AuditEvent.event == f"grant.{GrantState.REVOKING.value}"
    )
    with Session(engine) as session:
        return session.exec(began.order_by(col(AuditEvent.id)).limit(1)).first()
