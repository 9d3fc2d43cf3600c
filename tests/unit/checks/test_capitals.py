"""`bot check` names the aliases with capitals that a flow in small letters does not deny."""

import io

import pytest

from bot.access.policy.access_flow import AccessFlow
from bot.access.policy.model import Policy
from bot.access.ports import Catalogue, Resource
from bot.checks.report import Report
from bot.checks.resources.capitals import check_capitals
from tests.fakes import PRODUCTION

CATALOGUE = Catalogue((
    Resource("Pay-All", "alias", targets=("data-1",)),
    Resource("Pay-Now", "alias", targets=("pay-2026",)),
    Resource("data-1", "index"),
    Resource("pay-2026", "index"),
    Resource("pay-old", "alias", targets=("data-1",)),
))  # fmt: skip


def checked(*patterns: str) -> str:
    output = io.StringIO()
    flows = (AccessFlow(name="no pay", deny=True, patterns=patterns), AccessFlow(name="rest"))
    check_capitals(Report(output), CATALOGUE, Policy(integrations=(PRODUCTION,), access_flows=flows), PRODUCTION)
    return output.getvalue()


def test_an_alias_whose_data_stays_open_is_named_and_one_that_is_denied_by_its_data_is_not() -> None:
    assert "flow “no pay”: capitals count, so it does not deny Pay-All, nor what that points to" in checked("pay-*")
    assert "Pay-Now" not in checked("pay-*")


@pytest.mark.parametrize("patterns", [("pay-*", "Pay-*"), ("pay-*", "data-*"), ("other",), ("*",)])
def test_nothing_is_said_where_none_is_missed(patterns: tuple[str, ...]) -> None:
    assert checked(*patterns) == ""
