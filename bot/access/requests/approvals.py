"""Decisions: approve, deny, remind, escalate. A request is approved when each of its owner groups has approved it."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn, Unpack

from bot.access.errors import AccessError, Conflict, LostRace, NotAllowed, NotFound, Outage
from bot.access.ids import APPLICATION, USERNAME_PREFIX
from bot.access.intervals import ROUTE_AGAIN
from bot.access.lifecycle.requests import complete, describe_end, enqueue_outcome, expire, is_approved
from bot.access.lifecycle.timeline import TimelineEvent, add_to_timeline
from bot.access.models.messages import MessageKind
from bot.access.models.request_details import RequestDetails
from bot.access.models.requests import AccessRequest, Approval, AskedGroup
from bot.access.owners import MOST_ASKED, group_owners, is_owner_of
from bot.access.policy.current import CurrentPolicy
from bot.access.policy.reasons import checked_reason
from bot.access.ports import Clock, Directory
from bot.access.requests.approver_eligibility import (
    allows_self_approval,
    check_may_approve,
    eligible_approvers,
    is_guest,
)
from bot.access.requests.filing import counting_groups, replace_plan
from bot.access.requests.fresh_decision import FreshDecision, decide_again, read_again, refused_now
from bot.access.requests.routing import Routing
from bot.access.states import RequestState
from bot.access.store.changes import RequestChanges
from bot.access.store.store import Store
from bot.access.store.transaction import Transaction

_BATCH = 100

_TRIES = 3
"""Attempts to approve a request that changes at the same time."""

_MOST_TOLD = 3
"""Escalation approvers that a thread names."""


@dataclass(frozen=True)
class Approvals:
    """Actions of owners on requests. Each method raises an `AccessError` that explains a failure to the actor."""

    store: Store
    routing: Routing
    directory: Directory
    current: CurrentPolicy
    clock: Clock
    username_prefix: str = USERNAME_PREFIX

    def approve(self, request_id: str, actor: str) -> RequestDetails:
        """Stores one owner's approval, and after the last one needed the grant.

        The request is decided again first, by the present policy, people and resources. Raises `NotAllowed` if it is no
        longer allowed, and `Outage` if Slack does not answer. If the cluster does not, the approval is stored, and the
        request waits for the cluster.
        """
        for _ in range(_TRIES):
            request, groups = self.find_decidable(request_id, actor)
            fresh = self._decide_again(request)
            try:
                with self.store.writing() as write:
                    lock_with_grant(write, request)
                    if not isinstance(fresh, Outage) and not fresh.is_about(write.request_details(request.id)):
                        continue  # less was offered and accepted meanwhile, or others are asked
                    counted = self._store_approval(write, request, actor, groups, fresh)
                    details = write.request_details(request.id)
            except LostRace:
                self.raise_conflict(request_id, actor)
            if not counted:
                _raise_not_an_owner(request_id)
            return details
        raise Conflict(f"{request_id} is being changed at this moment. Look at it again, then decide.")

    def _decide_again(self, request: AccessRequest) -> FreshDecision | Outage:
        """The decision as it would be made now, or the outage of the cluster. Raises `NotAllowed`."""
        try:
            return decide_again(self.store, self.routing, request, read_again(self.current.policy, request))
        except Outage as error:
            return error
        except AccessError as error:
            raise refused_now(request, error) from error

    def _store_approval(
        self, write: Transaction, request: AccessRequest, actor: str, groups: list[int], fresh: FreshDecision | Outage
    ) -> bool:
        """Stores the approval under the fresh decision. Returns False if the actor is no owner any more under that."""
        now = self.clock.now()
        if not isinstance(fresh, Outage):
            groups = counting_groups(replace_plan(write, request, fresh.plan, fresh.standing, now, same=True), actor)
        write.refresh(request.id, [MessageKind.APPROVAL], now)
        if not groups and not is_approved(write.request_details(request.id)):
            return False
        write.add(Approval(request_id=request.id, approver=actor, approved=True, groups=groups, at=now))
        details = write.request_details(request.id)
        if not is_approved(details):
            write.audit("request.approval_given", actor, now, request.id, groups=_labels(details, groups))
            add_to_timeline(write, request.id, now, TimelineEvent.APPROVAL_GIVEN, actor)
        elif isinstance(fresh, Outage):
            write.audit("request.approval_given", actor, now, request.id, groups=_labels(details, groups))
            write.amend(request, route_at=now + ROUTE_AGAIN)
            write.audit("request.waits", APPLICATION, now, request.id, error=str(fresh))
            add_to_timeline(write, request.id, now, TimelineEvent.WAITS, actor)
        else:
            self.complete_approval(write, request, actor, now)
        return True

    def approve_by_rule(self, write: Transaction, request: AccessRequest, at: datetime) -> None:
        """Approves without an owner, in the transaction that files the request."""
        self.complete_approval(write, request, APPLICATION, at)

    def complete_if_approved(self, write: Transaction, request: AccessRequest, now: datetime) -> None:
        """Completes an approval that waited for the cluster, if all the owners needed now have given theirs."""
        details = write.request_details(request.id)
        if details.approvers and is_approved(details):
            self.complete_approval(write, request, details.approvers[-1], now)

    def deny(self, request_id: str, actor: str, reason: str = "") -> RequestDetails:
        """Stores a denial; one is enough. The requester learns who denied it and why. Raises `Outage`."""
        reason = checked_reason(reason)
        request, groups = self.find_decidable(request_id, actor)
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

    def find_decidable(self, request_id: str, actor: str) -> tuple[AccessRequest, list[int]]:
        """The pending request, and the ids of the groups for which the actor may decide it now.

        Looks up the members of each group, so that changes since the filing count. Raises `AccessError`, `Outage`.
        """
        with self.store.reading() as read:
            request = read.request(request_id)
            details = read.request_details(request_id) if request else None
        if request is None or details is None:
            raise NotFound(request_id)
        groups = [
            each.id for each in details.groups
            if each.id is not None and actor in group_owners(self.directory, each)
        ]  # fmt: skip
        if groups and is_guest(self.directory, actor):
            groups = []
        check_may_approve(self.current.policy, request, actor)
        if not groups and actor not in request.owners:
            raise NotFound(request_id)
        if request.state is not RequestState.PENDING:
            raise Conflict(describe_end(request))
        if not groups:
            _raise_not_an_owner(request_id)
        now = self.clock.now()
        if request.pending_until <= now:
            with self.store.writing() as write:
                expire(write, request, now)
            self.raise_conflict(request_id)
        return request, groups

    def may_end(self, request: AccessRequest, actor: str) -> bool:
        """Whether the actor, as an owner of the request or of its integration, may see it and end its grant."""
        with self.store.reading() as read:
            groups = read.request_details(request.id).groups
        integration = self.current.policy.find_integration(request.integration)
        return is_owner_of(self.directory, integration, groups, actor)

    def escalate_due(self) -> None:
        """Reminds the approvers of due requests, or asks the escalation group. Earlier approvers may still decide."""
        with self.store.reading() as read:
            due = read.escalating_requests(self.clock.now(), _BATCH)
        for request in due:
            with suppress(Outage):  # it stays due; go on with the others
                self._escalate(request)

    def _escalate(self, request: AccessRequest) -> None:
        flow = self.current.policy.flow(request.flow)
        escalation = flow.escalation if flow else None
        now = self.clock.now()
        if escalation is None:
            with self.store.writing() as write:
                _amend_if_unchanged(write, request, escalate_at=None)
        elif request.escalations == 0:
            with self.store.writing() as write:
                # Counted from the first due time: after an outage, owners were asked later than the request was filed.
                if _amend_if_unchanged(write, request, escalations=1, escalate_at=_due(request) + escalation.after):
                    write.audit("request.reminded", APPLICATION, now, request.id)
                    add_to_timeline(write, request.id, now, TimelineEvent.REMINDED)
                    write.enqueue(request.id, MessageKind.REMINDER, _undecided(write.request_details(request.id)), now)
        else:
            found = self.directory.members(escalation.to)
            self_approval = allows_self_approval(self.current.policy, request)
            users = eligible_approvers(found.users, request, self_approval=self_approval)[:MOST_ASKED]
            with self.store.writing() as write:
                asked = list(dict.fromkeys([*request.owners, *users]))
                if _amend_if_unchanged(write, request, escalations=2, escalate_at=None, owners=asked):
                    write.add(_escalation_group(request, escalation.to, users, flow.approvals if flow else 1))
                    write.audit(
                        "request.escalated", APPLICATION, now, request.id,
                        to=list(escalation.to), problems=[problem.text for problem in found.problems],
                    )  # fmt: skip
                    add_to_timeline(write, request.id, now, TimelineEvent.ESCALATED, *users[:_MOST_TOLD])
                    write.refresh(request.id, [MessageKind.APPROVAL], now)
                    write.enqueue(request.id, MessageKind.APPROVAL, users, now)

    def complete_approval(self, write: Transaction, request: AccessRequest, actor: str, now: datetime) -> None:
        """Stores the decision after its last approval, and creates the grant. Raises `LostRace`."""
        complete(write, request, self.username_prefix + request.id.removeprefix("REQ-").lower(), actor, now)

    def raise_conflict(self, request_id: str, actor: str = "") -> NoReturn:
        """Raises `Conflict` with the decision or event that came first, or `NotFound`."""
        with self.store.reading() as read:
            request = read.request(request_id)
            details = read.request_details(request_id) if request else None
        if request is None or details is None:
            raise NotFound(request_id)
        if request.state is not RequestState.PENDING:
            raise Conflict(describe_end(request))
        if actor in details.approvers:
            waits_for = "the cluster to answer" if request.route_at else "the other owners"
            raise Conflict(f"You have already approved {request_id}. It waits for {waits_for}.")
        raise Conflict(f"{request.extends} has ended meanwhile, so there is nothing left to extend.")


def lock_with_grant(write: Transaction, request: AccessRequest) -> None:
    """Locks a pending request, and the grant that it extends. Raises `LostRace` if one of them has ended."""
    if request.extends is not None:
        # The grant before its extension, as when a grant ends, so that the two cannot deadlock.
        write.lock_grant(request.extends)
    write.lock_request(request)


def _raise_not_an_owner(request_id: str) -> NoReturn:
    raise NotAllowed(f"You are no longer an owner that {request_id} needs, so you cannot decide it.")


def _amend_if_unchanged(write: Transaction, request: AccessRequest, **values: Unpack[RequestChanges]) -> bool:
    """Changes a request if it is still pending and at the same escalation step. Returns whether it was."""
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
