"""Finds Home tabs that are out of date: the people concerned by recent changes who have opened theirs."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.access.claims import HOME_TABS_CLAIM
from bot.access.errors import Outage
from bot.access.owners import integration_owners
from bot.access.policy.current import CurrentPolicy
from bot.access.ports import Clock, Directory
from bot.access.store.store import Store

LATELY = timedelta(hours=12)
"""Home tabs opened since then are kept up to date; any other is rendered when it is opened."""

OVERLAP = timedelta(seconds=10)
"""How far back each run reads: an audit event gets its number before its commit and is visible after it."""

MOST_EVENTS = 5000
"""Events in one run. After a larger burst, changes are shown when the Home tab is opened again."""


_DUTY = "home tabs"


@dataclass
class HomeTabChanges:
    """Reads changes from the audit trail: every transition writes an event. For one thread.

    Shown changes are not stored: a process that starts shows the changes of the last seconds again.
    """

    store: Store
    directory: Directory
    current: CurrentPolicy
    clock: Clock
    _since: datetime | None = None
    _seen: set[int] = field(default_factory=set)

    def concerned(self) -> Sequence[str]:
        """The people whose Home tab is out of date, among those who opened theirs recently."""
        now = self.clock.now()
        since = self._since or now
        with self.store.reading() as read:
            events = read.events_since(since - OVERLAP, MOST_EVENTS)
            new = {request for number, request in events if number not in self._seen}
            people, integrations = read.concerned(sorted(new)) if new else (frozenset(), frozenset())
        self._since, self._seen = now, {number for number, _ in events}
        if not people or not self._is_ours(now):
            return []
        everyone = people | self._owners(integrations)
        with self.store.reading() as read:
            return sorted(read.opened_since(sorted(everyone), now - LATELY))

    def _is_ours(self, now: datetime) -> bool:
        """Of several processes that see the same changes, one shows them."""
        with self.store.writing() as write:
            return write.claim_duty(_DUTY, now, now + HOME_TABS_CLAIM)

    def _owners(self, integrations: frozenset[str]) -> set[str]:
        owners: set[str] = set()
        for each in self.current.policy.integrations:
            if each.name in integrations:
                try:
                    owners.update(integration_owners(self.directory, each))
                except Outage:
                    continue  # theirs is rendered when they open it
        return owners
