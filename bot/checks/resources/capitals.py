"""Checks whether flows that deny miss aliases with capitals, which no other name may have."""

from bot.access.policy.access_flow import AccessFlow
from bot.access.policy.model import Integration, Policy
from bot.access.policy.patterns import matcher
from bot.access.ports import Catalogue
from bot.checks.report import Report, listed


def denying_flows_of(policy: Policy, integration: Integration) -> list[AccessFlow]:
    """The flows that deny something in an integration."""
    return [flow for flow in policy.access_flows if flow.deny and flow.is_for(integration.name)]


def check_capitals(report: Report, catalogue: Catalogue, policy: Policy, integration: Integration) -> None:
    """Warns of aliases that the patterns of such a flow would match without capitals, and whose data it leaves open.

    An alias is denied by its targets as well, so in most cases the small letters are enough.
    """
    aliases = [each for each in catalogue.resources if each.kind == "alias" and each.name != each.name.lower()]
    for flow in denying_flows_of(policy, integration):
        is_denied = matcher(flow.patterns, hidden=True)
        is_meant = matcher([each.lower() for each in flow.patterns], hidden=True)
        missed = [
            each.name
            for each in aliases
            if is_meant(each.name.lower()) and not is_denied(each.name) and not any(map(is_denied, each.targets))
        ]
        if missed:
            report.warn(
                f"flow “{flow.name}”: capitals count, so it does not deny {listed(missed)}, nor what that points to",
                "If it should, write the names into its patterns as they are.",
            )
