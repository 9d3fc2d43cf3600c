"""What a transaction does for the conversation: counter-offers, notes, threads, and how much one person asks for."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, delete, or_, text, update
from sqlmodel import col, func, select

from bot.access.errors import LostRace
from bot.access.models.counter_offers import CounterOffer, OfferState
from bot.access.models.grants import Grant
from bot.access.models.messages import Message, MessageKind
from bot.access.models.request_details import RequestDetails
from bot.access.models.requests import AccessRequest, AskedGroup
from bot.access.states import LIVE, GrantState, RequestState
from bot.access.store.protocol_conversation import RequestCounts
from bot.access.store.session import SessionBase

_LONGEST_THREAD_NOTE = 1000
"""Characters of the column: what does not fit is another answer in the thread."""

_MOST_ACCESS = 100
"""Of one person in one cluster, looked at for the same request: who has more will hardly know it either."""


class CounterOfferQueries(SessionBase):
    """The rows of the conversation."""

    def serialize(self, name: str) -> None:
        """Waits for every other transaction of that name. SQLite lets one transaction write at a time anyway."""
        if self._session.connection().dialect.name == "postgresql":
            lock = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")
            self._session.connection().execute(lock, {"name": name})

    def count_requests(self, person: str, since: datetime) -> RequestCounts:
        """What that person has asked for, for themselves and for others."""
        by_them = or_(
            and_(col(AccessRequest.requester) == person, col(AccessRequest.asked_by).is_(None)),
            col(AccessRequest.asked_by) == person,
        )
        typed = (by_them, col(AccessRequest.automatic).is_(False))
        pending = select(func.count()).where(AccessRequest.state == RequestState.PENDING, *typed)
        lately = select(func.count()).where(col(AccessRequest.created_at) > since, *typed)
        return RequestCounts(self._session.exec(pending).one(), self._session.exec(lately).one())

    def access_of(self, requester: str, integration: str) -> Sequence[RequestDetails]:
        """What that person has there or waits for, newest first."""
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

    def offer(self, offer_id: int) -> CounterOffer | None:
        """The offer of that id."""
        return self._session.get(CounterOffer, offer_id, populate_existing=True)

    def put_offer(self, offer: CounterOffer) -> None:
        """Stores a new offer, in the place of an open one of the same owner about the same request."""
        before = and_(
            col(CounterOffer.request_id) == offer.request_id,
            col(CounterOffer.by) == offer.by,
            col(CounterOffer.state) == OfferState.OPEN,
        )
        self._execute(update(CounterOffer).where(before).values(state=OfferState.REPLACED, decided_at=offer.at))
        self._session.add(offer)
        self._session.flush()

    def decide_offer(self, offer: CounterOffer, to: OfferState, at: datetime) -> None:
        """Ends an open offer. Raises `LostRace` when it is not open any more."""
        is_open = and_(col(CounterOffer.id) == offer.id, col(CounterOffer.state) == OfferState.OPEN)
        if self._execute(update(CounterOffer).where(is_open).values(state=to, decided_at=at)) != 1:
            raise LostRace(offer.request_id)
        offer.state, offer.decided_at = to, at

    def change_group(self, group: AskedGroup, **values: Any) -> None:
        """Changes who has to say yes."""
        self._execute(update(AskedGroup).where(col(AskedGroup.id) == group.id).values(**values))

    def remove_group(self, group: AskedGroup) -> None:
        """Nobody of that group has to say yes any more."""
        self._execute(delete(AskedGroup).where(col(AskedGroup.id) == group.id))

    def asked_requests(self, after: str, most: int) -> Sequence[AccessRequest]:
        """Pending requests whose owners were asked, by id, from the one after that id on."""
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

    def ending_soon(self, now: datetime, most: int) -> Sequence[Grant]:
        """Active grants whose requester is to be told now that they are about to end."""
        return self._session.exec(
            select(Grant)
            # Lower, so that no index on the state is taken: it would read every live grant each time.
            .where(col(Grant.warn_at) <= now, func.lower(col(Grant.state)) == GrantState.ACTIVE.value)
            .order_by(col(Grant.warn_at), col(Grant.id))
            .limit(most)
        ).all()

    def record_warning(self, grant: Grant, then: datetime | None) -> bool:
        """Sets when the next note is due. False when another process was here, or it was extended or has ended."""
        as_read = and_(
            col(Grant.id) == grant.id,
            col(Grant.state) == GrantState.ACTIVE,
            col(Grant.warn_at) == grant.warn_at,
            col(Grant.expires_at) == grant.expires_at,
        )
        return self._execute(update(Grant).where(as_read).values(warn_at=then)) == 1

    def add_to_timeline(
        self, happened: Mapping[str, str], at: datetime, but: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        """A line below each approval message of each request; what is not sent yet takes it up."""
        if not happened:
            return
        waiting = {(each.request_id, each.recipient): each for each in self._unsent_notes(list(happened))}
        there = or_(col(Message.ts).is_not(None), col(Message.due_at).is_not(None))
        copies = select(Message.request_id, Message.recipient).where(
            col(Message.request_id).in_(happened), Message.kind == MessageKind.APPROVAL, there
        )
        for request_id, recipient in self._session.exec(copies).all():
            if request_id is None or recipient in (but or {}).get(request_id, ()):
                continue
            line, note = happened[request_id], waiting.get((request_id, recipient))
            if note is not None and note.notice and len(note.notice) + len(line) < _LONGEST_THREAD_NOTE:
                note.notice = f"{note.notice}\n{line}"
            else:
                self._session.add(
                    Message(request_id=request_id, kind=MessageKind.THREAD, recipient=recipient, notice=line, due_at=at)
                )
            self.made_work = True
        self._session.flush()

    def _unsent_notes(self, request_ids: Sequence[str]) -> Sequence[Message]:
        unsent = (
            col(Message.request_id).in_(request_ids),
            Message.kind == MessageKind.THREAD,
            col(Message.ts).is_(None),
            col(Message.due_at).is_not(None),
            col(Message.claimed_by).is_(None),
        )
        # What another transaction is about to claim is sent as it is.
        rows = select(Message).where(*unsent).order_by(col(Message.id)).with_for_update(skip_locked=True)
        return self._session.exec(rows.execution_options(populate_existing=True)).all()

    def drop_unsent(self, request_id: str, kind: MessageKind) -> None:
        """What of that kind is owed, not posted and in nobody's hand is owed no more."""
        unsent = and_(
            col(Message.request_id) == request_id,
            col(Message.kind) == kind,
            col(Message.ts).is_(None),
            col(Message.claimed_by).is_(None),
        )
        self._execute(update(Message).where(unsent).values(due_at=None))
