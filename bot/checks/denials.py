"""Describes what each flow that denies leaves open."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from bot.access.policy.access_flow import AccessFlow
from bot.access.policy.model import Permission, Policy
from bot.access.policy.scopes import clusters_of, covers_scope, patterns_overlap
from bot.checks.report import Report, listed

Offers = Mapping[str, Sequence[AccessFlow]]
"""Permissions by name, each with the flows that offer it."""


def check_denial(report: Report, policy: Policy, deny: AccessFlow) -> None:
    """Reports the permissions that stay open on the patterns of a flow that denies some, or beside them."""
    on = listed(deny.patterns)
    if deny.permissions:
        rest = [f"{name} stays open, by {_quoted(flows)}" for name, flows in left_open(policy, deny).items()]
        report.ok(f"flow “{deny.name}”: on {on}, {'; '.join(rest) or 'nothing stays open'}")
    for name, flows in reaching_past(policy, deny).items():
        report.warn(
            f"flow “{deny.name}”: {name}, by {_quoted(flows)}, could still reach {on}",
            "Cluster privileges and run_as are not limited to the patterns of a request. Offer them to few people.",
        )


def left_open(policy: Policy, deny: AccessFlow) -> Offers:
    """The permissions on its patterns that are not denied to the same people."""
    denies = [each for each in policy.access_flows if each.deny and covers_scope(policy, each, deny)]
    offers = [each for each in _flows_beside(policy, deny) if patterns_overlap(each, deny)]
    return _offered(policy, offers, lambda asked: not any(policy.denies(each, asked) for each in denies))


def reaching_past(policy: Policy, deny: AccessFlow) -> Offers:
    """The permissions on other patterns that reach further than these."""
    elsewhere = [each for each in _flows_beside(policy, deny) if not patterns_overlap(each, deny)]
    return _offered(policy, elsewhere, lambda asked: asked.reaches_further)


def _offered(policy: Policy, flows: Iterable[AccessFlow], applies: Callable[[Permission], bool]) -> Offers:
    found: dict[str, list[AccessFlow]] = {}
    for flow in flows:
        for name in flow.offers:
            if applies(policy.permission(name)):
                found.setdefault(name, []).append(flow)
    return found


def _flows_beside(policy: Policy, deny: AccessFlow) -> list[AccessFlow]:
    """The flows that give access in a cluster in which the other one denies it."""
    clusters = clusters_of(policy, deny)
    return [each for each in policy.access_flows if not each.deny and clusters & clusters_of(policy, each)]


def _quoted(flows: Sequence[AccessFlow]) -> str:
    return listed([f"“{each.name}”" for each in flows])
