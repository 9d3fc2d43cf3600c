"""Decisions: the access flow of a question and the owner groups of its resources, by tables."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from bot.access.models.columns import CredentialKind
from bot.access.policy.access_flow import AccessFlow
from bot.access.policy.decision import Question, Verdict, decide
from bot.access.policy.hours import Hours
from bot.access.policy.model import Integration, Policy
from bot.access.policy.owner_groups import Owned, OwnerGroup, owner_groups
from tests.fakes import PRODUCTION

HOUR = timedelta(hours=1)
KEY = CredentialKind.API_KEY
STAGING = Integration(name="staging", owner=("@staging",), public_url="https://staging.example")
TUESDAY_NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
EVENING = TUESDAY_NOON + 6 * HOUR
MEMBERS = ("U0ANA000", "ana@example.com", "@devs")
"""Every name of the requester."""


def is_ana(owners: Sequence[str]) -> bool:
    return any(owner in MEMBERS for owner in owners)


def flow(name: str = "one", **values: Any) -> AccessFlow:
    return AccessFlow(name=name, **values)


def deny(**values: Any) -> AccessFlow:
    return AccessFlow(name="no", deny=True, **values)


def policy(*flows: AccessFlow) -> Policy:
    return Policy(integrations=(PRODUCTION, STAGING), access_flows=flows)


def ask(*patterns: str, permission: str = "read", **values: Any) -> Question:
    asked = {"integration": PRODUCTION, "duration": HOUR, "reason": "", "at": TUESDAY_NOON, **values}
    held = policy(flow()).permission(permission)
    return Question(patterns=patterns or ("logs-a",), permission=held, **asked)


OFFICE = Hours(days=("mon", "tue"), since="09:00", until="17:00")

TABLE: list[tuple[str, tuple[AccessFlow, ...], Question, Verdict, str | None]] = [
    ("everyone may by default", (flow(),), ask(), Verdict.ALLOWED, "one"),
    ("a hidden name that a flow names", (flow(patterns=(".alerts-*",)),), ask(".alerts-web"), Verdict.ALLOWED, "one"),
    ("a hidden name under a star", (flow(),), ask(".alerts-web"), Verdict.PATTERN_NOT_OFFERED, "one"),
    ("a star under a hidden pattern", (flow(patterns=(".a*",)),), ask("*"), Verdict.PATTERN_NOT_OFFERED, "one"),
    ("a star denies hidden names", (flow(patterns=(".a*",)), deny()), ask(".a-1"), Verdict.DENIED, "no"),
    ("a denied hidden name leaves the star", (flow(), deny(patterns=(".a*",))), ask("*"), Verdict.ALLOWED, "one"),
    ("excluded", (flow(patterns=(".a*",), exclude=("*-b",)),), ask(".a-b"), Verdict.PATTERN_EXCLUDED, "one"),
    ("the first that fits", (flow(), flow("two")), ask(), Verdict.ALLOWED, "one"),
    ("one that does not fit is passed by", (flow(patterns=("x-*",)), flow("two")), ask(), Verdict.ALLOWED, "two"),
    ("one user", (flow(requesters=("U0ANA000",)),), ask(), Verdict.ALLOWED, "one"),
    ("one e-mail", (flow(requesters=("ana@example.com",)),), ask(), Verdict.ALLOWED, "one"),
    ("one group", (flow(requesters=("@ops", "@devs")),), ask(), Verdict.ALLOWED, "one"),
    ("somebody else", (flow(requesters=("@ops", "U0BOB000")),), ask(), Verdict.NOT_A_REQUESTER, "one"),
    ("this cluster", (flow(integrations=("production",)),), ask(), Verdict.ALLOWED, "one"),
    ("another cluster", (flow(integrations=("staging",)),), ask(), Verdict.OTHER_INTEGRATION, "one"),
    ("a narrower pattern", (flow(patterns=("logs-*",)),), ask("logs-a*"), Verdict.ALLOWED, "one"),
    ("a wider pattern", (flow(patterns=("logs-*",)),), ask("logs*"), Verdict.PATTERN_NOT_OFFERED, "one"),
    ("everything", (flow(patterns=("logs-*",)),), ask("*"), Verdict.PATTERN_NOT_OFFERED, "one"),
    ("one of two patterns", (flow(patterns=("a",)),), ask("a", "b"), Verdict.PATTERN_NOT_OFFERED, "one"),
    ("each by another pattern", (flow(patterns=("a", "b")),), ask("a", "b"), Verdict.ALLOWED, "one"),
    ("two flows are not added up", (flow(patterns=("a",)), flow("two", patterns=("b",))), ask("a", "b"),
     Verdict.PATTERN_NOT_OFFERED, "one"),
    ("a part is excluded", (flow(exclude=("logs-s*",)),), ask("logs-*"), Verdict.ALLOWED, "one"),
    ("all of it is excluded", (flow(exclude=("logs-s*",)),), ask("logs-s1"), Verdict.PATTERN_EXCLUDED, "one"),
    ("one of two is excluded", (flow(exclude=("logs-s*",)),), ask("a", "logs-s1"), Verdict.PATTERN_EXCLUDED, "one"),
    ("excluded here, offered there", (flow(exclude=("a*",)), flow("two")), ask("ab"), Verdict.ALLOWED, "two"),
    ("the denied part is excluded", (flow(exclude=("a*",)), deny(patterns=("ab",))), ask("*"), Verdict.ALLOWED, "one"),
    ("more is denied than excluded", (flow(exclude=("ab",)), deny(patterns=("a*",))), ask("*"), Verdict.DENIED, "no"),
    ("read alone by default", (flow(),), ask(permission="write"), Verdict.PERMISSION_NOT_OFFERED, "one"),
    ("a permission that is named", (flow(permissions=("write",)),), ask(permission="write"), Verdict.ALLOWED, "one"),
    ("write does not offer read", (flow(permissions=("write",)),), ask(), Verdict.PERMISSION_NOT_OFFERED, "one"),
    ("the longest", (flow(max_duration="1h"),), ask(), Verdict.ALLOWED, "one"),
    ("longer", (flow(max_duration="1h"),), ask(duration=HOUR + timedelta(seconds=1)), Verdict.TOO_LONG, "one"),
    ("no duration", (flow(),), ask(duration=None), Verdict.NO_DURATION, "one"),
    ("the default", (flow(default_duration="30m"),), ask(duration=None), Verdict.ALLOWED, "one"),
    ("no reason", (flow(reason="required"),), ask(), Verdict.NO_REASON, "one"),
    ("a reason", (flow(reason="required"),), ask(reason="x"), Verdict.ALLOWED, "one"),
    ("a ticket", (flow(reason_pattern="INC-[0-9]+"),), ask(reason="see INC-42."), Verdict.ALLOWED, "one"),
    ("no ticket", (flow(reason_pattern="INC-[0-9]+"),), ask(reason="INC"), Verdict.REASON_OF_WRONG_SHAPE, "one"),
    ("a ticket if any", (flow(reason_pattern="INC-[0-9]+"),), ask(), Verdict.ALLOWED, "one"),
    ("a ticket and none", (flow(reason="required", reason_pattern="I"),), ask(), Verdict.NO_REASON, "one"),
    ("a key of passwords alone", (flow(credentials=("password",)),), ask(kind=KEY),
     Verdict.CREDENTIAL_NOT_OFFERED, "one"),
    ("a key where it is one of two", (flow(),), ask(kind=KEY), Verdict.ALLOWED, "one"),
    ("no kind, of keys alone", (flow(credentials=("api_key",)),), ask(), Verdict.ALLOWED, "one"),
    ("a key of the next flow", (flow(credentials=("password",)), flow("two")), ask(kind=KEY), Verdict.ALLOWED, "two"),
    ("in hours", (flow(when=OFFICE),), ask(), Verdict.ALLOWED, "one"),
    ("out of hours", (flow(when=OFFICE),), ask(at=EVENING), Verdict.OUTSIDE_HOURS, "one"),
    ("automatic flows are not asked", (flow(automatic=True, requesters=MEMBERS),), ask(), Verdict.NO_FLOW, None),
    ("deny before", (deny(), flow()), ask(), Verdict.DENIED, "no"),
    ("deny behind", (flow(), deny()), ask(), Verdict.DENIED, "no"),
    ("deny part of it", (flow(), deny(patterns=("logs-a-secret",))), ask("logs-*"), Verdict.DENIED, "no"),
    ("deny a part that may come", (flow(), deny(patterns=("*-secret",))), ask("logs-*"), Verdict.DENIED, "no"),
    ("deny one of two", (flow(), deny(patterns=("b",))), ask("a", "b"), Verdict.DENIED, "no"),
    ("deny something else", (flow(), deny(patterns=("pay-*",))), ask("logs-*"), Verdict.ALLOWED, "one"),
    ("deny any permission", (flow(permissions=("write",)), deny()), ask(permission="write"), Verdict.DENIED, "no"),
    ("deny another permission", (flow(), deny(permissions=("write",))), ask(), Verdict.ALLOWED, "one"),
    ("deny this permission", (flow(), deny(permissions=("read",))), ask(), Verdict.DENIED, "no"),
    ("deny somebody else", (flow(), deny(requesters=("@ops",))), ask(), Verdict.ALLOWED, "one"),
    ("deny this person", (flow(), deny(requesters=("@ops", "@devs"))), ask(), Verdict.DENIED, "no"),
    ("a kind that it gives", (flow(credentials=("password",)),), ask(kind="password"), Verdict.ALLOWED, "one"),
    ("the kind that it gives", (flow(credentials=("api_key",)),), ask(), Verdict.ALLOWED, "one"),
    ("a kind that it does not give", (flow(credentials=("password",)),), ask(kind="api_key"),
     Verdict.CREDENTIAL_NOT_OFFERED, "one"),
    ("deny another cluster", (flow(), deny(integrations=("staging",))), ask(), Verdict.ALLOWED, "one"),
    ("deny in hours", (flow(), deny(when=OFFICE)), ask(), Verdict.DENIED, "no"),
    ("deny out of hours", (flow(), deny(when=OFFICE)), ask(at=EVENING), Verdict.ALLOWED, "one"),
    ("deny is for all durations", (flow(), deny(max_duration="1m")), ask(), Verdict.DENIED, "no"),
    ("only denies", (deny(patterns=("pay-*",)),), ask(), Verdict.NO_FLOW, None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("flows", "question", "verdict", "named"),
    [row[1:] for row in TABLE],
    ids=[row[0].replace(" ", "-") for row in TABLE],
)
def test_decision(flows: tuple[AccessFlow, ...], question: Question, verdict: Verdict, named: str | None) -> None:
    decision = decide(policy(*flows), question, is_ana)
    assert (decision.verdict, decision.flow and decision.flow.name) == (verdict, named)
    assert decision.why.strip()


OFFER = "The access flow “one” offers read on "


def test_every_verdict_has_a_row() -> None:
    assert {row[3] for row in TABLE} == set(Verdict)


@pytest.mark.parametrize(
    ("flows", "question", "why"),
    [
        ((flow(), deny(requesters=("@devs",))), ask(), "The access flow “no” forbids it."),
        (
            (flow(), deny(patterns=("logs-secret-*",))), ask("logs-*"),
            "The access flow “no” forbids it. Only a part of logs-* is forbidden: ask for narrower names.",
        ),
        ((flow(), deny(patterns=("logs-*",))), ask("logs-web-*"), "The access flow “no” forbids it."),
        ((flow(), deny(patterns=("logs-*",))), ask("*", "logs-web"), "The access flow “no” forbids it."),
        ((flow(patterns=("logs-*",)),), ask("*"), "* is more than you may ask for. " + OFFER + "logs-*."),
        ((flow(),), ask(permission="write"), "You may not ask for write here. " + OFFER + "*."),
        ((flow(max_duration="1h"),), ask(duration=2 * HOUR), "“2h” is too long: the longest access is 1h."),
        ((flow(when=OFFICE),), ask(at=EVENING), "This may be asked for mon, tue from 09:00 to 17:00 UTC."),
        ((flow(reason="required"),), ask(), "The access flow “one” needs a reason."),
        ((flow(reason_pattern="INC-1"),), ask(reason="x"), "The access flow “one” needs a reason that contains INC-1"),
    ],
)  # fmt: skip
def test_the_reason_says_what_would_do(flows: tuple[AccessFlow, ...], question: Question, why: str) -> None:
    assert decide(policy(*flows), question, is_ana).why == why


def test_of_flows_that_do_not_fit_the_one_that_came_furthest_gives_the_reason() -> None:
    flows = (flow("stranger", requesters=("@ops",)), flow("short", max_duration="1h"), flow("narrow", patterns=("x",)))
    decision = decide(policy(*flows), ask(duration=2 * HOUR), is_ana)
    assert (decision.verdict, decision.flow and decision.flow.name) == (Verdict.TOO_LONG, "short")


def test_of_flows_that_are_too_short_the_longest_limit_is_named() -> None:
    flows = (flow("short", max_duration="1h"), flow("long", max_duration="4h"), flow("middle", max_duration="2h"))
    assert "the longest access is 4h" in decide(policy(*flows), ask(duration=8 * HOUR), is_ana).why


def test_who_somebody_is_is_only_looked_up_where_it_matters() -> None:
    def must_not(_owners: Sequence[str]) -> bool:
        raise AssertionError

    flows = (deny(requesters=("@ops",), patterns=("pay-*",)), flow("other", integrations=("staging",)), flow())
    assert decide(policy(*flows), ask(), must_not).verdict is Verdict.ALLOWED


# --- hours ---

DAY_IN_PARIS = Hours(since="09:00", until="17:00", time_zone="Europe/Paris")
NIGHT_IN_PARIS = Hours(since="02:00", until="03:00", time_zone="Europe/Paris")
HOUR_IN_PARIS = Hours(since="02:00", until="02:59", time_zone="Europe/Paris")


def local(zone: str, *moment: int, fold: int = 0) -> datetime:
    return datetime(*moment, tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC)  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    ("hours", "moment", "inside"),
    [
        # Hours that begin on Friday night belong to Friday until Saturday morning.
        (Hours(days=("fri",), since="22:00", until="06:00"), datetime(2026, 11, 27, 22, tzinfo=UTC), True),
        (Hours(days=("fri",), since="22:00", until="06:00"), datetime(2026, 11, 28, 6, tzinfo=UTC), True),
        (Hours(days=("fri",), since="22:00", until="06:00"), datetime(2026, 11, 28, 6, 0, 1, tzinfo=UTC), False),
        (Hours(days=("fri",), since="22:00", until="06:00"), datetime(2026, 11, 28, 23, tzinfo=UTC), False),
        (Hours(days=("fri",), since="22:00", until="06:00"), datetime(2026, 11, 27, 5, tzinfo=UTC), False),
        (Hours(days=("mon",), since="22:00", until="06:00"), datetime(2026, 11, 24, 3, tzinfo=UTC), True),
        (Hours(days=("sun",), since="22:00", until="06:00"), datetime(2026, 11, 23, 3, tzinfo=UTC), True),
        # The whole day, to its last microsecond.
        (Hours(days=("tue",)), datetime(2026, 11, 24, 23, 59, 59, 999999, tzinfo=UTC), True),
        (Hours(days=("tue",)), datetime(2026, 11, 25, tzinfo=UTC), False),
        # Tuesday in New York, Wednesday in UTC.
        (Hours(days=("tue",), time_zone="America/New_York"), datetime(2026, 11, 25, 3, tzinfo=UTC), True),
        (Hours(days=("wed",), time_zone="America/New_York"), datetime(2026, 11, 25, 3, tzinfo=UTC), False),
        # Nine in Paris is eight in UTC in winter, and seven in summer.
        (DAY_IN_PARIS, datetime(2026, 1, 15, 7, 59, tzinfo=UTC), False),
        (DAY_IN_PARIS, datetime(2026, 1, 15, 8, tzinfo=UTC), True),
        (DAY_IN_PARIS, datetime(2026, 7, 15, 7, tzinfo=UTC), True),
        (DAY_IN_PARIS, datetime(2026, 7, 15, 15, 1, tzinfo=UTC), False),
        # Half past two comes twice on the night that summer time ends, and counts both times.
        (NIGHT_IN_PARIS, local("Europe/Paris", 2026, 10, 25, 2, 30), True),
        (NIGHT_IN_PARIS, local("Europe/Paris", 2026, 10, 25, 2, 30, fold=1), True),
        # It does not exist on the night that summer time begins: the clock goes from 01:59 to 03:00.
        (HOUR_IN_PARIS, datetime(2026, 3, 29, 0, 59, tzinfo=UTC), False),
        (HOUR_IN_PARIS, datetime(2026, 3, 29, 1, tzinfo=UTC), False),
    ],
)  # fmt: skip
def test_hours(hours: Hours, moment: datetime, inside: bool) -> None:
    assert hours.include(moment) is inside


# --- owner groups ---


def owned(*owners: str | None) -> list[Owned]:
    return [Owned(f"logs-{number}", owner) for number, owner in enumerate(owners)]


def group(label: str, resources: int, approvals: int = 1) -> OwnerGroup:
    return OwnerGroup(label, tuple(label.split(", ")), approvals, resources)


INTEGRATION_OWNER = "production"


def named(groups: Sequence[OwnerGroup]) -> dict[str, int]:
    return {each.label: each.resources for each in groups}


def test_each_distinct_owner_has_to_say_yes_once() -> None:
    groups, problems = owner_groups(flow(), PRODUCTION, owned("@web", "@shop", "@web", "ana@example.com"))
    assert groups == (group("@shop", 1), group("@web", 2), group("ana@example.com", 1))
    assert problems == ()


def test_owners_in_one_value_are_one_group_however_it_is_spaced() -> None:
    groups, _ = owner_groups(flow(approvals=2), PRODUCTION, owned("@web,@shop", " @web , @shop ", "@web, @shop,@web"))
    assert groups == (group("@web, @shop", 3, approvals=2),)


@pytest.mark.parametrize(
    "value",
    ["web", "#web", "@", "", ",", " ", "@a, nobody", '["@web"]', "@we\x00b", "@we\u202eb", "@web\ud800", "<!here>"],
)
def test_what_is_no_owner_falls_to_the_integration_owner_and_is_said(value: str) -> None:
    groups, problems = owner_groups(flow(), PRODUCTION, [Owned("logs-9", value), Owned("logs-8", "@shop")])
    assert named(groups) == {"@shop": 1, INTEGRATION_OWNER: 1}
    assert groups[1].owners == PRODUCTION.owner
    (problem,) = problems
    assert problem.endswith("on logs-9 is no owner")
    assert problem.isprintable()
    problem.encode()  # can be sent


def test_what_has_no_owner_falls_to_the_integration_owner_silently() -> None:
    groups, problems = owner_groups(flow(), PRODUCTION, owned(None, "@web", None))
    assert named(groups) == {"@web": 1, INTEGRATION_OWNER: 2}
    assert problems == ()


def test_nothing_at_all_falls_to_the_integration_owner() -> None:
    groups, _ = owner_groups(flow(), PRODUCTION, [])
    assert named(groups) == {INTEGRATION_OWNER: 0}


def test_a_long_wrong_value_is_not_repeated_in_full() -> None:
    _, (problem,) = owner_groups(flow(), PRODUCTION, owned("x" * 5000))
    assert len(problem) < 100


def test_the_integration_owner_alone_decides_where_the_flow_says_so() -> None:
    groups, problems = owner_groups(
        flow(owners="integration", approvals=3), PRODUCTION, owned("@web", "no owner", None)
    )
    assert groups == (OwnerGroup(INTEGRATION_OWNER, PRODUCTION.owner, 3, 3),)
    assert problems == ()


def test_named_people_decide_where_the_flow_names_them() -> None:
    groups, _ = owner_groups(flow(owners=("@leads", "U0ANA000")), PRODUCTION, owned("@web", None))
    assert groups == (OwnerGroup("@leads, U0ANA000", ("@leads", "U0ANA000"), 1, 2),)


# --- invalid policies ---


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"automatic": True}, "needs requesters"),
        ({"automatic": True, "requesters": "@devs", "deny": True}, "cannot deny"),
        ({"automatic": True, "requesters": "@devs", "permissions": ("read", "write")}, "one permission"),
        ({"deny": True, "alias_moves": "keep"}, "alias_moves has no meaning in a flow that denies"),
        ({"default_duration": "2h", "max_duration": "1h"}, "longer than max_duration"),
        ({"escalation": {"after": "1h", "to": "@leads"}, "approve": "rule"}, "nobody is asked"),
        ({"requesters": "devs"}, "no Slack user id"),
        ({"patterns": (".security",)}, "security indices"),
        ({"patterns": ("a,b",)}, "item of the list"),
        ({"reason_pattern": "("}, "regular expression"),
        ({"when": {"time_zone": "Mars/Olympus"}}, "time zone"),
        ({"approvals": 0}, "greater than or equal to 1"),
        ({"surprise": 1}, "Extra inputs"),
    ],
)
def test_flow_that_makes_no_sense_is_refused(values: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        flow(**values)


@pytest.mark.parametrize(
    ("flows", "why"),
    [
        ((flow(), flow()), "two of the name one"),
        ((flow(permissions=("root",)),), "no permission root"),
        ((flow(integrations=("nowhere",)),), "no integration nowhere"),
    ],
)
def test_policy_whose_names_do_not_fit_is_refused(flows: tuple[AccessFlow, ...], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        policy(*flows)
