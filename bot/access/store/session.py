"""What a transaction reads."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import and_, exists, or_
from sqlalchemy.orm import aliased
from sqlalchemy.sql.dml import UpdateBase
from sqlmodel import Session, SQLModel, col, func, select

from bot.access.audit.chain import AuditEntry
from bot.access.lifecycle.grants import EndReason
from bot.access.models.columns import CredentialKind
from bot.access.models.counter_offers import CounterOffer
from bot.access.models.grants import Grant
from bot.access.models.messages import Message, MessageKind
from bot.access.models.request_details import RequestDetails
from bot.access.models.requests import AccessRequest, Approval, AskedGroup
from bot.access.models.system import Setting
from bot.access.states import LIVE, GrantState, RequestState

_Table = TypeVar("_Table", bound=SQLModel)

_NOT_GIVEN_AGAIN = (EndReason.REVOKED, EndReason.NOT_CREATED, EndReason.NOT_DELIVERED)


class _Rows(NamedTuple):
    """What belongs to one request."""

    approvals: list[Approval]
    groups: list[AskedGroup]
    offers: list[CounterOffer]

    def frozen(self) -> tuple[tuple[Approval, ...], tuple[AskedGroup, ...], tuple[CounterOffer, ...]]:
        """As a story has it."""
        return tuple(self.approvals), tuple(self.groups), tuple(self.offers)


class SessionBase:
    """Queries on a database session; `process` names this process in what it claims."""

    def __init__(self, session: Session, process: str) -> None:
        self._session = session
        self._process = process
        self.made_work = False
        self.audited: list[AuditEntry] = []
        self.moved: list[tuple[AccessRequest | Grant, RequestState | GrantState]] = []

    def request(self, request_id: str) -> AccessRequest | None:
        """The request of that id."""
        return self._session.get(AccessRequest, request_id)

    def grant(self, grant_id: str) -> Grant | None:
        """The grant of that id."""
        return self._session.get(Grant, grant_id)

    def message(self, request_id: str, kind: MessageKind, recipient: str, about: str | None = None) -> Message | None:
        """That message of that request to that person."""
        mine = (Message.request_id == request_id, Message.kind == kind, Message.recipient == recipient)
        # Compared with None it is `IS NULL`.
        return self._session.exec(select(Message).where(*mine, col(Message.about) == about)).first()

    def request_details(self, request_id: str) -> RequestDetails:
        """Everything about one request. Raises `LookupError` when there is none."""
        (details,) = self.all_request_details([request_id])
        return details

    def all_request_details(self, request_ids: Sequence[str]) -> Sequence[RequestDetails]:
        """Everything about several requests, in that order. Raises `LookupError` when one is not there."""
        # Written rows are read anew: conditional updates pass the session's memory by.
        requests = {each.id: each for each in self._anew(AccessRequest, col(AccessRequest.id).in_(request_ids))}
        if missing := set(request_ids) - requests.keys():
            raise LookupError(f"no request {', '.join(sorted(missing))}")
        approvals = self._anew(Approval, col(Approval.request_id).in_(request_ids), Approval.at, Approval.approver)
        groups = self._anew(AskedGroup, col(AskedGroup.request_id).in_(request_ids), AskedGroup.id)
        offers = self._anew(CounterOffer, col(CounterOffer.request_id).in_(request_ids), CounterOffer.id)
        named = {each.id: each.extends or each.id for each in requests.values()}
        grants = {each.id: each for each in self._anew(Grant, col(Grant.id).in_(named.values()))}
        of_request = {name: _Rows([], [], []) for name in requests}
        for approval in approvals:
            of_request[approval.request_id].approvals.append(approval)
        for group in groups:
            of_request[group.request_id].groups.append(group)
        for offer in offers:
            of_request[offer.request_id].offers.append(offer)
        return [
            RequestDetails(requests[name], grants.get(named[name]), *of_request[name].frozen()) for name in request_ids
        ]

    def _anew(self, table: type[_Table], where: Any, *order: Any) -> Sequence[_Table]:
        found = select(table).where(where).order_by(*order).execution_options(populate_existing=True)
        return self._session.exec(found).all()

    def requests_of(self, requester: str, most: int) -> Sequence[RequestDetails]:
        """The newest requests of a person, newest first."""
        # Each by its own index: of both at once a database reads, and sorts, all that there ever was (measured).
        found: dict[str, datetime] = {}
        for column in (AccessRequest.requester, AccessRequest.asked_by):
            theirs = select(AccessRequest.id, AccessRequest.created_at).where(col(column) == requester)
            newest = theirs.order_by(col(AccessRequest.created_at).desc()).limit(most)
            found.update(self._session.exec(newest).all())
        return self.all_request_details(sorted(found, key=lambda name: found[name], reverse=True)[:most])

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

    def pending_extensions(self, grant_ids: Sequence[str]) -> Sequence[AccessRequest]:
        """Pending requests to prolong those grants."""
        return self._session.exec(
            select(AccessRequest).where(
                col(AccessRequest.extends).in_(grant_ids), AccessRequest.state == RequestState.PENDING
            )
        ).all()

    def next_grant_due(self, by: datetime, *, ending: bool) -> datetime | None:
        """When the next grant is due of those that end, or of those that are made; `None` when not by then."""
        return self._next_due(Grant, by, being_made(ending=ending))

    def next_message_due(self, by: datetime) -> datetime | None:
        """When the next message is due; `None` when not by then."""
        return self._next_due(Message, by, first_of_recipient())

    def next_request_due(self) -> datetime | None:
        """When the next pending request expires."""
        return self._session.exec(
            select(func.min(AccessRequest.pending_until)).where(AccessRequest.state == RequestState.PENDING)
        ).one()

    def _next_due(self, table: type[Grant | Message], by: datetime, *turn: Any) -> datetime | None:
        # What is in hand is due again when its claim lapses: else it would hide what is due next.
        due, claimed = col(table.due_at), col(table.claimed_until)
        free = self._session.exec(
            select(table.due_at).where(due <= by, claimed.is_(None), *turn).order_by(due).limit(1)
        ).first()
        sooner = due <= by if free is None else due < free
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

    def setting(self, name: str) -> Setting | None:
        """What the application remembers under that name."""
        return self._session.get(Setting, name, populate_existing=True)

    def grants_named(self, usernames: Sequence[str]) -> Mapping[str, Grant]:
        """Those of the grants of these names that there are, by name."""
        return {each.username: each for each in self._anew(Grant, col(Grant.username).in_(usernames))}

    def active_grants(self, integration: str, after: str, most: int) -> Sequence[tuple[Grant, CredentialKind]]:
        """Active grants of one integration with their kind, by id, from the one after that id on."""
        found = self._session.exec(
            select(Grant, AccessRequest.kind)
            .join(AccessRequest, col(AccessRequest.id) == col(Grant.id))
            .where(Grant.state == GrantState.ACTIVE, AccessRequest.integration == integration, Grant.id > after)
            .order_by(col(Grant.id))
            .limit(most)
        ).all()
        return [(grant, CredentialKind(kind)) for grant, kind in found]

    def live_grants(self, after: str, most: int) -> Sequence[Grant]:
        """Live grants of all integrations, by id, from the one after that id on."""
        live = select(Grant).where(col(Grant.state).in_(LIVE), Grant.id > after)
        return self._session.exec(live.order_by(col(Grant.id)).limit(most)).all()

    def grants_ending_by(self, integration: str, until: datetime, most: int) -> Sequence[Grant]:
        """Active grants of one integration that end no later than that."""
        return self._session.exec(
            select(Grant)
            .join(AccessRequest, col(AccessRequest.id) == col(Grant.id))
            .where(
                Grant.state == GrantState.ACTIVE,
                AccessRequest.integration == integration,
                col(Grant.due_at) <= until,
                Grant.expires_at <= until,
            )
            .limit(most)
        ).all()

    def automatic_grants(self) -> Sequence[RequestDetails]:
        """What automatic access flows have given and is live."""
        rows = self._session.exec(
            select(AccessRequest.id)
            .join(Grant, col(Grant.id) == col(AccessRequest.id))
            .where(col(AccessRequest.automatic).is_(True), col(Grant.state).in_(LIVE))
        ).all()
        return self.all_request_details(rows)

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


def being_made(*, ending: bool) -> Any:
    """Of the grants that are due, those whose secret is being made or replaced; `ending`: all the others.

    One that is over by then is the others' as well: `due_at` is no later than its end while it is being made.
    """
    made = or_(
        col(Grant.state) == GrantState.PROVISIONING,
        and_(col(Grant.state) == GrantState.ACTIVE, col(Grant.task).is_not(None)),
    )
    over = col(Grant.expires_at) <= col(Grant.due_at)
    return or_(~made, over) if ending else and_(made, ~over)


def first_of_recipient() -> Any:
    """That no older message is owed to the same person.

    What stands in threads has an order of its own, save that the end of an access comes below what led to it.
    """
    earlier = aliased(Message)
    same_order = (col(earlier.kind) == MessageKind.THREAD) == (col(Message.kind) == MessageKind.THREAD)
    one_thread = and_(
        col(Message.kind) == MessageKind.ENDED,
        col(earlier.kind) == MessageKind.THREAD,
        col(earlier.request_id) == col(Message.request_id),
    )
    return ~exists().where(
        or_(same_order, one_thread),
        col(earlier.recipient) == col(Message.recipient),
        col(earlier.due_at).is_not(None),
        col(earlier.id) < col(Message.id),
    )
