"""Filing: puts a plan on a request, whole, and asks its owners. The same for new, narrowed and stored requests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.access.ids import APPLICATION
from bot.access.intervals import REMIND_OF_REVIEW_EVERY
from bot.access.lifecycle.timeline import TimelineEvent, add_to_timeline
from bot.access.models.grants import Grant
from bot.access.models.messages import MessageKind
from bot.access.models.request_details import RequestDetails
from bot.access.models.requests import AccessRequest, AskedGroup
from bot.access.policy.owner_groups import OwnerGroup
from bot.access.requests.routing import Plan
from bot.access.store.changes import RequestChanges
from bot.access.store.transaction import Transaction

Eligible = Mapping[int, Sequence[str]]
"""The people who may decide now, by the id of the asked group."""


@dataclass(frozen=True)
class _Regrouped:
    """The groups of a request under its new plan: `added` and `removed` ones, and the people of all that are left."""

    added: tuple[AskedGroup, ...]
    removed: tuple[AskedGroup, ...]
    left: tuple[AskedGroup, ...]
    eligible: Eligible


def plan_columns(plan: Plan) -> RequestChanges:
    """The columns of a request that say what access its plan gives, and how."""
    return {
        "flow": plan.flow.name,
        "flow_limit": _seconds(plan.flow.max_duration),
        "kind": plan.kind,
        "account": {"username": plan.account.username, "realm": plan.account.realm} if plan.account else None,
        "duration": _seconds(plan.duration),
        "privileges": plan.permission.stored(),
        "resolved": list(plan.resolved) if plan.resolved is not None else None,
        "preview": plan.preview.stored() if plan.preview else None,
        "aliases": plan.aliases.stored() if plan.aliases else None,
        "excluded": list(plan.excluded) or None,
        "delivery": plan.flow.delivery,
        "break_glass": plan.flow.break_glass,
        "any_group": plan.any_group,
        "channel": plan.flow.channel if plan.groups else None,
    }


def file_request(write: Transaction, request: AccessRequest, extended: Grant | None) -> None:
    """Stores a new request, which may extend a grant. Raises `LostRace` if that one has ended or changed meanwhile."""
    write.file(request)
    if extended is not None:
        event = "grant.extension_requested"
        write.change(extended, event, request.requester, request.created_at, {"request": request.id})
    write.audit(
        "request.submitted", request.requester, request.created_at, request.id,
        patterns=request.patterns, permission=request.permission, duration=request.duration,
        integration=request.integration, extends=request.extends, reason=request.reason,
    )  # fmt: skip


def file_plan(write: Transaction, request: AccessRequest, plan: Plan, now: datetime) -> None:
    """Puts the plan on a request that has none yet, and asks the owners."""
    told = plan.asked or plan.watchers
    columns: RequestChanges = {**plan_columns(plan), "owners": list(told), **_first_times(plan, now)}
    write.amend(request, **columns)
    if plan.problems:
        write.audit("request.owners_unusable", APPLICATION, now, request.id, problems=list(plan.problems))
    for group in plan.groups:
        write.add(_asked_group(request, group, told))
    if plan.asked:
        _ask(write, request, now)
    if request.asked_by is not None:
        write.enqueue(request.id, MessageKind.ASKED, [request.requester], now)


def replace_plan(
    write: Transaction, request: AccessRequest, plan: Plan, standing: Eligible, now: datetime, *, same: bool
) -> Eligible:
    """Puts the plan on a request that has one, and asks the owners it adds. Returns who may decide now, by group.

    `standing` are the present people of the groups that were asked before. An approval counts on for the groups that
    it was given for, and for added ones, as long as its owner still is one of theirs. `same`: the request asks for what
    it did before, so that of the old and the new plan the stricter rule holds for the number of approvals. A plan by
    rule asks nobody: those who were asked decide.
    """
    before = write.request_details(request.id)
    was = _terms(before)
    asked_groups = [group for group in before.groups if not group.escalation]
    if plan.by_rule:
        plan = replace(plan, groups=tuple(_as_planned(request, group, standing) for group in asked_groups))
    if same:
        most = max((group.approvals for group in asked_groups), default=1)
        plan = replace(plan, groups=tuple(replace(each, approvals=max(each.approvals, most)) for each in plan.groups))
    columns = plan_columns(plan)
    if plan.by_rule or same:
        columns["any_group"] = request.any_group and (plan.by_rule or plan.any_group)
    if plan.by_rule:
        columns["channel"] = request.channel
    found = _regroup(write, before, plan, standing, now)
    _recount(write, before, found)
    still = {person for group in found.left for person in group.asked}
    people = dict.fromkeys([*request.owners, *(person for group in found.added for person in group.asked)])
    columns["owners"] = [person for person in people if person in still]
    if not plan.by_rule and not any(group.escalation for group in found.left):
        columns.update(_escalation(request, plan, now))
    write.amend(request, **columns)
    _ask(write, request, now)
    _tell(write, write.request_details(request.id), was, found, now)
    return found.eligible


def _first_times(plan: Plan, now: datetime) -> RequestChanges:
    escalation = plan.flow.escalation
    return {
        "channel": plan.flow.channel if plan.asked or plan.flow.break_glass else None,
        "escalate_at": now + escalation.after if escalation else None,
        "review_at": now + REMIND_OF_REVIEW_EVERY if plan.flow.break_glass else None,
    }


def _escalation(request: AccessRequest, plan: Plan, now: datetime) -> RequestChanges:
    """When the owners are reminded under the new plan, as long as nobody stands in for them."""
    after = plan.flow.escalation.after if plan.flow.escalation else None
    if after is None:
        return {"escalate_at": None}
    if request.escalate_at is not None and request.flow == plan.flow.name:
        return {}
    return {"escalate_at": now + after, "escalations": 0}


def _as_planned(request: AccessRequest, group: AskedGroup, standing: Eligible) -> OwnerGroup:
    people = tuple(standing.get(group.id or 0, ()))
    patterns = tuple(request.patterns if group.patterns is None else group.patterns)
    return OwnerGroup(group.label, tuple(group.owners), group.approvals, group.resources, people, patterns)


def _regroup(write: Transaction, before: RequestDetails, plan: Plan, standing: Eligible, now: datetime) -> _Regrouped:
    """Keeps the groups that the plan needs, adds those that it needs as well, and removes the others."""
    old = {_key(group.label, group.owners): group for group in before.groups if not group.escalation}
    added: list[AskedGroup] = []
    left: list[AskedGroup] = []
    eligible: dict[int, Sequence[str]] = {}
    for group in plan.groups:
        row = old.pop(_key(group.label, group.owners), None)
        if row is None:
            row = _asked_group(before.request, group, plan.asked, now)
            write.add(row)
            added.append(row)
        else:
            patterns = list(group.patterns)
            write.change_group(row, approvals=group.approvals, resources=group.resources, patterns=patterns)
        left.append(row)
        eligible[row.id or 0] = group.people
    removed = list(old.values())
    for row in (each for each in before.groups if each.escalation):
        if not plan.by_rule and not _stands_in(row, plan):
            removed.append(row)
            continue
        most = max((each.approvals for each in plan.groups), default=row.approvals)
        write.change_group(row, approvals=max(row.approvals, most))
        left.append(row)
        eligible[row.id or 0] = standing.get(row.id or 0, ())
    for row in removed:
        write.remove_group(row)
    return _Regrouped(tuple(added), tuple(removed), tuple(left), eligible)


def _key(label: str, owners: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    # Two groups may have the same owners: those of a resource may be those of the integration as well.
    return label[:255], tuple(owners)


def _stands_in(group: AskedGroup, plan: Plan) -> bool:
    """Whether the flow of the plan lets the escalation group decide in place of the owners."""
    return plan.flow.escalation is not None and set(plan.flow.escalation.to) <= set(group.owners)


def _recount(write: Transaction, before: RequestDetails, found: _Regrouped) -> None:
    """Lets each approval count for the groups that it was given for and for added ones, if they are its owner's now."""
    added = {group.id for group in found.added}
    for approval in before.approvals:
        theirs = counting_groups(found.eligible, approval.approver)
        groups = [group for group in theirs if group in added or group in approval.groups]
        if approval.approved and groups != approval.groups:
            write.count_approval(approval, groups)


def counting_groups(eligible: Eligible, person: str) -> list[int]:
    """The groups for which the person may decide."""
    return [group for group, people in eligible.items() if person in people]


def _ask(write: Transaction, request: AccessRequest, now: datetime) -> None:
    """Enqueues a message to everybody who was not asked yet: the people, or the channel for all of them."""
    write.enqueue(request.id, MessageKind.APPROVAL, [request.channel] if request.channel else request.owners, now)


_Terms = tuple[str, str, bool, str | None, int]


def _terms(details: RequestDetails) -> _Terms:
    """What the audit trail says of a plan: its flow, delivery, groups, channel, and number of approvals."""
    request = details.request
    most = max((group.approvals for group in details.groups), default=0)
    return request.flow, request.delivery.value, request.any_group, request.channel, most


def _tell(write: Transaction, details: RequestDetails, was: _Terms, found: _Regrouped, now: datetime) -> None:
    """Audits what a new plan changed, and shows added owners to everybody who was asked."""
    terms, request_id = _terms(details), details.request.id
    if not found.added and not found.removed and terms == was:
        return
    flow, delivery, any_group, channel, approvals = terms
    write.audit(
        "request.plan_changed", APPLICATION, now, request_id,
        added=[group.label for group in found.added], removed=[group.label for group in found.removed],
        flow=flow, delivery=delivery, any_group=any_group, channel=channel, approvals=approvals,
    )  # fmt: skip
    if found.added:
        ids = (str(group.id) for group in found.added)
        add_to_timeline(write, request_id, now, TimelineEvent.OWNERS_ADDED, *ids)


def _asked_group(
    request: AccessRequest, group: OwnerGroup, asked: Sequence[str], added_at: datetime | None = None
) -> AskedGroup:
    """The row of an owner group. `asked` are the people with a message of their own, of this group or others."""
    return AskedGroup(
        request_id=request.id,
        label=group.label[:255],
        owners=list(group.owners),
        asked=[person for person in group.people if person in asked],
        approvals=group.approvals,
        resources=group.resources,
        patterns=list(group.patterns),
        added_at=added_at,
    )


def _seconds(duration: timedelta) -> int:
    return int(duration.total_seconds())
