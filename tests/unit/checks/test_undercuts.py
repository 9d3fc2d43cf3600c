"""`bot check` names each flow that undercuts a stricter one, with a request that shows it."""

from io import StringIO

from bot.access.policy.access_flow import AccessFlow
from bot.checks.policy import check_undercuts
from bot.checks.report import Report
from tests.fakes import policy_of


def test_the_pair_and_the_request_are_named() -> None:
    output = StringIO()
    check_undercuts(
        Report(output),
        policy_of(
            AccessFlow(name="payments", patterns=("payments-*",), approvals=2, requesters=("@devs",)),
            AccessFlow(name="rest"),
        ),
    )
    assert [line.strip() for line in output.getvalue().splitlines()] == [
        "warn  flow “rest”: undercuts “payments”: 1 approval instead of 2",
        "An example, typed by people in @devs: /es-access * 1h",
        "It falls under “rest”. Narrow the patterns of that flow, or demand as much there.",
    ]
