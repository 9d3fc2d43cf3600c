"""Queries of the Home tab. Every list is paged by its sort key, never by an offset that counts skipped rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, String, and_, cast, delete, exists, or_
from sqlmodel import col, func, select

from bot.access.models.audit import AuditEvent
from bot.access.models.grants import Grant
from bot.access.models.home import Favourite, HomeTab
from bot.access.models.request_details import RequestDetails
from bot.access.models.requests import AccessRequest, Approval, AskedGroup
from bot.access.states import LIVE, RequestState
from bot.access.store.requests import RequestQueries

_ENDING = (col(Grant.expires_at), col(Grant.id), False)
_URGENT = (col(AccessRequest.pending_until), col(AccessRequest.id), False)
_NEWEST = (col(AccessRequest.created_at), col(AccessRequest.id), True)
"""A sort key, the ids that break ties, and whether the order is descending."""

Order = tuple[Any, Any, bool]


@dataclass(frozen=True)
class PageQuery:
    """A page of a list: the first one, the one after the id `after`, or the one before the id `before`."""

    size: int
    after: str | None = None
    before: str | None = None


@dataclass(frozen=True)
class RequestPage:
    """A page of requests. `next` is the id to continue after, `previous` the id to go back before."""

    requests: Sequence[RequestDetails] = ()
    next: str | None = None
    previous: str | None = None


class HomeQueries(RequestQueries):
    """Pages of requests, favourites and Home tabs."""

    def live_of(self, person: str, page: PageQuery) -> RequestPage:
        """The person's live grants, ordered by expiry."""
        # A join would make SQLite read all requests of the person to find the live ones.
        mine = exists().where(col(AccessRequest.id) == col(Grant.id), col(AccessRequest.requester) == person)
        return self._page(select(Grant.id).where(col(Grant.state).in_(LIVE), mine), _ENDING, page)

    def waiting_for(self, person: str, page: PageQuery) -> RequestPage:
        """Pending requests about which this person was asked and has not decided, the most urgent first.

        Their own are among them if `self_approval` let them be asked. Each click is checked again.
        """
        said = exists().where(col(Approval.request_id) == col(AccessRequest.id), col(Approval.approver) == person)
        waiting = select(AccessRequest.id).where(
            AccessRequest.state == RequestState.PENDING,
            or_(_names(AccessRequest.owners, person), _asked(person)),
            ~said,
        )
        return self._page(waiting, _URGENT, page)

    def history_of(self, person: str, page: PageQuery) -> RequestPage:
        """All requests of a person, newest first."""
        return self._page(select(AccessRequest.id).where(AccessRequest.requester == person), _NEWEST, page)

    def owned_live(self, person: str, integrations: Sequence[str], page: PageQuery) -> RequestPage:
        """Live grants of others on the person's resources or in those integrations, ordered by expiry."""
        return self._page(_live().where(*_owned(person, integrations)), _ENDING, page)

    def count_owned_live(self, person: str, integrations: Sequence[str]) -> int:
        """The number of grants in `owned_live`."""
        counted = select(func.count()).select_from(Grant)
        joined = counted.join(AccessRequest, col(AccessRequest.id) == col(Grant.id))
        return self._session.exec(joined.where(col(Grant.state).in_(LIVE), *_owned(person, integrations))).one()

    def owned_grants(self, person: str, integrations: Sequence[str], made_by: datetime, most: int) -> Sequence[Grant]:
        """The grants of `owned_live` that were created by `made_by`."""
        rows = select(Grant).join(AccessRequest, col(AccessRequest.id) == col(Grant.id))
        live = rows.where(col(Grant.state).in_(LIVE), Grant.created_at <= made_by, *_owned(person, integrations))
        return self._session.exec(live.order_by(*_ENDING[:2]).limit(most)).all()

    def favourites(self, person: str) -> Sequence[Favourite]:
        """A person's favourites, newest first."""
        mine = select(Favourite).where(Favourite.person == person)
        return self._session.exec(mine.order_by(col(Favourite.saved_at).desc(), col(Favourite.key))).all()

    def save_favourite(self, favourite: Favourite) -> None:
        """Saves a favourite; equal terms are saved once."""
        self._session.merge(favourite)
        self._session.flush()

    def remove_favourite(self, person: str, key: str) -> None:
        """Removes a favourite, if it exists."""
        self._execute(delete(Favourite).where(col(Favourite.person) == person, col(Favourite.key) == key))

    def home_tab(self, person: str) -> HomeTab | None:
        """A person's Home tab, if it was ever opened."""
        return self._session.get(HomeTab, person)

    def save_home_tab(self, tab: HomeTab) -> None:
        """Saves the state of a Home tab."""
        self._session.merge(tab)
        self._session.flush()

    def opened_since(self, persons: Sequence[str], since: datetime) -> Sequence[str]:
        """Those of these people who have opened their Home tab since then."""
        if not persons:
            return []
        opened = select(HomeTab.person).where(col(HomeTab.person).in_(persons), HomeTab.opened_at >= since)
        return self._session.exec(opened).all()

    def events_since(self, since: datetime, most: int) -> Sequence[tuple[int, str]]:
        """The numbers and request ids of the newest audit events about requests since then."""
        events = select(AuditEvent.id, AuditEvent.request_id).where(
            AuditEvent.at >= since, col(AuditEvent.request_id).is_not(None)
        )
        found = self._session.exec(events.order_by(col(AuditEvent.id).desc()).limit(most)).all()
        return [(number, request) for number, request in found if number is not None and request is not None]

    def concerned(self, request_ids: Sequence[str]) -> tuple[frozenset[str], frozenset[str]]:
        """The requesters and asked owners of these requests, and their integrations."""
        columns = select(AccessRequest.requester, AccessRequest.owners, AccessRequest.integration)
        rows = self._session.exec(columns.where(col(AccessRequest.id).in_(request_ids))).all()
        asked = self._session.exec(select(AskedGroup.asked).where(col(AskedGroup.request_id).in_(request_ids))).all()
        people = {person for requester, owners, _ in rows for person in (requester, *owners)}
        return frozenset(people.union(*asked)), frozenset(integration for _, _, integration in rows)

    def _page(self, ids: Any, order: Order, page: PageQuery) -> RequestPage:
        key, identity, turned = order
        backwards = page.before is not None
        anchor = page.before or page.after
        at = self._session.exec(select(key).where(identity == anchor)).first() if anchor else None
        if at is not None:
            ids = ids.where(_beyond(key, identity, at, anchor, up=turned == backwards))
        descending = turned != (backwards and at is not None)
        sort = [each.desc() if descending else each.asc() for each in (key, identity)]
        found = list(self._session.exec(ids.order_by(*sort).limit(page.size + 1)).all())
        more, found = len(found) > page.size, found[: page.size]
        if backwards and at is not None:
            found.reverse()
            ahead, behind = bool(found), more
        else:
            ahead, behind = more, at is not None and bool(found)
        return RequestPage(self.all_request_details(found), found[-1] if ahead else None, found[0] if behind else None)


def _beyond(key: Any, identity: Any, at: object, anchor: str | None, *, up: bool) -> ColumnElement[bool]:
    # The first condition bounds the index scan; the second breaks ties.
    if up:
        return and_(key >= at, or_(key > at, identity > anchor))
    return and_(key <= at, or_(key < at, identity < anchor))


def _live() -> Any:
    joined = select(Grant.id).join(AccessRequest, col(AccessRequest.id) == col(Grant.id))
    return joined.where(col(Grant.state).in_(LIVE))


def _owned(person: str, integrations: Sequence[str]) -> tuple[Any, ...]:
    mine = or_(col(AccessRequest.integration).in_(integrations), _asked(person)) if integrations else _asked(person)
    return AccessRequest.requester != person, mine


def _asked(person: str) -> Any:
    """That the person is in one of the groups asked about the request."""
    return exists().where(col(AskedGroup.request_id) == col(AccessRequest.id), _names(AskedGroup.asked, person))


def _names(people: Any, person: str) -> Any:
    """That a stored JSON list contains the id. Ids are letters and digits, so a text match is enough."""
    return cast(col(people), String).contains(f'"{person}"', autoescape=True)
