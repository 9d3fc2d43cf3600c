"""Checks that the Kibana privileges of the permissions exist in the cluster, by their names there."""

from collections.abc import Iterable
from difflib import get_close_matches

from elasticsearch import Elasticsearch

from bot.access.errors import Outage, Refusal
from bot.access.policy.model import Integration, Permission, Policy
from bot.checks.report import Report, listed
from bot.cluster.kibana import read_kibana_privileges
from bot.cluster.roles import DISCOVER_AND_DASHBOARDS

NEAREST = 3
"""Names that are offered in the place of one that does not exist."""

_SPACES = "Whether a space exists is not known to Elasticsearch: open Kibana to see."


def check_kibana(report: Report, client: Elasticsearch, policy: Policy, integration: Integration) -> None:
    """Reports on the privileges in Kibana that access to this cluster gives. Nothing without any."""
    asked = [each for each in policy.permissions if each.kibana and is_offered(policy, integration, each)]
    if integration.opened_space is None and not asked:
        return
    try:
        known = read_kibana_privileges(client)
    except (Outage, Refusal) as error:
        report.skip("Kibana", f"its privileges cannot be read: {error}")
        return
    if not known:
        report.warn(
            "Kibana: the cluster lists no privileges of Kibana, so nobody can open it",
            "Start Kibana on this cluster once: it registers them. One with a kibana.index of its own is not found.",
        )
        return
    if integration.opened_space is not None:
        _check_built_in(report, known, integration.opened_space)
    for permission in asked:
        _check_permission(report, known, permission)


def _check_built_in(report: Report, known: frozenset[str], space: str) -> None:
    opened = sorted(known & set(DISCOVER_AND_DASHBOARDS))
    missing = [each for each in ("discover", "dashboard") if not any(f"feature_{each}" in name for name in opened)]
    if missing:
        report.warn(
            f"Kibana: read, write and manage do not open {listed(missing)}, which this Kibana calls otherwise",
            *(f"The nearest to {each}: {_nearest(f'feature_{each}.read', known)}" for each in missing),
            "Name them in a permission of your own, with `kibana`.",
        )
        return
    report.ok(f"Kibana: read, write and manage open {listed(opened)} in the space {space}", _SPACES)


def _check_permission(report: Report, known: frozenset[str], permission: Permission) -> None:
    for name in permission.kibana:
        if name not in known:
            report.warn(
                f"Kibana: {name} of the permission {permission.name} does not exist, so it gives nothing",
                f"The nearest: {_nearest(name, known)}",
            )


def _nearest(name: str, known: Iterable[str]) -> str:
    """The nearest names, those of the same kind of access first."""
    kind = name.rpartition(".")[2]
    same = [each for each in known if each.endswith(f".{kind}")]
    found = [*get_close_matches(name, same, n=NEAREST), *get_close_matches(name, known, n=NEAREST)]
    return listed(list(dict.fromkeys(found))[:NEAREST]) or "none is like it"


def is_offered(policy: Policy, integration: Integration, permission: Permission) -> bool:
    """Whether an access flow of this cluster offers the permission."""
    return any(
        permission.name in flow.offers and not flow.deny and flow.is_for(integration.name)
        for flow in policy.access_flows
    )
