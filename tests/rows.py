"""Creates and reads rows."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine
from sqlmodel import Session, col, select

from bot.access.models.audit import AuditEvent
from bot.access.models.grants import Grant
from bot.access.models.messages import Message, MessageKind
from bot.access.models.requests import AccessRequest
from bot.access.states import GrantState
from bot.access.store.session import Room
from bot.access.store.store import Store

NOW = datetime(2026, 11, 24, 12, 0, 0, 123456, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
WHO, OWNER, OTHER = "U0WHO", "U0OWNER", "U0OTHER"


def new_request(store: Store, at: datetime = NOW, integration: str = "production") -> AccessRequest:
    with store.writing() as write:
        return write.file(
            AccessRequest(
                id="", requester=WHO, integration=integration, patterns=["logs-*", "größe"], permission="read",
                duration=3600, reason="👩\u200d💻 <!channel>", owners=[OWNER], created_at=at,
                pending_until=at + timedelta(hours=8),
            )
        )  # fmt: skip


def new_grant(
    store: Store,
    due_at: datetime | None = NOW,
    state: GrantState = GrantState.ACTIVE,
    integration: str = "production",
) -> Grant:
    request = new_request(store, integration=integration)
    grant = Grant(
        id=request.id,
        first_username=f"es-access-{request.id}",
        state=state,
        created_at=NOW,
        expires_at=NOW,
        due_at=due_at,
    )
    with store.writing() as write:
        write.add(grant)
    return grant


def owe(store: Store, recipient: str = OWNER, at: datetime | None = NOW) -> str:
    request = new_request(store)
    with store.writing() as write:
        write.enqueue(request.id, MessageKind.APPROVAL, [recipient], at)
    return request.id


def grant_in(store: Store, grant_id: str) -> Grant:
    with store.reading() as read:
        found = read.grant(grant_id)
    assert found is not None
    return found


def message_in(store: Store, request_id: str) -> Message:
    with store.reading() as read:
        found = read.message(request_id, MessageKind.APPROVAL, OWNER)
    assert found is not None
    return found


def claim_grants(store: Store, now: datetime = NOW, most: int = 10) -> Sequence[Grant]:
    with store.writing() as write:
        made = _all(write.claim_grants(now, now + MINUTE, Room(most), ending=False))
        return made + _all(write.claim_grants(now, now + MINUTE, Room(most - len(made)), ending=True))


def _all(claimed: Mapping[str, Sequence[Grant]]) -> list[Grant]:
    return [grant for grants in claimed.values() for grant in grants]


def claim_messages(store: Store, now: datetime = NOW) -> Sequence[Message]:
    with store.writing() as write:
        return write.claim_messages(now, now + MINUTE, 10)


def events(engine: Engine) -> list[str]:
    with Session(engine) as session:
        return list(session.exec(select(AuditEvent.event).order_by(col(AuditEvent.id))))
