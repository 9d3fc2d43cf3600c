"""Reads and writes of one transaction. A transition is one conditional UPDATE: whoever comes second is told so."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, case, exists, or_, update
from sqlalchemy.orm import aliased
from sqlalchemy.sql.dml import UpdateBase
from sqlmodel import Session, SQLModel, col, func, select

from bot.access.errors import LostRace
from bot.access.ids import new_id
from bot.access.models import AccessRequest, Approval, AuditEvent, Grant, Message, MessageKind
from bot.access.ports import Posted, Row, Story
from bot.access.states import GrantState, RequestState, allowed

_TRIES_FOR_AN_ID = 20
"""With a million requests in the table a new id clashes once in a thousand: twenty clashes in a row are a bug."""

_FREE: dict[str, Any] = {"claimed_by": None, "claimed_until": None}


class SqlTransaction:
    """A `Transaction` on a database session."""

    def __init__(self, session: Session, process: str) -> None:
        self._session = session
        self._process = process
        self.made_work = False

    # --- reading ---

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
        approvals = self._session.exec(select(Approval).where(Approval.request_id == request_id)).all()
        grant_id = request.extends or request_id
        return Story(request, self._session.get(Grant, grant_id, populate_existing=True), tuple(approvals))

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
            .limit(most)
        ).all()

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
        return self._next_due(Message, _first_of_recipient())

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

    # --- writing ---

    def file(self, request: AccessRequest) -> AccessRequest:
        """Stores a new request under a new id."""
        for _ in range(_TRIES_FOR_AN_ID):
            candidate = new_id()
            if self._session.get(AccessRequest, candidate) is None:
                request.id = candidate
                self._session.add(request)
                self._session.flush()
                return request
        raise RuntimeError("no free request id was found")

    def add(self, row: Approval | Grant) -> None:
        """Stores a new row. Raises `LostRace` when it is there already."""
        key = (row.request_id, row.approver) if isinstance(row, Approval) else row.id
        if self._session.get(type(row), key) is not None:
            raise LostRace(key)
        self._session.add(row)
        self._session.flush()
        self.made_work = self.made_work or isinstance(row, Grant)

    def move(
        self,
        row: Row,
        to: RequestState | GrantState,
        actor: str,
        at: datetime,
        detail: dict[str, Any] | None = None,
        **values: Any,
    ) -> None:
        """One transition and its audit event. Raises `LostRace`, and `ValueError` for one that does not exist."""
        if not allowed(row.state, to):
            raise ValueError(f"{row.state} → {to} is not a transition")
        self._update(row, {**values, "state": to})
        subject = "request" if isinstance(row, AccessRequest) else "grant"
        self.audit(f"{subject}.{to.value}", actor, at, row.id, **(detail or {}))

    def change(
        self,
        row: Grant,
        event: str,
        actor: str,
        at: datetime,
        detail: dict[str, Any] | None = None,
        **values: Any,
    ) -> None:
        """Changes a grant within its state, with an audit event. Raises `LostRace` when it has changed meanwhile."""
        self._update(row, values)
        self.audit(event, actor, at, row.id, **(detail or {}))

    def _update(self, row: Row, values: dict[str, Any]) -> None:
        table: type[SQLModel] = type(row)
        unchanged = [col(type(row).id) == row.id, col(type(row).state) == row.state]
        if isinstance(row, Grant):
            unchanged.append(col(Grant.version) == row.version)
            values = {**values, "version": row.version + 1}
            self.made_work = self.made_work or values.get("due_at") is not None
        if self._execute(update(table).where(*unchanged).values(**values)) != 1:
            raise LostRace(row.id)
        for name, value in values.items():
            setattr(row, name, value)

    def audit(self, event: str, actor: str, at: datetime, request_id: str | None, **detail: Any) -> None:
        """Keeps an event. `detail` must be plain data, and no secret."""
        self._session.add(AuditEvent(at=at, event=event, request_id=request_id, actor=actor, detail=detail))

    # --- messages ---

    def owe(self, request_id: str, kind: MessageKind, recipients: Sequence[str], at: datetime | None) -> None:
        """A message to each recipient that has none of this kind about this request yet."""
        for recipient in dict.fromkeys(recipients):
            if self.message(request_id, kind, recipient) is None:
                self._session.add(Message(request_id=request_id, kind=kind, recipient=recipient, due_at=at))
                self.made_work = self.made_work or at is not None
        self._session.flush()

    def refresh(self, request_id: str, kinds: Sequence[MessageKind], at: datetime) -> None:
        """What was sent of these kinds about this request, or is being sent, must be shown anew."""
        changed = self._execute(
            update(Message)
            .where(
                col(Message.request_id) == request_id,
                col(Message.kind).in_(kinds),
                or_(col(Message.ts).is_not(None), col(Message.due_at).is_not(None)),
            )
            .values(wanted=Message.wanted + 1, due_at=at, attempts=0)
        )
        self.made_work = self.made_work or changed > 0

    def place(self, message: Message, posted: Posted) -> None:
        """Remembers where a message stands."""
        self._execute(update(Message).where(col(Message.id) == message.id).values(channel=posted.channel, ts=posted.ts))
        message.channel, message.ts = posted.channel, posted.ts

    def sent(self, message: Message, posted: Posted) -> None:
        """The message shows what was wanted when it was claimed; a later want stays owed. Ends the claim."""
        self.place(message, posted)
        still_owed = case((col(Message.wanted) == message.wanted, None), else_=col(Message.due_at))
        self._execute(
            update(Message)
            .where(col(Message.id) == message.id)
            .values(sent=message.wanted, due_at=still_owed, attempts=0, **_FREE)
        )

    def give_up(self, message: Message) -> None:
        """What was wanted when it was claimed is owed no more; a later want stays owed. Ends the claim."""
        still_owed = case((col(Message.wanted) == message.wanted, None), else_=col(Message.due_at))
        self._execute(update(Message).where(col(Message.id) == message.id).values(due_at=still_owed, **_FREE))

    # --- claims ---

    def put_off(self, row: Grant | Message, until: datetime) -> None:
        """Ends the claim; it is tried again at that time, unless something newer is due for it."""
        if isinstance(row, Grant):
            due = case((col(Grant.version) == row.version, until), else_=col(Grant.due_at))
            mine = and_(col(Grant.id) == row.id, col(Grant.claimed_by) == self._process)
            self._execute(update(Grant).where(mine).values(due_at=due, **_FREE))
        else:
            due = case((col(Message.wanted) == row.wanted, until), else_=col(Message.due_at))
            mine = and_(col(Message.id) == row.id, col(Message.claimed_by) == self._process)
            attempts = row.attempts + 1
            self._execute(update(Message).where(mine).values(due_at=due, attempts=attempts, **_FREE))
        self.made_work = True

    def claim_grants(self, now: datetime, until: datetime, most: int) -> Sequence[Grant]:
        """Takes up to `most` due grants that nobody else has, until then."""
        due = and_(col(Grant.due_at) <= now, _unclaimed(Grant, now))
        found = self._session.exec(
            select(Grant).where(due).order_by(col(Grant.due_at)).limit(most).with_for_update(skip_locked=True)
        ).all()
        return [row for row in found if self._claim(Grant, row, now, until)]

    def claim_messages(self, now: datetime, until: datetime, most: int) -> Sequence[Message]:
        """Takes up to `most` owed messages, of each recipient the oldest only, so that they arrive in order."""
        due = and_(col(Message.due_at) <= now, _unclaimed(Message, now), _first_of_recipient())
        found = self._session.exec(
            select(Message).where(due).order_by(col(Message.id)).limit(most).with_for_update(skip_locked=True)
        ).all()
        return [row for row in found if self._claim(Message, row, now, until)]

    def _claim(self, table: type[Grant | Message], row: Grant | Message, now: datetime, until: datetime) -> bool:
        taken = self._execute(
            update(table)
            .where(col(table.id) == row.id, _unclaimed(table, now))
            .values(claimed_by=self._process, claimed_until=until)
        )
        self._session.refresh(row)
        return taken == 1

    def renew_claims(self, rows: Sequence[Grant | Message], until: datetime) -> None:
        """Holds on to what this process has claimed and is still working on."""
        for table in (Grant, Message):
            ids = [row.id for row in rows if isinstance(row, table)]
            mine = and_(col(table.id).in_(ids), col(table.claimed_by) == self._process)
            # It never waits for a row while it holds another, so it cannot be part of a deadlock.
            free = self._session.exec(select(table.id).where(mine).with_for_update(skip_locked=True)).all()
            self._execute(update(table).where(col(table.id).in_(free)).values(claimed_until=until))

    def release_all_claims(self) -> None:
        """Frees every claim, whoever made it."""
        for table in (Grant, Message):
            self._execute(update(table).where(col(table.claimed_by).is_not(None)).values(**_FREE))
        self.made_work = True

    def _execute(self, statement: UpdateBase) -> int:
        return self._session.connection().execute(statement).rowcount


def _first_of_recipient() -> Any:
    earlier = aliased(Message)
    return ~exists().where(
        col(earlier.recipient) == col(Message.recipient),
        col(earlier.due_at).is_not(None),
        col(earlier.id) < col(Message.id),
    )


def _unclaimed(table: type[Grant | Message], now: datetime) -> Any:
    return or_(col(table.claimed_until).is_(None), col(table.claimed_until) < now)
