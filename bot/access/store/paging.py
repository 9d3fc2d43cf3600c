"""What the Home tab needs of a database, as a protocol: pages of requests, favourites, and who has a Home tab open."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.access.models.grants import Grant
from bot.access.models.home import Favourite, HomeTab
from bot.access.models.request_details import RequestDetails


@dataclass(frozen=True)
class PageQuery:
    """Which requests of a list: the first ones, those behind the one of that id, or those before it."""

    size: int
    after: str | None = None
    before: str | None = None


@dataclass(frozen=True)
class RequestPage:
    """A page of a list. `next` is the id after which there are more, `previous` the one before which there are."""

    requests: Sequence[RequestDetails] = ()
    next: str | None = None
    previous: str | None = None


class Overviews(Protocol):
    """Reads that grow with what is shown, not with what was ever asked."""

    def live_of(self, person: str, page: PageQuery) -> RequestPage:
        """What a person has now, what ends first in front."""
        ...

    def waiting_for(self, person: str, page: PageQuery) -> RequestPage:
        """Pending requests about which that person was asked and has said nothing yet, the most urgent in front."""
        ...

    def history_of(self, person: str, page: PageQuery) -> RequestPage:
        """All that a person ever asked for, newest first."""
        ...

    def owned_live(self, person: str, integrations: Sequence[str], page: PageQuery) -> RequestPage:
        """What others have now on what is that person's, or in those integrations; what ends first in front."""
        ...

    def count_owned_live(self, person: str, integrations: Sequence[str]) -> int:
        """How many that are."""
        ...

    def owned_grants(self, person: str, integrations: Sequence[str], made_by: datetime, most: int) -> Sequence[Grant]:
        """The same as grants, of those that were made by then."""
        ...

    def favourites(self, person: str) -> Sequence[Favourite]:
        """A person's favourites, the newest first."""
        ...

    def save_favourite(self, favourite: Favourite) -> None:
        """Keeps it; the same terms are kept once."""
        ...

    def remove_favourite(self, person: str, key: str) -> None:
        """Removes it, if it is there."""
        ...

    def home_tab(self, person: str) -> HomeTab | None:
        """A person's Home tab, if it was ever opened."""
        ...

    def keep_home_tab(self, tab: HomeTab) -> None:
        """Remembers it."""
        ...

    def opened_since(self, persons: Sequence[str], since: datetime) -> Sequence[str]:
        """Which of these have opened their Home tab since then."""
        ...

    def events_since(self, since: datetime, most: int) -> Sequence[tuple[int, str]]:
        """The numbers of the newest audit events about requests since then, with those requests."""
        ...

    def concerned(self, request_ids: Sequence[str]) -> tuple[frozenset[str], frozenset[str]]:
        """Who asked for these requests or was asked about them, and their integrations."""
        ...
