"""Checks whether access flows name system indices, which they never give."""

from bot.access.policy.access_flow import AccessFlow
from bot.access.policy.model import Integration, Policy
from bot.access.policy.patterns import is_dotted, matcher
from bot.access.ports import Catalogue
from bot.checks.report import Report, listed


def flows_with_hidden_names(policy: Policy, integration: Integration) -> list[AccessFlow]:
    """The flows of an integration that give names with a leading dot, and not with `restricted_indices`."""
    return [
        flow
        for flow in policy.access_flows
        if not flow.deny
        and any(map(is_dotted, flow.patterns))
        and not any(policy.permission(name).restricted_indices for name in flow.offers)
        and (not flow.integrations or integration.name in flow.integrations)
    ]


def check_system_names(report: Report, catalogue: Catalogue, policy: Policy, integration: Integration) -> None:
    """Warns of each pattern of such a flow that matches a system index."""
    for flow in flows_with_hidden_names(policy, integration):
        for pattern in filter(is_dotted, flow.patterns):
            found = list(filter(matcher([pattern]), catalogue.system))
            if found:
                report.warn(
                    f"access flow “{flow.name}”: its pattern {pattern} names system indices: {listed(found)}",
                    "They are never given without restricted_indices. Take the pattern out, or write a narrower one.",
                )
