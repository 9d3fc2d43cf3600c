"""Flows that undercut a stricter one are found, each with a request that the policy decides as the example says."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.access.policy.access_flow import AccessFlow
from bot.access.policy.decision import Question, Verdict, decide
from bot.access.policy.model import PERMISSIONS, Integration, Permission, Policy
from bot.access.policy.undercuts import Undercut, find_undercuts
from bot.access.requests.drafts import read_draft
from bot.slack.listeners.command_parser import parse
from tests.fakes import REQUESTER

ONE = Integration(name="one", owner=("@o",), public_url="https://one", resource_owner="owner")
TWO = Integration(name="two", owner=("@o",), public_url="https://two")
CUSTOM = (
    Permission(name="raw", indices=("read",)),
    Permission(name="append", indices=("create_doc",)),
    Permission(name="everything", indices=("all",)),
)

PAY: dict[str, Any] = {"name": "strict", "patterns": ("pay-*",)}
WIDE: dict[str, Any] = {"name": "wide"}
NIGHT = {"since": "20:00", "until": "06:00"}
DAY = {"since": "06:00", "until": "20:00"}


def policy(*flows: dict[str, Any], integrations: tuple[Integration, ...] = (ONE,)) -> Policy:
    return Policy(
        integrations=integrations,
        permissions=(*PERMISSIONS, *CUSTOM),
        access_flows=tuple(AccessFlow.model_validate(each) for each in flows),
    )


def found_in(*flows: dict[str, Any], integrations: tuple[Integration, ...] = (ONE,)) -> list[Undercut]:
    held = policy(*flows, integrations=integrations)
    undercuts = list(find_undercuts(held))
    for each in undercuts:
        check_example(held, each)
    return undercuts


def check_example(held: Policy, undercut: Undercut) -> None:
    """Types the command: the policy puts it under the weaker flow, and the stricter one touches it."""
    example = undercut.example
    command = parse(example.command.removeprefix("/es-access "), [each.name for each in held.permissions])
    assert command.draft is not None
    typed = read_draft(held, REQUESTER, command.draft)
    question = Question(
        typed.integration,
        typed.patterns,
        typed.permission,
        typed.duration,
        typed.reason,
        example.question.at,
        typed.kind,
    )
    assert question == example.question
    decision = decide(held, question, lambda owners: bool({*example.groups} & {*owners}))
    assert (decision.verdict, decision.flow) == (Verdict.ALLOWED, undercut.weaker)
    for flow in (undercut.weaker, undercut.stricter):
        assert flow.requesters == "everyone" or {*example.groups} & {*flow.requesters}
        assert flow.when is None or flow.when.include(question.at)


TWO_APPROVALS = "1 approval instead of 2"

UNDERCUTS: list[tuple[str, dict[str, Any], dict[str, Any], tuple[str, ...], str]] = [
    ("fewer approvals", {"approvals": 2}, {}, (TWO_APPROVALS,), "/es-access * 1h"),
    ("a rule", {}, {"approve": "rule"}, ("nobody is asked",), "/es-access * 1h"),
    ("any group", {}, {"groups": "any"}, ("any one owner instead of each",), "/es-access * 1h"),
    ("their own yes", {}, {"self_approval": True}, ("owners may approve their own requests",), "/es-access * 1h"),
    ("no yes for more time", {}, {"extend": "rule"}, ("nobody is asked for an extension",), "/es-access * 1h"),
    ("the integration owner", {}, {"owners": "integration"}, ("the owners of the data are not asked",),
     "/es-access * 1h"),
    ("other people", {"owners": ["@ciso"]}, {}, ("others than @ciso are asked",), "/es-access * 1h"),
    ("more people", {"owners": ["@ciso"]}, {"owners": ["@ciso", "@ops"]}, ("others than @ciso are asked",),
     "/es-access * 1h"),
    ("no reason", {"reason": "required"}, {}, ("no reason",), "/es-access pay-* 1h"),
    ("another reason", {"reason": "required", "reason_pattern": "INC-[0-9]+"}, {"reason": "required"},
     ("a reason of any form",), "/es-access * 1h read fixing INC-42"),
    ("a reason that the stricter one refuses", {"reason_pattern": "INC-[0-9]+"}, {"patterns": ["pay-*"]},
     ("a reason of any form",), "/es-access pay-* 1h read fixing ABC-1234"),
    ("a message", {"delivery": "reveal"}, {}, ("the secret stays in a message",), "/es-access * 1h"),
    ("longer", {"max_duration": "2h"}, {"max_duration": "9h"}, ("up to 9h instead of 2h",), "/es-access pay-* 9h"),
    ("overlapping patterns", {"approvals": 2}, {"patterns": ["*-2026"]}, (TWO_APPROVALS,), "/es-access *-2026 1h"),
    ("longer with extensions", {"max_duration": "2h", "max_total": "4h"}, {"max_duration": "2h"},
     ("longer with extensions",), "/es-access * 1h"),
    ("what is created later", {"scope": "resolved"}, {}, ("what is created later is covered",), "/es-access * 1h"),
    ("escalation", {}, {"escalation": {"after": "1m", "to": "@helpdesk"}}, ("others are asked if nobody decides",),
     "/es-access * 1h"),
    ("other privileges that read", {"approvals": 2}, {"permissions": ["everything"]}, (TWO_APPROVALS,),
     "/es-access pay-* 1h everything"),
    ("the same privileges by another name", {"approvals": 2}, {"permissions": ["raw"], "patterns": ["pay-*"]},
     (TWO_APPROVALS,), "/es-access pay-* 1h raw"),
    ("a ticket that nobody knows", {"approvals": 2}, {"reason": "required", "reason_pattern": "^[0-9a-f]{40}$"},
     (TWO_APPROVALS,), "/es-access * 1h read REASON with ^[0-9a-f]{40}$"),
    ("keys", {"approvals": 2, "credentials": ["password"]}, {"patterns": ["pay-*"], "credentials": ["api_key"]},
     (TWO_APPROVALS,), "/es-access pay-* 1h --key"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("strict", "wide", "conceded", "command"),
    [row[1:] for row in UNDERCUTS],
    ids=[row[0].replace(" ", "-") for row in UNDERCUTS],
)
def test_a_flow_that_demands_less_for_the_same_data_is_named_with_a_request(
    strict: dict[str, Any], wide: dict[str, Any], conceded: tuple[str, ...], command: str
) -> None:
    held = policy(PAY | strict, WIDE | wide)
    (found,) = find_undercuts(held)
    assert (found.weaker.name, found.stricter.name) == ("wide", "strict")
    assert (found.concessions, found.example.command) == (conceded, command)
    if "REASON" not in command:
        check_example(held, found)


def test_the_order_of_the_two_does_not_matter_where_the_weaker_one_is_wider() -> None:
    (found,) = found_in(WIDE, PAY | {"approvals": 2})
    assert found.example.command == "/es-access pay-* 1h"


ALONE: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("the same demands", PAY, WIDE),
    ("other patterns", PAY | {"approvals": 2}, WIDE | {"patterns": ["logs-*"]}),
    ("less than is guarded", PAY | {"permissions": ["write"], "approvals": 2}, WIDE),
    ("another effect", PAY | {"approvals": 2}, WIDE | {"permissions": ["append"]}),
    ("a part of the patterns behind", PAY | {"approvals": 2}, WIDE | {"patterns": ["logs-*", "pay-card-*"]}),
    ("a part of the patterns first", WIDE | {"patterns": ["logs-*", "pay-card-*"]}, PAY | {"approvals": 2}),
    ("other clusters", PAY | {"approvals": 2, "integrations": ["one"]}, WIDE | {"integrations": ["two"]}),
    ("other hours", PAY | {"approvals": 2, "when": NIGHT}, WIDE | {"when": DAY}),
    ("break-glass", PAY | {"approvals": 2}, WIDE | {"break_glass": True}),
    ("automatic", PAY | {"approvals": 2}, WIDE | {"automatic": True, "requesters": ["@a"]}),
    ("denied", PAY | {"approvals": 2}, WIDE | {"deny": True}),
    ("a rule with a reason, and owners", PAY | {"approve": "rule", "reason": "required"}, WIDE),
    ("one with a reason, and two", PAY | {"reason": "required"}, WIDE | {"approvals": 2}),
    ("a shorter limit", PAY, WIDE | {"max_duration": "1h"}),
    ("longer, with a reason", PAY | {"max_duration": "1h"}, WIDE | {"reason": "required"}),
    (
        "the same escalation",
        PAY | {"escalation": {"after": "1h", "to": "@a"}},
        WIDE | {"escalation": {"after": "1h", "to": "@a"}},
    ),
    ("one of several named", PAY | {"owners": ["@ciso", "@ops"]}, WIDE | {"owners": ["@ciso"]}),
    ("the owners of the data", PAY | {"owners": "integration"}, WIDE),
    ("fewer people first", WIDE | {"name": "oncall", "requesters": ["@oncall"], "approve": "rule"}, WIDE),
    ("fewer data first", PAY | {"approve": "rule"}, WIDE),
    ("a first step", WIDE | {"name": "short", "max_duration": "1h"}, WIDE | {"approvals": 2}),
    ("other people first", PAY | {"approve": "rule", "requesters": ["@a"]}, WIDE | {"requesters": ["@b"]}),
]


@pytest.mark.parametrize(("one", "other"), [row[1:] for row in ALONE], ids=[row[0].replace(" ", "-") for row in ALONE])
def test_flows_of_which_none_undercuts_the_other(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert found_in(one, other, integrations=(ONE, TWO)) == []


def test_what_the_stricter_flow_refuses_falls_through_to_one_behind_it() -> None:
    (found,) = found_in(PAY | {"approvals": 2, "max_duration": "4h"}, PAY | {"name": "rest"})
    assert found.example.command == "/es-access pay-* 7d"
    (found,) = found_in(PAY | {"approvals": 2, "reason": "required"}, PAY | {"name": "rest"})
    assert found.example.command == "/es-access pay-* 1h"
    assert found_in(PAY | {"approvals": 2}, PAY | {"name": "rest"}) == [], "all of it is decided by the first"


def test_a_first_step_that_gives_more_than_the_next_one_is_named() -> None:
    (found,) = found_in(WIDE | {"permissions": ["write"]}, WIDE | {"name": "read", "approvals": 2})
    assert found.example.command == "/es-access * 1h write"


@pytest.mark.parametrize(
    ("strict", "wide", "people"),
    [
        ({}, {}, "anybody"),
        ({"requesters": ["@contractors"]}, {}, "people in @contractors"),
        ({}, {"requesters": ["@devs"]}, "people in @devs"),
        ({"requesters": ["@a", "@b"]}, {"requesters": ["@b", "@c"]}, "people in @b"),
        ({"requesters": ["@a"]}, {"requesters": ["@b"]}, "people in both @b and @a"),
    ],
)
def test_the_people_of_an_example_are_those_of_both_flows(
    strict: dict[str, Any], wide: dict[str, Any], people: str
) -> None:
    (found,) = found_in(WIDE | wide, PAY | {"approvals": 2} | strict)
    assert found.example.people == people


def test_every_group_of_the_requesters_is_tried() -> None:
    own = WIDE | {"name": "own", "requesters": ["@a"], "approvals": 2}
    strict = PAY | {"approvals": 2, "requesters": ["@a", "@b"]}
    (found,) = [each for each in found_in(own, WIDE, strict) if each.stricter.name == "strict"]
    assert found.example.people == "people in @b"


def test_a_request_that_avoids_a_third_flow_is_an_example_as_well() -> None:
    passwords = WIDE | {"name": "passwords", "credentials": ["password"], "approvals": 2}
    (found,) = [
        each
        for each in found_in(passwords, WIDE, PAY | {"approvals": 2})
        if (each.weaker.name, each.stricter.name) == ("wide", "strict")
    ]
    assert found.example.command == "/es-access pay-* 1h --key"


def test_an_example_names_the_cluster_where_there_are_several() -> None:
    (found,) = found_in(PAY | {"approvals": 2, "integrations": ["two"]}, WIDE, integrations=(ONE, TWO))
    assert found.example.command == "/es-access * 1h --cluster two"


def test_the_owners_of_the_data_count_only_where_they_are_looked_up() -> None:
    assert found_in(PAY | {"integrations": ["two"]}, WIDE | {"owners": "integration"}, integrations=(ONE, TWO)) == []


def test_a_deny_that_closes_the_way_closes_it() -> None:
    deny = {"name": "no", "deny": True, "patterns": ["pay-*"]}
    assert found_in(PAY | {"approvals": 2}, WIDE, deny) == []


def test_an_example_is_at_a_time_at_which_both_apply() -> None:
    (found,) = found_in(PAY | {"approvals": 2, "when": NIGHT}, WIDE | {"when": {"days": ["sat"]}})
    assert found.example.question.at.strftime("%a") == "Sat"


GROUPS = st.sampled_from(["everyone", ["@a"], ["@b"], ["@a", "@b"]])
FLOWS = st.fixed_dictionaries(
    {
        "requesters": GROUPS,
        "patterns": st.lists(st.sampled_from(["*", "pay-*", "pay-card", "*-card", "logs-*"]), min_size=1, max_size=2),
        "permissions": st.sampled_from([["read"], ["write", "append"], ["raw"], ["append"], ["read", "write"]]),
        "integrations": st.sampled_from([[], ["one"], ["two"]]),
        "max_duration": st.sampled_from(["30m", "1h", "36h"]),
        "credentials": st.sampled_from([["password", "api_key"], ["api_key"], ["password"]]),
        "approvals": st.integers(1, 2),
    },
    optional={
        "approve": st.just("rule"),
        "reason": st.just("required"),
        "reason_pattern": st.sampled_from(["INC-[0-9]+", "#[0-9]+"]),
        "owners": st.sampled_from(["integration", ["@x"], ["@x", "@y"]]),
        "delivery": st.just("reveal"),
        "when": st.sampled_from([DAY, NIGHT, {"days": ["sat", "sun"], "time_zone": "Asia/Tokyo"}]),
    },
)  # fmt: skip


@given(st.lists(FLOWS, min_size=2, max_size=4))
def test_whatever_the_flows_the_policy_decides_each_example_as_it_says(flows: list[dict[str, Any]]) -> None:
    named = [{"name": f"flow {number}", **each} for number, each in enumerate(flows)]
    found_in(*named, integrations=(ONE, TWO))
