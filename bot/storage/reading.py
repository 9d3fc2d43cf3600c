"""What a transaction reads."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, exists, or_
from sqlalchemy.orm import aliased
from sqlalchemy.sql.dml import UpdateBase
from sqlmodel import Session, col, func, select

from bot.access.grants import End
from bot.access.models import AccessRequest, Approval, AskedGroup, AuditEvent, Grant, Message, MessageKind
from bot.access.ports import Story
from bot.access.states import LIVE, GrantState, RequestState

_NOT_GIVEN_AGAIN = (End.REVOKED, End.NOT_CREATED, End.NOT_DELIVERED)


class Reading:
    """Queries on a database session; `process` names this process in what it claims."""

    def __init__(self, session: Session, process: str) -> None:
        self._session = session
        self._process = process
        self.made_work = False
        self.audited: list[AuditEvent] = []
        self.moved: list[tuple[AccessRequest | Grant, RequestState | GrantState]] = []

    def request(self, request_id: str) -> AccessRequest | None:
        """The request of that id."""
        return self._session.get(AccessRequest, request_id)

    def grant(self, grant_id: str) -> Grant | None:
        """The grant of that id."""
        return self._session.get(Grant, grant_id)

    def message(self, request_id: str, kind: MessageKind, recipient: str) -> Message | None:
        """That message of that request to that person."""
        return self._session.exec(
            select(Message).where(
                Message.request_id == request_id, Message.kind == kind, Message.recipient == recipient
            )
        ).first()

    def story(self, request_id: str) -> Story:
        """Everything about one request. Raises `LookupError` when there is none."""
        # Written rows are read anew: conditional updates pass the session's memory by.
        request = self._session.get(AccessRequest, request_id, populate_existing=True)
        if request is None:
            raise LookupError(f"no request {request_id}")
        approvals = self._session.exec(
            select(Approval).where(Approval.request_id == request_id).order_by(col(Approval.at), col(Approval.approver))
        ).all()
        groups = self._session.exec(
            select(AskedGroup).where(AskedGroup.request_id == request_id).order_by(col(AskedGroup.id))
        ).all()
        grant = self._session.get(Grant, request.extends or request_id, populate_existing=True)
        return Story(request, grant, tuple(approvals), tuple(groups))

    def requests_of(self, requester: str, most: int) -> Sequence[Story]:
        """The newest requests of a person, newest first."""
        rows = self._session.exec(
            select(AccessRequest.id)
            .where(AccessRequest.requester == requester)
            .order_by(col(AccessRequest.created_at).desc())
            .limit(most)
        ).all()
        return [self.story(request_id) for request_id in rows]

    def overdue_requests(self, now: datetime, most: int) -> Sequence[AccessRequest]:
        """Pending requests whose time to be decided has passed."""
        return self._session.exec(
            select(AccessRequest)
            .where(AccessRequest.state == RequestState.PENDING, AccessRequest.pending_until <= now)
            # In one order: two processes that end the same ones at once must not wait for each other.
            .order_by(col(AccessRequest.pending_until), col(AccessRequest.id))
            .limit(most)
        ).all()

    def anybody_asked(self, request_id: str) -> bool:
        """Whether one message to an owner about that request stands in Slack, or is still owed."""
        there = or_(col(Message.ts).is_not(None), col(Message.due_at).is_not(None))
        mine = (Message.request_id == request_id, Message.kind == MessageKind.APPROVAL, there)
        return self._session.exec(select(Message.id).where(*mine).limit(1)).first() is not None

    def pending_extensions(self, grant_id: str) -> Sequence[AccessRequest]:
        """Pending requests to prolong that grant."""
        return self._session.exec(
            select(AccessRequest).where(AccessRequest.extends == grant_id, AccessRequest.state == RequestState.PENDING)
        ).all()

    def next_grant_due(self) -> datetime | None:
        """When the next grant is due."""
        return self._next_due(Grant)

    def next_message_due(self) -> datetime | None:
        """When the next message is due."""
        return self._next_due(Message, first_of_recipient())

    def next_request_due(self) -> datetime | None:
        """When the next pending request expires."""
        return self._session.exec(
            select(func.min(AccessRequest.pending_until)).where(AccessRequest.state == RequestState.PENDING)
        ).one()

    def _next_due(self, table: type[Grant | Message], *turn: Any) -> datetime | None:
        # What is in hand is due again when its claim lapses: else it would hide what is due next.
        due, claimed = col(table.due_at), col(table.claimed_until)
        free = self._session.exec(
            select(table.due_at).where(due.is_not(None), claimed.is_(None), *turn).order_by(due).limit(1)
        ).first()
        sooner = due.is_not(None) if free is None else due < free
        lapse = self._session.exec(select(func.min(table.claimed_until)).where(sooner, *turn)).one()
        return min((each for each in (free, lapse) if each is not None), default=None)

    def unrouted_requests(self, now: datetime, most: int) -> Sequence[AccessRequest]:
        """Pending requests about which nobody could be asked yet, and that are worth another attempt."""
        return self._session.exec(
            select(AccessRequest)
            .where(col(AccessRequest.route_at) <= now, AccessRequest.state == RequestState.PENDING)
            .limit(most)
        ).all()

    def escalating_requests(self, now: datetime, most: int) -> Sequence[AccessRequest]:
        """Pending requests whose next reminder or escalation is due."""
        return self._session.exec(
            select(AccessRequest)
            .where(col(AccessRequest.escalate_at) <= now, AccessRequest.state == RequestState.PENDING)
            .limit(most)
        ).all()

    def automatic_grants(self) -> Sequence[Story]:
        """What automatic access flows have given and is live."""
        rows = self._session.exec(
            select(AccessRequest.id)
            .join(Grant, col(Grant.id) == col(AccessRequest.id))
            .where(col(AccessRequest.automatic).is_(True), col(Grant.state).in_(LIVE))
        ).all()
        return [self.story(request_id) for request_id in rows]

    def has_or_gave_back(self, flow: str, requester: str, integration: str, now: datetime) -> bool:
        """Whether that person has what the automatic flow gives, or it ended before its time, which is not over yet."""
        early = and_(col(Grant.end_reason).in_(_NOT_GIVEN_AGAIN), col(Grant.expires_at) > now)
        found = self._session.exec(
            select(Grant.id)
            .join(AccessRequest, col(Grant.id) == col(AccessRequest.id))
            .where(
                col(AccessRequest.automatic).is_(True),
                AccessRequest.flow == flow,
                AccessRequest.requester == requester,
                AccessRequest.integration == integration,
                or_(col(Grant.state).in_(LIVE), early),
            )
            .limit(1)
        ).first()
        return found is not None

    def _execute(self, statement: UpdateBase) -> int:
        return self._session.connection().execute(statement).rowcount


def first_of_recipient() -> Any:
    """That no older message is owed to the same person."""
    earlier = aliased(Message)
    return ~exists().where(
        col(earlier.recipient) == col(Message.recipient),
        col(earlier.due_at).is_not(None),
        col(earlier.id) < col(Message.id),
    )
