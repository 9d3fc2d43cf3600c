"""The three examples of the policy page: each loads and keeps its promises."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import BaseModel

from bot.access.durations import parse_duration
from bot.access.policy.access_flow import AccessFlow, Escalation
from bot.access.policy.decision import Decision, Question, Verdict, decide
from bot.access.policy.hours import DAYS, Hours
from bot.access.policy.limits.fields import FieldLimits
from bot.access.policy.model import Policy
from bot.access.policy.undercuts import find_undercuts
from bot.config.access_yaml import read
from bot.config.access_yaml.model import IntegrationEntry, PermissionEntry, PolicyFile

ROOT = Path(__file__).parents[4]
VARIABLES = {"ELASTICSEARCH_PASSWORD": "x", "PRODUCTION_PASSWORD": "x", "STAGING_PASSWORD": "x"}

ALLOWED, DENIED, TOO_LONG, NO_REASON = Verdict.ALLOWED, Verdict.DENIED, Verdict.TOO_LONG, Verdict.NO_REASON

MORNING, EVENING = "mon 09:00", "tue 19:30"
"""In Paris."""


def example(name: str) -> Policy:
    return read(ROOT / "examples" / f"{name}.yaml", VARIABLES).policy


def at(moment: str) -> datetime:
    """A day and a time in Paris, in a winter week: an hour before that in UTC."""
    day, clock = moment.split()
    hour, minute = map(int, clock.split(":"))
    return datetime(2026, 1, 5 + DAYS.index(day), hour - 1, minute, tzinfo=UTC)


def ask(policy: Policy, text: str, groups: Sequence[str], moment: str, cluster: str = "production") -> Decision:
    """Asks as somebody in these groups. `text` is as typed in Slack, with `-` for a duration that is left out."""
    patterns, duration, permission, *reason = text.split()
    question = Question(
        policy.integration(cluster), tuple(patterns.split(",")), policy.permission(permission),
        None if duration == "-" else parse_duration(duration), " ".join(reason), at(moment),
    )  # fmt: skip
    return decide(policy, question, lambda owners: bool({*owners} & {*groups}))


ONE_TEAM = [
    ("logs-* 1h read", ALLOWED, "reading"),
    ("logs-* - read", ALLOWED, "reading"),
    ("logs-* 1d grafana", ALLOWED, "reading"),
    ("logs-* 2d read", TOO_LONG, "reading"),
    ("logs-* 1h write", NO_REASON, "changing"),
    ("logs-* 1h write because", Verdict.REASON_OF_WRONG_SHAPE, "changing"),
    ("logs-* 4h manage fixing INC-42", ALLOWED, "changing"),
    ("logs-* 5h write fixing INC-42", TOO_LONG, "changing"),
    ("salaries-2026 1h read", DENIED, "salaries stay closed"),
    ("* 1h read", DENIED, "salaries stay closed"),
    ("logs-*,salar* 1h read", DENIED, "salaries stay closed"),
]


@pytest.mark.parametrize(("text", "verdict", "flow"), ONE_TEAM)
def test_one_team(text: str, verdict: Verdict, flow: str) -> None:
    found = ask(example("one-team"), text, [], MORNING)
    assert (found.verdict, found.flow and found.flow.name) == (verdict, flow)


MANY_TEAMS = [
    ("logs-web 1d read", [], "production", ALLOWED, "reading"),
    ("logs-*,orders-* - read", [], "production", ALLOWED, "reading"),
    ("orders-cards-2026 1h read", [], "production", Verdict.PATTERN_EXCLUDED, "reading"),
    ("orders-cards-2026 1h write", [], "production", Verdict.PATTERN_EXCLUDED, "writing"),
    ("logs-web 2h write INC-1", [], "production", ALLOWED, "writing"),
    ("payments-2026 4h read INC-1", [], "production", ALLOWED, "payments needs two"),
    ("payments-2026 4h read", [], "production", NO_REASON, "payments needs two"),
    ("payment* 1h read INC-1", [], "production", Verdict.PATTERN_NOT_OFFERED, "payments needs two"),
    ("logs-*,audit-* 1h read INC-1", ["@platform"], "production", ALLOWED, "platform and security"),
    ("audit-* 3h read INC-1", ["@platform"], "production", TOO_LONG, "platform and security"),
    ("audit-* 1h read INC-1", ["@security"], "production", ALLOWED, "platform and security"),
    ("* 1h read INC-1", ["@platform"], "production", Verdict.PATTERN_NOT_OFFERED, "payments needs two"),
    ("payments-* 1h read INC-1", ["@platform"], "production", ALLOWED, "payments needs two"),
    ("audit-* 1h write INC-1", ["@security"], "production", DENIED, "nobody changes audit logs"),
    ("* 1h manage INC-1", ["@platform"], "production", DENIED, "nobody changes audit logs"),
    ("audit-* 1h read", ["@auditors"], "production", Verdict.PATTERN_NOT_OFFERED, "payments needs two"),
    ("* 7d manage", [], "staging", ALLOWED, "staging"),
    ("audit-* - write", [], "staging", ALLOWED, "staging"),
    ("* 8d read", [], "staging", TOO_LONG, "staging"),
]


@pytest.mark.parametrize(("text", "groups", "cluster", "verdict", "flow"), MANY_TEAMS)
def test_many_teams(text: str, groups: list[str], cluster: str, verdict: Verdict, flow: str) -> None:
    found = ask(example("many-teams"), text, groups, MORNING, cluster)
    assert (found.verdict, found.flow and found.flow.name) == (verdict, flow)


def test_many_teams_say_who_decides_in_the_way_the_page_tells() -> None:
    flows = {each.name: each for each in example("many-teams").access_flows}
    assert flows["auditors"].automatic
    assert flows["staging"].approve == "rule"
    assert (flows["payments needs two"].owners, flows["payments needs two"].approvals) == ("resource", 2)
    assert flows["platform and security"].owners == "integration"
    assert flows["writing"].scope == "resolved"


ON_CALL = [
    ("logs-* 2h write INC-1", ["@oncall"], MORNING, ALLOWED, "on call"),
    ("logs-* 3h read INC-1", ["@oncall"], MORNING, ALLOWED, "working hours"),
    ("logs-* 1h read", ["@oncall"], MORNING, ALLOWED, "working hours"),
    ("logs-* 1h read", [], MORNING, ALLOWED, "working hours"),
    ("logs-* 9h read", [], MORNING, TOO_LONG, "working hours"),
    ("logs-* 1h write", [], MORNING, Verdict.PERMISSION_NOT_OFFERED, "working hours"),
    ("logs-* 1h read INC-1", [], EVENING, ALLOWED, "nights"),
    ("logs-* 1h read", [], EVENING, NO_REASON, "nights"),
    ("logs-* 1h read INC-1", [], "sat 07:00", ALLOWED, "nights"),
    ("logs-* 1h read", [], "sat 12:00", ALLOWED, "weekends"),
    ("logs-* 5h read", [], "sun 12:00", TOO_LONG, "weekends"),
    ("logs-* 1h read", [], "wed 07:30", NO_REASON, "nights"),
    ("logs-* 1h read", [], "sat 23:00", NO_REASON, "nights"),
]


@pytest.mark.parametrize(("text", "groups", "moment", "verdict", "flow"), ON_CALL)
def test_on_call(text: str, groups: list[str], moment: str, verdict: Verdict, flow: str) -> None:
    found = ask(example("on-call"), text, groups, moment)
    assert (found.verdict, found.flow and found.flow.name) == (verdict, flow)


@pytest.mark.parametrize("name", ["one-team", "many-teams", "on-call"])
def test_no_flow_of_an_example_undercuts_another(name: str) -> None:
    assert list(find_undercuts(example(name))) == []


@pytest.mark.parametrize(
    "model", [PolicyFile, IntegrationEntry, PermissionEntry, FieldLimits, AccessFlow, Escalation, Hours]
)
def test_the_page_has_a_row_for_each_key(model: type[PolicyFile]) -> None:
    page = (ROOT / "docs" / "policy.md").read_text(encoding="utf-8")
    sections: dict[type[BaseModel], str] = {PolicyFile: "The file", IntegrationEntry: "Integrations"}
    sections.update({PermissionEntry: "Permissions", FieldLimits: "Permissions"})
    section = page.split(f"\n### {sections.get(model, 'Access flows')}\n")[1].split("\n#")[0]
    rows = set(re.findall(r"^\| `([a-z_.]+)`", section, re.MULTILINE))
    within = {Escalation: "escalation.", Hours: "when.", FieldLimits: "fields."}.get(model, "")
    assert {f"{within}{each.alias or key}" for key, each in model.model_fields.items()} <= rows


def test_the_page_links_each_example() -> None:
    page = (ROOT / "docs" / "policy.md").read_text(encoding="utf-8")
    assert set(re.findall(r"\(\.\./(examples/[a-z-]+\.yaml)\)", page)) == {
        path.relative_to(ROOT).as_posix() for path in (ROOT / "examples").glob("*.yaml")
    }
