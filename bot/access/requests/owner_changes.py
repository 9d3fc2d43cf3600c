"""Approvers who left while a request waits for them: others are asked instead, and everybody is told."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.access.errors import LostRace, Outage
from bot.access.ids import APPLICATION
from bot.access.lifecycle.timeline import TimelineEvent, add_to_timeline
from bot.access.models.messages import MessageKind
from bot.access.models.request_details import RequestDetails
from bot.access.models.requests import AccessRequest, AskedGroup
from bot.access.policy.current import MOST_ASKED, CurrentPolicy
from bot.access.ports import Clock, Directory
from bot.access.requests.on_behalf import is_theirs
from bot.access.store.store import Store
from bot.access.store.transaction import Transaction

LEASE = timedelta(minutes=2)
"""One process looks at a time; another takes over when it has not been heard of for this long."""

_DUTY = "departures"

_BATCH = 100


@dataclass(frozen=True)
class Replacement:
    """Who of one group left, who is asked instead, and whom the group is made of from now on."""

    group: AskedGroup
    left: tuple[str, ...]
    asked: tuple[str, ...]
    owners: tuple[str, ...]
    label: str


@dataclass(frozen=True)
class OwnerChanges:
    """Compares those who were asked with those who may still decide."""

    store: Store
    directory: Directory
    current: CurrentPolicy
    clock: Clock

    def run_once(self) -> None:
        """One round over all requests that wait for a decision. What cannot be looked up now is left as it is."""
        now = self.clock.now()
        with self.store.writing() as write:
            if not write.claim_duty(_DUTY, now, now + LEASE):
                return
        after = ""
        while True:
            with self.store.reading() as read:
                requests = read.asked_requests(after, _BATCH)
                all_details = read.all_request_details([each.id for each in requests])
            for details in all_details:
                with suppress(Outage):
                    self._look_at(details)
            if len(requests) < _BATCH:
                return
            after = requests[-1].id

    def _look_at(self, details: RequestDetails) -> None:
        instead = [found for group in details.groups if (found := self._instead(details, group)) is not None]
        if not instead:
            return
        now = self.clock.now()
        with suppress(LostRace), self.store.writing() as write:
            request = details.request
            seen = list(request.owners)
            write.lock_request(request)
            if request.owners == seen:  # if not, another process was here
                _replace(write, request, instead, now)

    def _instead(self, details: RequestDetails, group: AskedGroup) -> Replacement | None:
        """What changes for a group; `None` while everybody who was asked may still decide."""
        members = self.directory.members(group.owners).users
        left = tuple(person for person in group.asked if person not in members)
        if not left:
            return None
        may = tuple(person for person in members if not is_theirs(details.request, person))
        if len(may) >= group.approvals:
            return Replacement(group, left, may[:MOST_ASKED], tuple(group.owners), group.label)
        named = (each for each in self.current.policy.integrations if each.name == details.request.integration)
        integration = next(named, None)
        if integration is None:
            return None
        # As when it was filed: what nobody is left for falls to the integration owner.
        last = self.directory.members(integration.owner).users
        may = tuple(dict.fromkeys([*may, *(person for person in last if not is_theirs(details.request, person))]))
        owners = tuple(dict.fromkeys([*group.owners, *integration.owner]))
        return Replacement(group, left, may[:MOST_ASKED], owners, f"{group.label}, {integration.name}"[:255])


def _replace(write: Transaction, request: AccessRequest, instead: Sequence[Replacement], now: datetime) -> None:
    left = tuple(dict.fromkeys(person for each in instead for person in each.left))
    asked = [person for each in instead for person in each.asked]
    for each in instead:
        write.change_group(each.group, asked=list(each.asked), owners=list(each.owners), label=each.label)
    still = {person for group in write.request_details(request.id).groups for person in group.asked}
    gone = {person for person in left if person not in still}
    owners = [person for person in dict.fromkeys([*request.owners, *asked]) if person not in gone]
    write.amend(request, owners=owners)
    write.audit("request.owner_left", APPLICATION, now, request.id, left=list(left), asked=asked)
    add_to_timeline(write, request.id, now, TimelineEvent.REPLACED, *left)
    write.refresh(request.id, [MessageKind.APPROVAL], now)
    if request.channel is None:
        write.enqueue(request.id, MessageKind.APPROVAL, asked, now)
