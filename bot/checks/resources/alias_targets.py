"""Checks whether aliases lead out of the patterns of access flows that ask no owner of a resource."""

from bot.access.ownership.aliases import leading_out
from bot.access.policy.access_flow import AccessFlow
from bot.access.policy.model import Integration, Policy
from bot.access.ports import Catalogue
from bot.checks.report import Report

MOST_NAMED = 5
"""Aliases in one line."""


def flows_bound_to_patterns(policy: Policy, integration: Integration) -> list[AccessFlow]:
    """The flows of an integration under which nobody may reach what their patterns do not cover."""
    return [
        flow
        for flow in policy.access_flows
        if not flow.deny
        and (flow.automatic or flow.approve == "rule" or flow.names_owners)
        and flow.is_for(integration.name)
    ]


def check_alias_targets(report: Report, catalogue: Catalogue, policy: Policy, integration: Integration) -> None:
    """Warns of aliases, and of data streams with indices of other names, that such a flow covers and never gives."""
    for flow in flows_bound_to_patterns(policy, integration):
        restricted = any(policy.permission(name).restricted_indices for name in flow.offers)
        found = leading_out(flow.patterns, catalogue, restricted_indices=restricted)
        if not found:
            continue
        names = ", ".join(f"{each.name} (→ {', '.join(each.targets[:MOST_NAMED])})" for each in found[:MOST_NAMED])
        more = f" and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else ""
        who = "so its members get no access" if flow.automatic else "so requests that match are refused"
        report.warn(
            f"access flow “{flow.name}”: {names}{more} leads out of its patterns, {who}",
            "Add the targets to its patterns if it may give them, or move the alias.",
        )
