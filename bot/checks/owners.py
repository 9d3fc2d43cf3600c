"""Checks that someone can approve, by looking up each owner as a request would."""

from collections.abc import Iterator, Mapping

from bot.access.errors import Outage
from bot.access.people import OwnerProblem
from bot.access.policy.access_flow import AccessFlow
from bot.access.policy.model import Integration, Policy
from bot.checks.configuration import Setup
from bot.checks.report import Report
from bot.slack.directory import CANNOT_APPROVE, NO_ACTIVE_MEMBERS, NO_SUCH_GROUP, SlackDirectory
from bot.slack.scopes import scope_of

_FIXES = {
    "plan_upgrade_required": (
        "this workspace has no user groups, they come with a paid Slack plan",
        "Name the people instead, by e-mail or user id.",
    ),
    "users_not_found": (
        "no active person has this e-mail in Slack",
        "Compare it with the person's Slack profile; a person who left has to be taken out.",
    ),
    "user_not_found": (
        "there is nobody with this user id in Slack",
        "Slack profile > ⋮ > Copy member ID gives the right one.",
    ),
    NO_SUCH_GROUP: (
        "there is no such user group in Slack",
        "Compare the handle in Slack, People & user groups > User groups.",
    ),
    NO_ACTIVE_MEMBERS: (
        "the user group has no active members",
        "Add members to it in Slack, People & user groups > User groups.",
    ),
    CANNOT_APPROVE: (
        "is deactivated, a bot, a guest or of another workspace in Slack, and cannot approve",
        "Name somebody else.",
    ),
}
"""The code of an error of Slack or the directory → its meaning here, and what to do."""

People = Mapping[str, frozenset[str] | None]
"""The active people behind each owner that was looked up; `None` for an owner without people."""


def named_owners(policy: Policy) -> dict[str, list[str]]:
    """Each owner in the policy, with the places that name it."""
    places: dict[str, list[str]] = {}
    for owners, place in _places(policy):
        for owner in owners:
            places.setdefault(owner, []).append(place)
    return places


def _places(policy: Policy) -> Iterator[tuple[tuple[str, ...], str]]:
    for integration in policy.integrations:
        yield integration.owner, f"{integration.name} > owner"
    for flow in policy.access_flows:
        if flow.requesters != "everyone":
            yield flow.requesters, f"{flow.name} > requesters"
        if not isinstance(flow.owners, str):
            yield flow.owners, f"{flow.name} > owners"
        if flow.escalation:
            yield flow.escalation.to, f"{flow.name} > escalation > to"


def check_owners(report: Report, setup: Setup, directory: SlackDirectory | None, scopes: frozenset[str]) -> People:
    """Reports on each owner, and on the owners of each integration together. `scopes` are those of the bot.

    Returns the people behind the owners. `directory` is `None` without Slack.
    """
    reason = setup.policy_skip_reason("INTEGRATION_OWNER") or (
        "" if directory is not None else "needs Slack, see above"
    )
    if reason or directory is None:
        report.skip("owners", reason)
        return {}
    people: dict[str, frozenset[str] | None] = {}
    for owner, places in named_owners(setup.policy).items():
        if scope_of(owner) not in scopes:
            report.skip(f"owner {owner}", f"needs the scope {scope_of(owner)}, see above")
            continue
        try:
            people[owner] = _check_owner(report, directory, owner, places if setup.file else [])
        except Outage as error:
            report.fail(f"owner {owner}: {error}", "Wait a minute and run `bot check` again.")
            return people
    for integration in setup.policy.integrations:
        with report.about(setup.title(integration)):
            _check_all(report, setup, integration, people)
    for flow in setup.policy.access_flows:
        _check_enough(report, setup.policy, flow, people)
    return people


def _check_owner(report: Report, directory: SlackDirectory, owner: str, places: list[str]) -> frozenset[str] | None:
    members = directory.members([owner])
    where = "; ".join(places)
    for problem in members.problems:
        found, to_do = explain_problem(problem)
        named = f"It is named in {where}." if where else "Owners are set in INTEGRATION_OWNER."
        report.fail(f"owner {owner}: {found}", f"{to_do} {named}")
    if members.problems:
        return None
    report.ok(f"owner {owner}: {_people(len(members.users))}{f' ({where})' if where else ''}")
    return frozenset(members.users)


def explain_problem(problem: OwnerProblem) -> tuple[str, str]:
    """The meaning of the directory's problem with an owner, and what to do."""
    return _FIXES.get(problem.code or "", (problem.why, "Correct it, or take it out."))


def _together(owners: tuple[str, ...], people: People) -> set[str] | None:
    """The active people behind all of these owners; `None` when some owners could not be looked up."""
    if not all(owner in people for owner in owners):
        return None
    return {person for owner in owners for person in people[owner] or ()}


def _check_all(report: Report, setup: Setup, integration: Integration, people: People) -> None:
    found = {person for owner in integration.owner for person in people.get(owner) or ()}
    setting = setup.setting_name("INTEGRATION_OWNER", integration)
    if len(found) > 1:
        report.ok(f"owners: {_people(len(found))} may approve")
    elif _together(integration.owner, people) is None:
        report.skip("owners", "not all of them could be looked up")
    elif found and _may_lack_another(setup.policy, integration):
        report.warn(
            "owners: 1 person may approve, and nobody may approve a request of their own",
            f"Add a second person to {setting}, or that person can ask for nothing.",
        )
    elif found:
        report.ok("owners: 1 person may approve")
    else:
        report.fail(
            "owners: nobody is left who may approve",
            f"Name at least two active people in {setting}: user ids, e-mails or @group handles.",
        )


def _may_lack_another(policy: Policy, integration: Integration) -> bool:
    """Whether the only owner could file a request that nobody else can approve."""
    return any(
        (flow.approve == "owners" or flow.break_glass) and not (flow.deny or flow.automatic or flow.self_approval)
        for flow in policy.access_flows
        if integration in flow_integrations(policy, flow)
    )


def flow_integrations(policy: Policy, flow: AccessFlow) -> list[Integration]:
    """The integrations that the flow covers."""
    return [each for each in policy.integrations if flow.is_for(each.name)]


def _check_enough(report: Report, policy: Policy, flow: AccessFlow, people: People) -> None:
    """Reports a flow that needs more approvals than there are people."""
    nobody_is_asked = not flow.break_glass and flow.by_rule(extension=False) and flow.by_rule(extension=True)
    if nobody_is_asked or flow.deny or flow.automatic:
        return
    for label, owners in _asked(policy, flow):
        found = _together(owners, people)
        # Owners without people have their own line.
        if found and len(found) < flow.approvals:
            report.fail(
                f"flow “{flow.name}”: {flow.approvals} have to approve, and {label} are {_people(len(found))}",
                "Add people there, or ask for fewer approvals.",
            )


def _asked(policy: Policy, flow: AccessFlow) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The owners who are asked, as far as they are known without a request: a resource may have its own."""
    if not isinstance(flow.owners, str):
        yield "its owners", flow.owners
        return
    for each in flow_integrations(policy, flow):
        if flow.owners == "integration" or each.resource_owner is None:
            yield f"the owners of {each.name}", each.owner


def _people(count: int) -> str:
    return "1 person" if count == 1 else f"{count} people"
