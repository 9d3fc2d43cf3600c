"""Queries about requests, the owners who are asked, and their decisions."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Unpack

from sqlalchemy import and_, delete, or_, text, update
from sqlmodel import col, func, select

from bot.access.errors import LostRace
from bot.access.ids import APPLICATION, new_id
from bot.access.models.counter_offers import CounterOffer
from bot.access.models.grants import Grant
from bot.access.models.messages import Message, MessageKind
from bot.access.models.request_details import RequestDetails
from bot.access.models.requests import AccessRequest, Approval, AskedGroup
from bot.access.states import LIVE, RequestState
from bot.access.store.changes import GroupChanges, RequestChanges
from bot.access.store.session import SessionBase

_TRIES_FOR_AN_ID = 20
"""With a million requests a new id clashes once in a thousand: twenty clashes in a row are a bug."""


_MOST_ACCESS = 100
"""Requests of one person in one cluster that are compared to find a duplicate."""


class _Rows(NamedTuple):
    """The rows that belong to one request."""

    approvals: list[Approval]
    groups: list[AskedGroup]
    offers: list[CounterOffer]

    def frozen(self) -> tuple[tuple[Approval, ...], tuple[AskedGroup, ...], tuple[CounterOffer, ...]]:
        """The rows as tuples, as `RequestDetails` holds them."""
        return tuple(self.approvals), tuple(self.groups), tuple(self.offers)


class RequestCounts(NamedTuple):
    """A person's pending requests, and those filed since a given time."""

    pending: int
    lately: int


class RequestQueries(SessionBase):
    """Requests, asked groups, approvals and reviews."""

    def request(self, request_id: str) -> AccessRequest | None:
        """The request with that id."""
        return self._session.get(AccessRequest, request_id)

    def request_details(self, request_id: str) -> RequestDetails:
        """Everything about one request. Raises `LookupError` if it does not exist."""
        (details,) = self.all_request_details([request_id])
        return details

    def all_request_details(self, request_ids: Sequence[str]) -> Sequence[RequestDetails]:
        """Everything about several requests, in that order. Raises `LookupError` if one does not exist."""
        # Rows are read again: conditional updates bypass the session's identity map.
        requests = {each.id: each for each in self._read_anew(AccessRequest, col(AccessRequest.id).in_(request_ids))}
        if missing := set(request_ids) - requests.keys():
            raise LookupError(f"no request {', '.join(sorted(missing))}")
        approvals = self._read_anew(Approval, col(Approval.request_id).in_(request_ids), Approval.at, Approval.approver)
        groups = self._read_anew(AskedGroup, col(AskedGroup.request_id).in_(request_ids), AskedGroup.id)
        offers = self._read_anew(CounterOffer, col(CounterOffer.request_id).in_(request_ids), CounterOffer.id)
        named = {each.id: each.extends or each.id for each in requests.values()}
        grants = {each.id: each for each in self._read_anew(Grant, col(Grant.id).in_(named.values()))}
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

    def requests_of(self, requester: str, most: int) -> Sequence[RequestDetails]:
        """The newest requests of a person, newest first."""
        # One query for each index: for both conditions at once, databases read and sort the whole history (measured).
        found: dict[str, datetime] = {}
        for column in (AccessRequest.requester, AccessRequest.asked_by):
            theirs = select(AccessRequest.id, AccessRequest.created_at).where(col(column) == requester)
            newest = theirs.order_by(col(AccessRequest.created_at).desc()).limit(most)
            found.update(self._session.exec(newest).all())
        return self.all_request_details(sorted(found, key=lambda name: found[name], reverse=True)[:most])

    def overdue_requests(self, now: datetime, most: int) -> Sequence[AccessRequest]:
        """Pending requests whose time to be decided is over."""
        return self._session.exec(
            select(AccessRequest)
            .where(AccessRequest.state == RequestState.PENDING, AccessRequest.pending_until <= now)
            # Always in one order: two processes that expire the same requests must not deadlock.
            .order_by(col(AccessRequest.pending_until), col(AccessRequest.id))
            .limit(most)
        ).all()

    def any_owner_asked(self, request_id: str) -> bool:
        """Whether an approval message about that request was sent or is still due."""
        there = or_(col(Message.ts).is_not(None), col(Message.due_at).is_not(None))
        mine = (Message.request_id == request_id, Message.kind == MessageKind.APPROVAL, there)
        return self._session.exec(select(Message.id).where(*mine).limit(1)).first() is not None

    def pending_extensions(self, grant_ids: Sequence[str]) -> Sequence[AccessRequest]:
        """Pending requests to extend those grants."""
        return self._session.exec(
            select(AccessRequest).where(
                col(AccessRequest.extends).in_(grant_ids), AccessRequest.state == RequestState.PENDING
            )
        ).all()

    def approved_extensions(self, grant_id: str) -> Sequence[AccessRequest]:
        """The approved requests to extend that grant."""
        mine = (AccessRequest.extends == grant_id, AccessRequest.state == RequestState.APPROVED)
        return self._session.exec(select(AccessRequest).where(*mine)).all()

    def record_aliases(self, request: AccessRequest, aliases: dict[str, Any]) -> None:
        """Stores the aliases of a request as its owners know them now."""
        self._execute(update(AccessRequest).where(col(AccessRequest.id) == request.id).values(aliases=aliases))

    def pending_requests(self, integration: str, most: int) -> Sequence[AccessRequest]:
        """Pending requests for one integration."""
        theirs = (AccessRequest.integration == integration, AccessRequest.state == RequestState.PENDING)
        return self._session.exec(
            select(AccessRequest).where(*theirs).order_by(col(AccessRequest.id)).limit(most)
        ).all()

    def unrouted_integrations(self, now: datetime) -> Sequence[str]:
        """The integrations of these requests."""
        return self._session.exec(select(AccessRequest.integration).where(*_is_unrouted(now)).distinct()).all()

    def unrouted_requests(self, now: datetime, integration: str, most: int) -> Sequence[AccessRequest]:
        """Pending requests of an integration whose owners could not be asked yet and whose next attempt is due."""
        mine = (*_is_unrouted(now), AccessRequest.integration == integration)
        return self._session.exec(select(AccessRequest).where(*mine).limit(most)).all()

    def escalating_requests(self, now: datetime, most: int) -> Sequence[AccessRequest]:
        """Pending requests whose next reminder or escalation is due."""
        return self._session.exec(
            select(AccessRequest)
            .where(
                col(AccessRequest.escalate_at) <= now,
                AccessRequest.state == RequestState.PENDING,
                col(AccessRequest.route_at).is_(None),  # it waits for Slack or the cluster, not for its owners
            )
            .limit(most)
        ).all()

    def lock_name(self, name: str) -> None:
        """Waits for every other transaction with that lock name. SQLite allows one writer at a time anyway."""
        if self._session.connection().dialect.name == "postgresql":
            lock = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")
            self._session.connection().execute(lock, {"name": name})

    def count_requests(self, person: str, since: datetime) -> RequestCounts:
        """Counts what that person filed, for themselves and on behalf of others."""
        by_them = or_(
            and_(col(AccessRequest.requester) == person, col(AccessRequest.asked_by).is_(None)),
            col(AccessRequest.asked_by) == person,
        )
        # The same condition as `AccessRequest.adopted`.
        filed = or_(col(AccessRequest.decided_by).is_distinct_from(APPLICATION), col(AccessRequest.flow) != "")
        typed = (by_them, col(AccessRequest.automatic).is_(False), filed)
        pending = select(func.count()).where(AccessRequest.state == RequestState.PENDING, *typed)
        lately = select(func.count()).where(col(AccessRequest.created_at) > since, *typed)
        return RequestCounts(self._session.exec(pending).one(), self._session.exec(lately).one())

    def access_of(self, requester: str, integration: str) -> Sequence[RequestDetails]:
        """The person's live grants and pending requests there, newest first, without automatic grants."""
        waits_or_lives = or_(col(AccessRequest.state) == RequestState.PENDING, col(Grant.state).in_(LIVE))
        rows = self._session.exec(
            select(AccessRequest.id)
            .join(Grant, col(Grant.id) == col(AccessRequest.id), isouter=True)
            .where(
                AccessRequest.requester == requester,
                AccessRequest.integration == integration,
                col(AccessRequest.automatic).is_(False),
                col(AccessRequest.extends).is_(None),
                waits_or_lives,
            )
            .order_by(col(AccessRequest.created_at).desc())
            .limit(_MOST_ACCESS)
        ).all()
        return self.all_request_details(rows)

    def asked_requests(self, after: str, most: int) -> Sequence[AccessRequest]:
        """A page of pending requests whose owners were asked, ordered by id, after the id `after`."""
        return self._session.exec(
            select(AccessRequest)
            .where(
                AccessRequest.state == RequestState.PENDING,
                col(AccessRequest.route_at).is_(None),
                AccessRequest.id > after,
            )
            .order_by(col(AccessRequest.id))
            .limit(most)
        ).all()

    def change_group(self, group: AskedGroup, **values: Unpack[GroupChanges]) -> None:
        """Changes a group of asked owners."""
        self._execute(update(AskedGroup).where(col(AskedGroup.id) == group.id).values(**values))

    def remove_group(self, group: AskedGroup) -> None:
        """Removes a group: its approval is no longer needed."""
        self._execute(delete(AskedGroup).where(col(AskedGroup.id) == group.id))

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

    def file_all(self, requests: Sequence[AccessRequest]) -> None:
        """Stores several new requests, each under its own id if that is free, otherwise under a new one."""
        wanted = [request.id for request in requests]
        taken = set(self._session.exec(select(AccessRequest.id).where(col(AccessRequest.id).in_(wanted))).all())
        for request in requests:
            if not request.id or request.id in taken:
                self.file(request)
            else:
                self._session.add(request)
            taken.add(request.id)
        self._session.flush()

    def decide(self, decision: Approval) -> None:
        """Stores an owner's decision, replacing an earlier one of the same owner."""
        self._session.merge(decision)
        self._session.flush()

    def count_approval(self, approval: Approval, groups: list[int]) -> None:
        """Lets an owner's approval count for these groups alone."""
        theirs = (col(Approval.request_id) == approval.request_id, col(Approval.approver) == approval.approver)
        self._execute(update(Approval).where(*theirs).values(groups=groups))

    def lock_request(self, request: AccessRequest) -> None:
        """Locks this pending request and reads it again.

        Two owners of different groups may click at once: each must see the other's approval, or neither completes.
        Raises `LostRace` when the request is no longer pending.
        """
        # An UPDATE locks the row on PostgreSQL; on SQLite the transaction is the only writer already.
        self._amend(request, {"version": AccessRequest.version + 1})
        now = self._session.get(AccessRequest, request.id, populate_existing=True)
        if now is None:
            raise LostRace(request.id)
        for name in AccessRequest.model_fields:
            setattr(request, name, getattr(now, name))

    def amend(self, request: AccessRequest, **values: Unpack[RequestChanges]) -> None:
        """Changes a pending request without deciding it. Raises `LostRace` if it is no longer pending."""
        self._amend(request, values)
        for name, value in values.items():
            setattr(request, name, value)

    def _amend(self, request: AccessRequest, values: Mapping[str, object]) -> None:
        pending = (col(AccessRequest.id) == request.id, col(AccessRequest.state) == RequestState.PENDING)
        if self._execute(update(AccessRequest).where(*pending).values(**values)) != 1:
            raise LostRace(request.id)

    def reviews_due(self, now: datetime, most: int) -> Sequence[AccessRequest]:
        """Unreviewed break-glass requests whose owners are due a reminder, the longest due first."""
        # `review_at` is only set on approval. A condition on the state would make databases use the index on the state.
        due = select(AccessRequest).where(col(AccessRequest.review_at) <= now)
        return self._session.exec(due.order_by(col(AccessRequest.review_at), col(AccessRequest.id)).limit(most)).all()

    def record_review(self, request: AccessRequest, actor: str, at: datetime) -> None:
        """Stores who reviewed the request. Raises `LostRace` if someone has, or it needs no review."""
        waiting = (
            col(AccessRequest.id) == request.id,
            col(AccessRequest.state) == RequestState.APPROVED,
            col(AccessRequest.break_glass).is_(True),
            col(AccessRequest.reviewed_at).is_(None),
        )
        reviewed = {"reviewed_by": actor, "reviewed_at": at, "review_at": None}
        if self._execute(update(AccessRequest).where(*waiting).values(**reviewed)) != 1:
            raise LostRace(request.id)

    def postpone_review(self, request: AccessRequest, until: datetime) -> bool:
        """Schedules the next reminder. Returns False if it was reviewed or another process was first."""
        as_read = (col(AccessRequest.id) == request.id, col(AccessRequest.review_at) == request.review_at)
        return self._execute(update(AccessRequest).where(*as_read).values(review_at=until)) == 1


def _is_unrouted(now: datetime) -> tuple[Any, ...]:
    return col(AccessRequest.route_at) <= now, AccessRequest.state == RequestState.PENDING
