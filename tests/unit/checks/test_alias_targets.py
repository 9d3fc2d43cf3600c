"""`bot check` names aliases that lead out of the patterns of flows that ask no owner of a resource."""

from io import StringIO
from typing import Any

import pytest

from bot.access.policy.access_flow import AccessFlow
from bot.access.policy.model import PERMISSIONS, Integration, Permission, Policy
from bot.access.ports import Catalogue, Resource
from bot.checks.report import Report
from bot.checks.resources.alias_targets import check_alias_targets

ONE = Integration(name="one", owner=("@o",), public_url="https://e")

EVERYTHING = Permission(name="inside", indices=("read",), restricted_indices=True)

CATALOGUE = Catalogue((
    Resource("logs-a", "index"),
    Resource("logs-inside", "alias", targets=("logs-a",)),
    Resource("logs-now", "alias", targets=("logs-a", "pay-1")),
    Resource("logs-stream", "data stream", targets=("app-1",)),
    Resource("logs-system", "alias", targets=(".internal-1",)),
    Resource("other", "alias", targets=("pay-1",)),
    Resource("pay-1", "index"),
))  # fmt: skip


def flow(**values: Any) -> AccessFlow:
    return AccessFlow(name="team", **{"patterns": ("logs-*",), "permissions": ("read",), **values})


def lines(*flows: AccessFlow) -> list[str]:
    policy = Policy(integrations=(ONE,), permissions=(*PERMISSIONS, EVERYTHING), access_flows=flows)
    shown = StringIO()
    check_alias_targets(Report(shown), CATALOGUE, policy, ONE)
    return [line for line in " ".join(shown.getvalue().split()).split("warn ") if line]


@pytest.mark.parametrize(
    ("values", "end"),
    [
        ({"approve": "rule"}, "so requests that match are refused"),
        ({"owners": ("@team",)}, "so requests that match are refused"),
        ({"automatic": True, "requesters": "@team", "max_duration": "1h"}, "so its members get no access"),
    ],
)
def test_aliases_and_streams_that_lead_out_are_named(values: dict[str, Any], end: str) -> None:
    (line,) = lines(flow(**values))
    named = "logs-now (→ logs-a, pay-1), logs-stream (→ app-1)"
    assert line.startswith(f"access flow “team”: {named} leads out of its patterns, {end}")


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"approve": "rule", "patterns": ("logs-*", "pay-*", "app-*")},
        {"approve": "rule", "deny": True},
        {"approve": "rule", "integrations": ("two",)},
    ],
)
def test_nothing_is_said_where_owners_are_asked_or_nothing_leads_out(values: dict[str, Any]) -> None:
    two = ONE.model_copy(update={"name": "two"})
    policy = Policy(integrations=(ONE, two), permissions=PERMISSIONS, access_flows=(flow(**values),))
    shown = StringIO()
    check_alias_targets(Report(shown), CATALOGUE, policy, ONE)
    assert shown.getvalue() == ""
