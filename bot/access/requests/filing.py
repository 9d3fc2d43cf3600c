"""Putting a plan into effect: the owners are asked, or a rule approves."""

from datetime import datetime

from bot.access.ids import APPLICATION
from bot.access.models.messages import MessageKind
from bot.access.models.requests import AccessRequest, AskedGroup
from bot.access.policy.decision import OwnerGroup
from bot.access.requests.approvals import Approvals
from bot.access.requests.break_glass import REMIND_EVERY, tell_owners
from bot.access.requests.routing import Plan
from bot.access.store.transaction import Transaction


def apply_plan(write: Transaction, request: AccessRequest, plan: Plan, approvals: Approvals, now: datetime) -> None:
    """Puts a plan into effect: asks the owners, or approves by rule."""
    permission = approvals.current.policy.permission(request.permission)
    escalation = plan.flow.escalation
    write.amend(
        request,
        flow=plan.flow.name,
        kind=plan.kind,
        delivery=plan.flow.delivery,
        flow_limit=int(plan.flow.max_duration.total_seconds()),
        duration=int(plan.duration.total_seconds()),
        privileges=permission.stored(),
        resolved=list(plan.resolved) if plan.resolved is not None else None,
        preview=plan.preview.stored() if plan.preview else None,
        any_group=plan.flow.groups == "any",
        owners=list(plan.asked or plan.watchers),
        channel=plan.flow.channel if plan.asked or plan.flow.break_glass else None,
        escalate_at=now + escalation.after if escalation else None,
        break_glass=plan.flow.break_glass,
        review_at=now + REMIND_EVERY if plan.flow.break_glass else None,
    )
    if plan.problems:
        write.audit("request.owners_unusable", APPLICATION, now, request.id, problems=list(plan.problems))
    for group in plan.groups:
        write.add(asked_group(request, group, plan.asked or plan.watchers))
    if plan.asked:
        write.enqueue(request.id, MessageKind.APPROVAL, [request.channel] if request.channel else plan.asked, now)
    if request.asked_by is not None:
        write.enqueue(request.id, MessageKind.ASKED, [request.requester], now)
    if plan.by_rule:
        approvals.approve_by_rule(write, request, now)
    if plan.flow.break_glass:
        tell_owners(write, request, plan, now)


def asked_group(request: AccessRequest, group: OwnerGroup, asked: tuple[str, ...]) -> AskedGroup:
    """The row of an owner group, of whose people these are asked."""
    return AskedGroup(
        request_id=request.id,
        label=group.label[:255],
        owners=list(group.owners),
        asked=[person for person in group.people if person in asked],
        approvals=group.approvals,
        resources=group.resources,
    )
