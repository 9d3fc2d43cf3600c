"""The decision of a stored request, made again: by the present policy, people and resources.

It calls Slack and the cluster, so it is made before the transaction that acts on it. That transaction locks the request
and checks that it still asks for the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.access.accounts.identity import check_holder, is_same
from bot.access.accounts.together import check_with_others
from bot.access.errors import AccessError, NotAllowed, NotFound, RequestField
from bot.access.ids import APPLICATION
from bot.access.models.columns import CredentialKind
from bot.access.models.request_details import RequestDetails
from bot.access.models.requests import AccessRequest, AskedGroup
from bot.access.owners import group_owners
from bot.access.policy.model import Permission, Policy
from bot.access.requests.approver_eligibility import eligible_approvers
from bot.access.requests.drafts import ParsedRequest, read_request
from bot.access.requests.extensions import check_extension
from bot.access.requests.filing import Eligible
from bot.access.requests.routing import Plan, Routing
from bot.access.store.store import Store

_TERMS = ("patterns", "permission", "privileges", "resolved", "excluded", "duration", "kind")
"""Columns of a request on which its decision depends, and which may change while it is pending."""

_LESS_HELPS = frozenset({RequestField.DURATION, RequestField.PATTERNS})
"""Parts of a request that a counter-offer can narrow."""


@dataclass(frozen=True)
class FreshDecision:
    """A plan for a stored request, and the present people of the groups that were asked about it."""

    about: tuple[object, ...]
    plan: Plan
    standing: Eligible

    def is_about(self, details: RequestDetails) -> bool:
        """Whether the request, read again, is the one that was decided, with the same groups."""
        return self.about == _terms(details)


def decide_again(store: Store, routing: Routing, request: AccessRequest, parsed: ParsedRequest) -> FreshDecision:
    """Decides a request that has a plan already, asking for `parsed`. Raises `AccessError`, `Outage`."""
    with store.reading() as read:
        details = read.request_details(request.id)
    plan = plan_request(store, routing, request, parsed)
    standing = {each.id: _people(routing, each, request, plan) for each in details.groups if each.id is not None}
    return FreshDecision(_terms(replace(details, request=request)), plan, standing)


def plan_request(store: Store, routing: Routing, request: AccessRequest, parsed: ParsedRequest) -> Plan:
    """The plan by a fresh look; for an extension, within the limits of its flow. Raises `AccessError`, `Outage`."""
    if request.extends is None:
        return _with_account(store, routing, parsed, routing.plan(parsed), request.account)
    with store.reading() as read:
        original, grant = read.request(request.extends), read.grant(request.extends)
    if original is None or grant is None:
        raise NotFound(request.extends)
    by_somebody = original.decided_by not in (None, APPLICATION)
    plan = routing.plan(replace(parsed, first_flow=original.flow if by_somebody else None))
    check_extension(original, grant, plan, parsed, routing.clock.now())
    return _with_account(store, routing, parsed, plan, original.account)


def _with_account(
    store: Store, routing: Routing, parsed: ParsedRequest, plan: Plan, before: dict[str, str] | None
) -> Plan:
    """The plan with the requester's own account, where that gets the access. `before` is the one that was asked for.

    Raises `NotAllowed`, `Outage`.
    """
    if plan.kind is not CredentialKind.OWN_ACCOUNT:
        return plan
    account = routing.accounts.account_of(parsed.requester, parsed.integration)
    if before is not None and not is_same(before, account):
        raise NotAllowed(
            f"It was asked for the account {before['username']}, and Slack's e-mail or name of <@{parsed.requester}> "
            f"leads to {account.username} now. Ask anew."
        )
    check_holder(store, routing.directory, routing.clock, parsed.integration, parsed.requester, account)
    if not parsed.extension:
        names, at = plan.resolved or parsed.patterns, routing.clock.now()
        who, permission = parsed.requester, parsed.permission
        check_with_others(store, parsed.integration.name, who, names, permission, plan.excluded, at)
    return replace(plan, account=account)


def read_again(policy: Policy, request: AccessRequest) -> ParsedRequest:
    """The stored request with the privileges and names that its owners read. Raises `AccessError`.

    The permission must still exist and include these privileges: an administrator may have taken some away.
    """
    parsed = read_request(policy, request)
    name = parsed.permission.name
    held = Permission.restored(name, request.privileges) if request.privileges else None
    if held is None or not parsed.permission.includes(held):
        raise NotAllowed(f"The permission {name} no longer gives what was asked for.", about=RequestField.PERMISSION)
    resolved = tuple(request.resolved) if request.resolved is not None else None
    return replace(parsed, permission=held, filed_at=request.created_at, resolved=resolved)


def refused_now(request: AccessRequest, error: AccessError) -> NotAllowed:
    """The error for an owner whose approval would no longer be within the policy."""
    do = "Deny it, or offer less." if error.about in _LESS_HELPS else "You can deny it."
    answer = f"Asked today, <@{request.requester}> would read: {error.message}"
    return NotAllowed(f"{request.id} cannot be approved any more. {do} {answer}")


def _people(routing: Routing, group: AskedGroup, request: AccessRequest, plan: Plan) -> Sequence[str]:
    owners = group_owners(routing.directory, group)
    return eligible_approvers(owners, request, self_approval=plan.flow.self_approval)


def _terms(details: RequestDetails) -> tuple[object, ...]:
    groups = [(group.id, group.owners) for group in details.groups]
    return (*(getattr(details.request, name) for name in _TERMS), groups)
