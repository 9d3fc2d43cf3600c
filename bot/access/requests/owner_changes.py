"""Owner changes: replaces approvers who left while a request waits for them, and tells everybody."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from bot.access.claims import OWNER_CHANGES_CLAIM
from bot.access.errors import LostRace, Outage
from bot.access.ids import APPLICATION
from bot.access.lifecycle.timeline import TimelineEvent, add_to_timeline
from bot.access.models.messages import MessageKind
from bot.access.models.request_details import RequestDetails
from bot.access.models.requests import AccessRequest, AskedGroup
from bot.access.owners import MOST_ASKED, group_owners, integration_owners
from bot.access.policy.current import CurrentPolicy
from bot.access.ports import Clock, Directory
from bot.access.requests.approver_eligibility import allows_self_approval, eligible_approvers
from bot.access.store.store import Store
from bot.access.store.transaction import Transaction

_DUTY = "departures"  # stored: earlier versions, which may run at the same time, use this name

_BATCH = 100


@dataclass(frozen=True)
class Replacement:
    """A change of one group: the people who left, the people asked instead, and its new owners and label."""

    group: AskedGroup
    left: tuple[str, ...]
    asked: tuple[str, ...]
    owners: tuple[str, ...]
    label: str


@dataclass(frozen=True)
class OwnerChanges:
    """Compares the approvers of pending requests with the current owners."""

    store: Store
    directory: Directory
    current: CurrentPolicy
    clock: Clock

    def run_once(self) -> None:
        """Checks all requests that wait for a decision, and skips those whose owners cannot be looked up."""
        now = self.clock.now()
        with self.store.writing() as write:
            if not write.claim_duty(_DUTY, now, now + OWNER_CHANGES_CLAIM):
                return
        after = ""
        while True:
            with self.store.reading() as read:
                requests = read.asked_requests(after, _BATCH)
                all_details = read.all_request_details([each.id for each in requests])
            for details in all_details:
                with suppress(Outage):
                    self._check_request(details)
            if len(requests) < _BATCH:
                return
            after = requests[-1].id

    def _check_request(self, details: RequestDetails) -> None:
        changes = [each for group in details.groups if (each := self._find_replacement(details, group)) is not None]
        if not changes:
            return
        now = self.clock.now()
        with suppress(LostRace), self.store.writing() as write:
            request = details.request
            seen = list(request.owners)
            write.lock_request(request)
            if request.owners == seen:  # otherwise another process has replaced them
                _replace(write, request, changes, now)

    def _find_replacement(self, details: RequestDetails, group: AskedGroup) -> Replacement | None:
        """The change of a group; `None` while everybody who was asked is still an owner."""
        members = group_owners(self.directory, group)
        left = tuple(person for person in group.asked if person not in members)
        if not left:
            return None
        people = self._eligible(members, details.request)
        if len(people) >= group.approvals:
            return Replacement(group, left, people[:MOST_ASKED], tuple(group.owners), group.label)
        integration = self.current.policy.find_integration(details.request.integration)
        if integration is None:
            return None
        # As at filing, the integration owner stands in for a group with too few people.
        others = self._eligible(integration_owners(self.directory, integration), details.request)
        people = tuple(dict.fromkeys([*people, *others]))
        owners = tuple(dict.fromkeys([*group.owners, *integration.owner]))
        return Replacement(group, left, people[:MOST_ASKED], owners, f"{group.label}, {integration.name}"[:255])

    def _eligible(self, people: Sequence[str], request: AccessRequest) -> tuple[str, ...]:
        self_approval = allows_self_approval(self.current.policy, request)
        return eligible_approvers(people, request, self_approval=self_approval)


def _replace(write: Transaction, request: AccessRequest, changes: Sequence[Replacement], now: datetime) -> None:
    left = tuple(dict.fromkeys(person for each in changes for person in each.left))
    asked = [person for each in changes for person in each.asked]
    for each in changes:
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
