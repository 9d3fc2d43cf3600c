"""The content of the Home tab: a person's access, open decisions and favourites."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bot.access.durations import format_duration
from bot.access.errors import AccessError, Conflict, NotFound, Outage
from bot.access.lifecycle.grants import start_ending
from bot.access.models.home import Favourite, HomeTab
from bot.access.models.requests import AccessRequest
from bot.access.owners import integration_owners
from bot.access.policy.current import CurrentPolicy
from bot.access.ports import Clock, Directory
from bot.access.requests.drafts import Draft
from bot.access.states import EndReason
from bot.access.store.home import PageQuery, RequestPage
from bot.access.store.store import Store
from bot.access.store.transaction import Transaction

MOST_FAVOURITES = 8
"""Favourites of one person: as many as fit beside the rest on one screen."""

ENDED_TOGETHER = 100
"""Grants in one transaction: it must not block other writers for long."""


class Section(StrEnum):
    """A list of requests in the Home tab."""

    MINE = "mine"
    WAITING = "waiting"
    OWNED = "owned"
    HISTORY = "history"


SIZES: Mapping[Section, int] = {Section.MINE: 6, Section.WAITING: 6, Section.OWNED: 8, Section.HISTORY: 8}
"""Requests on a page. All lists together stay within the 100 blocks of a Home tab."""


@dataclass(frozen=True)
class HomeTabContent:
    """The content to show. `owned_count` counts the grants on all pages of owned access."""

    at: datetime
    pages: Mapping[Section, RequestPage]
    owned_count: int
    favourites: Sequence[Favourite]


@dataclass(frozen=True)
class HomeTabs:
    """Reads the Home tab and acts from it. Raises `AccessError` for its person."""

    store: Store
    directory: Directory
    current: CurrentPolicy
    clock: Clock

    def read(self, person: str) -> HomeTabContent:
        """The current content for that person, on the pages that they are on."""
        owned = self._integrations(person)
        with self.store.reading() as read:
            tab = read.home_tab(person)
            place = _read_place(tab.place if tab else "")
            pages = {each: _on_page(read, each, person, owned, place.get(each)) for each in Section}
            count = _count(pages[Section.OWNED], lambda: read.count_owned_live(person, owned))
            return HomeTabContent(self.clock.now(), pages, count, read.favourites(person))

    def open(self, person: str) -> None:
        """Records that the person opened it: from now on it is kept up to date, starting with first pages."""
        with self.store.writing() as write:
            write.save_home_tab(HomeTab(person=person, opened_at=self.clock.now()))

    def turn_page(self, person: str, section: Section, *, after: str | None = None, before: str | None = None) -> None:
        """Moves to the page after or before a request of that list."""
        with self.store.writing() as write:
            tab = write.home_tab(person)
            place = _read_place(tab.place if tab else "")
            place[section] = PageQuery(SIZES[section], after, before)
            stored = {each.value: [page.after, page.before] for each, page in place.items()}
            write.save_home_tab(HomeTab(person=person, opened_at=self.clock.now(), place=json.dumps(stored)))

    def again(self, person: str, request_id: str) -> Draft:
        """The terms of a request, to ask again. Raises `NotFound` if it is not that person's."""
        return _draft_of(self._own(person, request_id))

    def favourite(self, person: str, key: str) -> Draft:
        """The terms of a favourite."""
        with self.store.reading() as read:
            found = next((each for each in read.favourites(person) if each.key == key), None)
        if found is None:
            raise Conflict("That favourite is not there any more.")
        return _draft_of(found)

    def save(self, person: str, request_id: str) -> None:
        """Saves the terms of one's own request as a favourite."""
        request = self._own(person, request_id)
        favourite = Favourite(
            person=person, key=_key(request), integration=request.integration, patterns=request.patterns,
            permission=request.permission, duration=request.duration, kind=request.kind, reason=request.reason,
            saved_at=self.clock.now(),
        )  # fmt: skip
        with self.store.writing() as write:
            kept = write.favourites(person)
            if len(kept) >= MOST_FAVOURITES and favourite.key not in {each.key for each in kept}:
                raise AccessError(f"You have {MOST_FAVOURITES} favourites, which is all there is room for. Remove one.")
            write.save_favourite(favourite)

    def remove(self, person: str, key: str) -> None:
        """Removes a favourite."""
        with self.store.writing() as write:
            write.remove_favourite(person, key)

    def revoke_all(self, person: str, seen_at: datetime) -> int:
        """Ends all access of others to that person's resources as shown at `made_by`. Returns how many. Raises
        `Outage`.

        Grants created since then were not part of the question, and stay.
        """
        owned = self._integrations(person, must_know=True)
        count = 0
        while True:
            now = self.clock.now()
            with self.store.writing() as write:
                grants = write.owned_grants(person, owned, seen_at, ENDED_TOGETHER)
                taken = start_ending(write, grants, EndReason.REVOKED, person, now) if grants else []
            count += len(taken)
            if not grants:
                return count

    def _own(self, person: str, request_id: str) -> AccessRequest:
        with self.store.reading() as read:
            request = read.request(request_id)
        if request is None or request.requester != person:
            raise NotFound(request_id)
        return request

    def _integrations(self, person: str, *, must_know: bool = False) -> list[str]:
        """The integrations that this person owns. While Slack does not answer: none, or `Outage`."""
        found = []
        for each in self.current.policy.integrations:
            try:
                if person in integration_owners(self.directory, each):
                    found.append(each.name)
            except Outage:
                if must_know:
                    raise
        return found


def _on_page(
    read: Transaction, section: Section, person: str, owned: Sequence[str], page: PageQuery | None
) -> RequestPage:
    size = SIZES[section]

    def page_of(page: PageQuery) -> RequestPage:
        if section is Section.MINE:
            return read.live_of(person, page)
        if section is Section.WAITING:
            return read.waiting_for(person, page)
        if section is Section.OWNED:
            return read.owned_live(person, owned, page)
        return read.history_of(person, page)

    found = page_of(PageQuery(size, page.after, page.before) if page else PageQuery(size))
    # The requests of that page may be gone.
    return found if found.requests or page is None else page_of(PageQuery(size))


def _count(found: RequestPage, counted: Callable[[], int]) -> int:
    """The number on all pages. Counting is the slowest query, and is not needed if all are on one page."""
    return counted() if found.next or found.previous else len(found.requests)


def _read_place(stored: str) -> dict[Section, PageQuery]:
    return {
        Section(name): PageQuery(SIZES[Section(name)], after, before)
        for name, (after, before) in json.loads(stored or "{}").items()
    }


def _draft_of(terms: AccessRequest | Favourite) -> Draft:
    length = format_duration(timedelta(seconds=terms.duration))
    return Draft(",".join(terms.patterns), length, terms.permission, terms.reason, terms.integration, terms.kind)


def _key(request: AccessRequest) -> str:
    terms = [
        request.integration, sorted(request.patterns), request.permission, request.duration, request.kind.value,
        request.reason,
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(terms).encode()).hexdigest()[:16]
