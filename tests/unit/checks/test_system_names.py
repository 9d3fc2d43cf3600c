"""`bot check` names the patterns of access flows that match system indices."""

import io

from bot.access.policy.access_flow import AccessFlow
from bot.access.policy.model import Policy
from bot.access.ports import Catalogue
from bot.checks.report import Report
from bot.checks.resources.system_names import check_system_names
from tests.fakes import PRODUCTION


def checked(*patterns: str) -> str:
    output = io.StringIO()
    policy = Policy(integrations=(PRODUCTION,), access_flows=(AccessFlow(name="one", patterns=patterns),))
    check_system_names(Report(output), Catalogue((), system=(".kibana_1", ".tasks")), policy, PRODUCTION)
    return output.getvalue()


def test_a_pattern_that_matches_a_system_index_is_named() -> None:
    assert "access flow “one”: its pattern .kibana* names system indices: .kibana_1" in checked("*", ".kibana*")


def test_other_patterns_are_not_named() -> None:
    assert checked("*", ".alerts-*") == ""
