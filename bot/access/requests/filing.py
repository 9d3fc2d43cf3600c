"""Filing: stores a plan with its request, and asks the owners or approves by rule."""

from datetime import datetime, timedelta

from bot.access.ids import APPLICATION
from bot.access.intervals import REMIND_OF_REVIEW_EVERY
from bot.access.models.messages import MessageKind
from bot.access.models.requests import AccessRequest, AskedGroup
from bot.access.policy.model import Permission
from bot.access.policy.owner_groups import OwnerGroup
from bot.access.requests.approvals import Approvals
from bot.access.requests.break_glass import tell_owners
from bot.access.requests.routing import Plan
from bot.access.store.changes import RequestChanges
from bot.access.store.transaction import Transaction


def plan_columns(plan: Plan, permission: Permission) -> RequestChanges:
    """The columns of a request that say what access its plan gives."""
    return {
        "flow": plan.flow.name,
        "flow_limit": _seconds(plan.flow.max_duration),
        "kind": plan.kind,
        "duration": _seconds(plan.duration),
        "privileges": permission.stored(),
        "resolved": list(plan.resolved) if plan.resolved is not None else None,
        "preview": plan.preview.stored() if plan.preview else None,
    }


def apply_plan(write: Transaction, request: AccessRequest, plan: Plan, approvals: Approvals, now: datetime) -> None:
    """Stores the whole plan with its request, and asks the owners or approves by rule."""
    permission = approvals.current.policy.permission(request.permission)
    escalation = plan.flow.escalation
    columns: RequestChanges = {
        **plan_columns(plan, permission),
        "delivery": plan.flow.delivery,
        "any_group": plan.flow.groups == "any",
        "owners": list(plan.asked or plan.watchers),
        "channel": plan.flow.channel if plan.asked or plan.flow.break_glass else None,
        "escalate_at": now + escalation.after if escalation else None,
        "break_glass": plan.flow.break_glass,
        "review_at": now + REMIND_OF_REVIEW_EVERY if plan.flow.break_glass else None,
    }
    write.amend(request, **columns)
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
    """The row of an owner group. `asked` are the people with a message of their own, of this group or others."""
    return AskedGroup(
        request_id=request.id,
        label=group.label[:255],
        owners=list(group.owners),
        asked=[person for person in group.people if person in asked],
        approvals=group.approvals,
        resources=group.resources,
    )


def _seconds(duration: timedelta) -> int:
    return int(duration.total_seconds())
