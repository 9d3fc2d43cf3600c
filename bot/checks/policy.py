"""Describes the access flows, and finds those without effect."""

from datetime import time

from bot.access.durations import format_duration
from bot.access.policy.access_flow import AccessFlow
from bot.access.policy.hours import DAYS, Hours
from bot.access.policy.model import Policy
from bot.access.policy.privileges import may_change_owner
from bot.access.policy.scopes import covers_scope
from bot.access.policy.undercuts import find_undercuts
from bot.checks.configuration import Setup
from bot.checks.denials import check_denial
from bot.checks.owners import People, flow_integrations
from bot.checks.report import Report, listed

_POLICY_SETTINGS = ("INTEGRATION_OWNER", "INTEGRATION_NAME", "RESOURCE_OWNER_KEY", "MAX_DURATION")


def check_policy(report: Report, setup: Setup, people: People) -> None:
    """Reports on each access flow. `people` are those behind the owners, as far as they were looked up."""
    reason = setup.policy_skip_reason(*_POLICY_SETTINGS)
    if reason:
        report.skip("access flows", reason)
        return
    for flow in setup.policy.access_flows:
        report.ok(described(setup.policy, flow))
        _check_reached(report, setup.policy, flow)
        _check_owner_writers(report, setup, flow)
        _check_open_requests(report, setup.policy, flow)
        check_reason_hint(report, flow)
        if flow.deny:
            check_denial(report, setup.policy, flow)
        if flow.automatic:
            _check_members(report, flow, people)
    check_undercuts(report, setup.policy)


def check_reason_hint(report: Report, flow: AccessFlow) -> None:
    """Notes a flow that shows people a regular expression."""
    if flow.reason_pattern and flow.reason_hint is None and not flow.deny:
        report.ok(
            f"flow “{flow.name}”: people are shown its reason_pattern, {flow.reason_pattern}",
            "Say in words what is wanted: reason_hint: The number of a ticket, such as INC-42",
        )


def _check_reached(report: Report, policy: Policy, flow: AccessFlow) -> None:
    by = covering(policy, flow)
    if by is not None and by.deny:
        report.warn(
            f"flow “{flow.name}”: nothing can come of it, since “{by.name}” refuses all of it",
            "A flow that denies beats all others. Narrow that one, or take this one out.",
        )
    elif by is not None:
        report.warn(
            f"flow “{flow.name}”: is never reached, since “{by.name}” stands before it and takes all of it",
            "The first flow that fits is taken. Put this one before that one, or take it out.",
        )


def check_undercuts(report: Report, policy: Policy) -> None:
    """Reports each flow that undercuts a stricter one, with a request that shows it."""
    for each in find_undercuts(policy):
        report.warn(
            f"flow “{each.weaker.name}”: undercuts “{each.stricter.name}”: {', '.join(each.concessions)}",
            f"An example, typed by {each.example.people}: {each.example.command}",
            f"It falls under “{each.weaker.name}”. Narrow the patterns of that flow, or demand as much there.",
        )


def _check_owner_writers(report: Report, setup: Setup, flow: AccessFlow) -> None:
    """Warns of a flow that lets people write owners without an owner's approval, or lets everybody ask for that."""
    policy = setup.policy
    if flow.deny or not any(each.owners_in_mappings for each in flow_integrations(policy, flow)):
        return
    writers = [each.name for each in policy.permissions if each.name in flow.offers and may_change_owner(each.indices)]
    by_itself = flow.approve == "rule" or flow.automatic or flow.break_glass
    if not writers or not (by_itself or (flow.requesters == "everyone" and flow.owners == "resource")):
        return
    why = "it is given without an approval" if by_itself else "everyone may ask for it"
    report.warn(
        f"flow “{flow.name}”: {listed(writers)} can change who owns an index, and {why}",
        f"With {setup.owners_from_template}, owners stand where no temporary access can write them.",
    )


def _check_open_requests(report: Report, policy: Policy, flow: AccessFlow) -> None:
    """Warns of a flow whose usual credential does not stop open requests that change data."""
    usual = {kinds[0] for each in flow_integrations(policy, flow) if (kinds := each.kinds(flow))}
    writers = [name for name in flow.offers if any(map(policy.permission(name).goes_on_after, usual))]
    if flow.deny or not writers:
        return
    others = any(each.stops_open_requests for each in flow.credentials)
    report.warn(
        f"flow “{flow.name}”: gives {listed(writers)} as an API key, whose end does not stop a _bulk that is open",
        f"{'Name password first' if others else 'Allow password, and name it first,'} in `credentials`: it stops at "
        "once. Keep the key for scripts that need one.",
    )


def _check_members(report: Report, flow: AccessFlow, people: People) -> None:
    for owner in flow.requesters:
        if owner in people and people[owner] is None:
            report.warn(
                f"flow “{flow.name}”: {owner} stands for nobody, so nobody has access by it",
                "Whoever had access for being in it loses it. See above for what is wrong with it.",
            )


# --- in words -----------------------------------------------------------------------------------------------------


def described(policy: Policy, flow: AccessFlow) -> str:
    """Who may ask for what, where, up to how long, when, and who approves."""
    about = f"flow “{flow.name}”: "
    what = f"{_what(flow)}{f' in {listed(flow.integrations)}' if flow.integrations else ''}"
    when = f", {_hours(flow.when)}" if flow.when else ""
    if flow.deny:
        who = "nobody may" if flow.requesters == "everyone" else f"{_who(flow)} may not"
        return f"{about}{who} ask for {what}{when}"
    if flow.automatic:
        return f"{about}{_who(flow)} has {what} without asking{when}"
    reason = ", with a reason" if flow.needs_reason else ""
    limit = format_duration(flow.max_duration)
    risk = ", dangerous" if flow.dangerous else ""
    asks = f"{_who(flow)} may ask for {what}, up to {limit}{reason}{risk}{when}"
    return f"{about}{asks}, approved by {_approvers(policy, flow)}"


def _who(flow: AccessFlow) -> str:
    return flow.requesters if isinstance(flow.requesters, str) else listed(flow.requesters)


def _what(flow: AccessFlow) -> str:
    permissions = flow.permissions or ("anything",) if flow.deny else flow.offers
    without = f" except {listed(flow.exclude)}" if flow.exclude else ""
    return f"{listed(permissions)} on {listed(flow.patterns)}{without}"


def _hours(when: Hours) -> str:
    days = "" if when.days == DAYS else f"{', '.join(when.days)} "
    if (when.since, when.until) == (time.min, time.max):
        return f"{', '.join(when.days)} ({when.time_zone})"
    return f"{days}from {when.since:%H:%M} to {when.until:%H:%M} {when.time_zone}"


def _approvers(policy: Policy, flow: AccessFlow) -> str:
    if flow.break_glass:
        return "nobody beforehand when asked with --break-glass, and reviewed by an owner"
    if flow.approve == "rule":
        return "rule"
    if not isinstance(flow.owners, str):
        return f"{'' if flow.approvals == 1 else f'{flow.approvals} of '}{listed(flow.owners)}"
    by_resource = [each for each in flow_integrations(policy, flow) if each.resource_owner is not None]
    if flow.owners == "integration" or not by_resource:
        return "an integration owner" if flow.approvals == 1 else f"{flow.approvals} integration owners"
    which = "any" if flow.groups == "any" else "each"
    return f"{'an owner' if flow.approvals == 1 else f'{flow.approvals} owners'} of {which} resource"


# --- flows that hide others ---------------------------------------------------------------------------------------


def covering(policy: Policy, flow: AccessFlow) -> AccessFlow | None:
    """The flow that makes this one ineffective, because it denies or decides every request that this one covers."""
    if flow.deny:
        return None
    denies = (each for each in policy.access_flows if each.deny and _denies_all(policy, each, flow))
    refusing = next(denies, None)
    if refusing is not None or flow.automatic:
        return refusing
    before = policy.access_flows[: policy.access_flows.index(flow)]
    return next((each for each in before if _decides_all(policy, each, flow)), None)


def _denies_all(policy: Policy, deny: AccessFlow, flow: AccessFlow) -> bool:
    return (
        covers_scope(policy, deny, flow)
        and all(policy.denies(deny, policy.permission(name)) for name in flow.offers)
    )  # fmt: skip


def _decides_all(policy: Policy, earlier: AccessFlow, flow: AccessFlow) -> bool:
    asks_no_more = earlier.default_duration is not None or flow.default_duration is None
    return (
        not earlier.deny
        and not earlier.automatic
        and earlier.break_glass is flow.break_glass
        and covers_scope(policy, earlier, flow)
        and set(flow.offers) <= set(earlier.offers)
        and set(flow.credentials) <= set(earlier.credentials)
        and flow.max_duration <= earlier.max_duration
        and asks_no_more
        and (flow.needs_reason or not earlier.needs_reason)
        and earlier.reason_pattern in {None, flow.reason_pattern}
    )
