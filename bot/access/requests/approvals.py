"""Decisions: approve, deny, remind, escalate. A request is approved when each of its owner groups has said yes."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn, Unpack

from bot.access.errors import Conflict, LostRace, NotAllowed, NotFound, Outage
from bot.access.ids import APPLICATION, USERNAME_PREFIX
from bot.access.lifecycle.expiry_warnings import first_warning
from bot.access.lifecycle.requests import audience_of, complete, describe_end, enqueue_outcome, expire, prolong
from bot.access.lifecycle.timeline import TimelineEvent, add_to_timeline
from bot.access.models.grants import Grant
from bot.access.models.messages import MessageKind
from bot.access.models.request_details import RequestDetails
from bot.access.models.requests import AccessRequest, Approval, AskedGroup
from bot.access.policy.current import MOST_ASKED, CurrentPolicy
from bot.access.policy.reasons import checked_reason
from bot.access.ports import Clock, Directory
from bot.access.requests.on_behalf import is_theirs
from bot.access.requests.routing import check_still_allowed
from bot.access.states import LIVE, GrantState, RequestState
from bot.access.store.changes import RequestChanges
from bot.access.store.store import Store
from bot.access.store.transaction import Transaction

__all__ = ["APPLICATION", "Approvals"]

_BATCH = 100

_MOST_TOLD = 3
"""Of those who are asked as well, named in a thread."""


@dataclass(frozen=True)
class Approvals:
    """What owners do with requests. Each method raises an `AccessError` that tells the clicker what was wrong."""

    store: Store
    directory: Directory
    current: CurrentPolicy
    clock: Clock
    username_prefix: str = USERNAME_PREFIX

    def approve(self, request_id: str, actor: str) -> RequestDetails:
        """Persists one owner's yes, and with the last that is needed the grant. Raises `Outage`."""
        request, groups = self.open_to(request_id, actor)
        now = self.clock.now()
        check_still_allowed(self.current.policy, self.directory, request, now)
        try:
            with self.store.writing() as write:
                if request.extends is not None:
                    # A grant before its extension, as when a grant ends: else the two could wait for each other.
                    write.lock_grant(request.extends)
                write.lock_request(request)
                write.add(Approval(request_id=request.id, approver=actor, approved=True, groups=groups, at=now))
                details = write.request_details(request.id)
                if complete(details):
                    self.approved(write, request, actor, now)
                else:
                    write.audit("request.approval_given", actor, now, request.id, groups=_labels(details, groups))
                    add_to_timeline(write, request.id, now, TimelineEvent.APPROVAL_GIVEN, actor)
                write.refresh(request.id, [MessageKind.APPROVAL], now)
                return write.request_details(request.id)
        except LostRace:
            self.raise_conflict(request_id, actor)

    def approve_by_rule(self, write: Transaction, request: AccessRequest, at: datetime) -> None:
        """Approves without asking anybody, within the transaction that files the request."""
        self.approved(write, request, APPLICATION, at)

    def deny(self, request_id: str, actor: str, reason: str = "") -> RequestDetails:
        """Persists the denial; one is enough. The requester is told by whom and why. Raises `Outage`."""
        reason = checked_reason(reason)
        request, groups = self.open_to(request_id, actor)
        now = self.clock.now()
        try:
            with self.store.writing() as write:
                write.lock_request(request)
                write.move(
                    request, RequestState.DENIED, actor, now,
                    detail={"reason": reason}, decided_by=actor, decided_at=now, decision_reason=reason,
                )  # fmt: skip
                write.decide(
                    Approval(
                        request_id=request.id, approver=actor, approved=False, reason=reason, groups=groups, at=now
                    )
                )
                enqueue_outcome(write, request, now)
                return write.request_details(request.id)
        except LostRace:
            self.raise_conflict(request_id, actor)

    def open_to(self, request_id: str, actor: str) -> tuple[AccessRequest, list[int]]:
        """The pending request, and the groups for which this person may decide it now.

        Who belongs to a group is looked up here, so a change since the request was filed counts. Raises `AccessError`
        and `Outage`.
        """
        with self.store.reading() as read:
            request = read.request(request_id)
            details = read.request_details(request_id) if request else None
        if request is None or details is None:
            raise NotFound(request_id)
        groups = [each.id for each in details.groups if each.id is not None and actor in self._members(each)]
        if groups and actor not in self.directory.members((actor,)).users:
            groups = []  # a guest: a large group is taken as Slack lists it, and nobody in it is looked at but here
        if is_theirs(request, actor) and not self._may_approve_own(request):
            raise NotAllowed(f"You asked for {request_id} yourself, so somebody else has to decide.")
        if not groups and actor not in request.owners:
            raise NotFound(request_id)
        if request.state is not RequestState.PENDING:
            raise Conflict(describe_end(request))
        if not groups:
            raise NotAllowed(f"You are no longer an owner that {request_id} needs, so you cannot decide it.")
        now = self.clock.now()
        if request.pending_until <= now:
            with self.store.writing() as write:
                expire(write, request, now)
            self.raise_conflict(request_id)
        return request, groups

    def may_end(self, request: AccessRequest, actor: str) -> bool:
        """Whether this person may see a request and end its grant: any of its owners, or an integration owner."""
        with self.store.reading() as read:
            groups = read.request_details(request.id).groups
        integration = next((i for i in self.current.policy.integrations if i.name == request.integration), None)
        owners = integration.owner if integration else ()
        return actor in self.directory.members(owners).users or any(actor in self._members(group) for group in groups)

    def escalate_due(self) -> None:
        """Reminds those who were asked, and then asks the next group; those asked before may still decide."""
        with self.store.reading() as read:
            due = read.escalating_requests(self.clock.now(), _BATCH)
        for request in due:
            with suppress(Outage):  # it stays due, and the others are looked at all the same
                self._escalate(request)

    def _escalate(self, request: AccessRequest) -> None:
        flow = self.current.policy.flow(request.flow)
        escalation = flow.escalation if flow else None
        now = self.clock.now()
        if escalation is None:
            with self.store.writing() as write:
                _amend(write, request, escalate_at=None)
        elif request.escalations == 0:
            with self.store.writing() as write:
                # As long again: a request that waited for an outage to end was asked later than it was filed.
                if _amend(write, request, escalations=1, escalate_at=_due(request) + escalation.after):
                    write.audit("request.reminded", APPLICATION, now, request.id)
                    add_to_timeline(write, request.id, now, TimelineEvent.REMINDED)
                    write.enqueue(request.id, MessageKind.REMINDER, _undecided(write.request_details(request.id)), now)
        else:
            found = self.directory.members(escalation.to)
            users = [user for user in found.users if not is_theirs(request, user)][:MOST_ASKED]
            with self.store.writing() as write:
                asked = list(dict.fromkeys([*request.owners, *users]))
                if _amend(write, request, escalations=2, escalate_at=None, owners=asked):
                    write.add(_escalation_group(request, escalation.to, users, flow.approvals if flow else 1))
                    write.audit(
                        "request.escalated", APPLICATION, now, request.id,
                        to=list(escalation.to), problems=list(found.problems),
                    )  # fmt: skip
                    add_to_timeline(write, request.id, now, TimelineEvent.ESCALATED, *users[:_MOST_TOLD])
                    write.refresh(request.id, [MessageKind.APPROVAL], now)
                    write.enqueue(request.id, MessageKind.APPROVAL, users, now)

    def approved(self, write: Transaction, request: AccessRequest, actor: str, now: datetime) -> None:
        """Persists that the last yes was given, and with it the grant. Raises `LostRace`."""
        write.move(request, RequestState.APPROVED, actor, now, decided_by=actor, decided_at=now, escalate_at=None)
        write.refresh(request.id, [MessageKind.OFFER, MessageKind.ASKED], now)
        add_to_timeline(write, request.id, now, TimelineEvent.APPROVED, actor)
        if request.extends is not None:
            self._extend(write, request, request.extends, actor, now)
            return
        write.add(
            Grant(
                id=request.id,
                username=self.username_prefix + request.id.removeprefix("REQ-").lower(),
                state=GrantState.PROVISIONING,
                created_at=now,
                expires_at=now + request.length,
                due_at=now,
                warn_at=None if request.automatic else first_warning(now, now + request.length),
            )
        )
        write.enqueue(request.id, MessageKind.CREDENTIAL, [request.requester], at=None)

    def _extend(self, write: Transaction, request: AccessRequest, grant_id: str, actor: str, now: datetime) -> None:
        grant = write.grant(grant_id)
        if grant is None or grant.state not in LIVE or grant.expires_at <= now:
            raise LostRace(grant_id)
        prolong(write, grant, request.length, actor, now)
        write.enqueue(request.id, MessageKind.OUTCOME, audience_of(request), now)

    def _members(self, group: AskedGroup) -> tuple[str, ...]:
        return self.directory.members(group.owners).users

    def _may_approve_own(self, request: AccessRequest) -> bool:
        flow = self.current.policy.flow(request.flow)
        return flow is not None and flow.self_approval

    def raise_conflict(self, request_id: str, actor: str = "") -> NoReturn:
        """Tells who or what was first. Raises `Conflict`, `NotFound`."""
        with self.store.reading() as read:
            request = read.request(request_id)
            details = read.request_details(request_id) if request else None
        if request is None or details is None:
            raise NotFound(request_id)
        if request.state is not RequestState.PENDING:
            raise Conflict(describe_end(request))
        if actor in details.approvers:
            raise Conflict(f"You have already approved {request_id}. It waits for the other owners.")
        raise Conflict(f"{request.extends} has ended meanwhile, so there is nothing left to extend.")


def _amend(write: Transaction, request: AccessRequest, **values: Unpack[RequestChanges]) -> bool:
    """Whether the request was still pending and as far as it was read; another process may have been here."""
    seen = request.escalations
    try:
        write.lock_request(request)
    except LostRace:
        return False
    if request.escalations != seen or request.escalate_at is None:
        return False
    write.amend(request, **values)
    return True


def _due(request: AccessRequest) -> datetime:
    if request.escalate_at is None:
        raise AssertionError("a request without a time to escalate was found due")
    return request.escalate_at


def _undecided(details: RequestDetails) -> Sequence[str]:
    return [owner for owner in details.request.owners if owner not in details.approvers]


def _labels(details: RequestDetails, groups: Sequence[int]) -> list[str]:
    return [each.label for each in details.groups if each.id in groups]


def _escalation_group(
    request: AccessRequest, owners: Sequence[str], people: Sequence[str], approvals: int
) -> AskedGroup:
    return AskedGroup(
        request_id=request.id,
        label=", ".join(owners)[:255],
        owners=list(owners),
        asked=list(people),
        approvals=approvals,
        escalation=True,
    )
