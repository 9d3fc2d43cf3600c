"""Routing: the approvers and the resources of a request, also if some of them cannot be reached."""

from datetime import timedelta
from typing import Any

import pytest

from bot.access.errors import AccessError, Conflict, InvalidRequest, NotAllowed, Refusal
from bot.access.models.columns import CredentialKind
from bot.access.models.messages import MessageKind
from bot.access.owners import MOST_ASKED
from bot.access.policy.access_flow import AccessFlow
from bot.access.ports import Template
from bot.access.requests.drafts import Draft
from bot.access.requests.preview import MOST_RESOLVED
from bot.access.requests.routing import Plan
from bot.access.states import GrantState, RequestState
from tests.fakes import OWNER, REQUESTER, SECOND_OWNER, SHOP, WEB, World, flow


def plan(world: World, patterns: str = "logs-*", **draft: Any) -> Plan:
    return world.requests.explain(REQUESTER, Draft(patterns, "1h", **draft))[1]


def asked(world: World, patterns: str = "logs-*") -> dict[str, tuple[str, ...]]:
    return {group.label: group.people for group in plan(world, patterns).groups}


# --- owner groups and their members ---


def test_a_pattern_that_covers_two_owners_asks_each_of_them(teams: World) -> None:
    request_id = teams.ask("logs-*")
    assert {label: group.asked for label, group in teams.groups(request_id).items()} == {
        "@web": list(WEB),
        "@shop": list(SHOP),
    }
    teams.work_messages()
    assert sorted(teams.notifier.sent(MessageKind.APPROVAL)) == sorted(WEB + SHOP)


def test_everything_needs_everyone_and_the_integration_owner_for_what_nobody_owns(teams: World) -> None:
    assert asked(teams, "*") == {"@web": WEB, "@shop": SHOP, "production": (OWNER, SECOND_OWNER)}


def test_an_alias_of_several_owners_needs_each_of_them(teams: World) -> None:
    teams.cluster.names.append("everything")
    teams.cluster.owners["everything"] = ("@shop", "@web", None)
    assert set(asked(teams, "everything")) == {"@web", "@shop", "production"}


def test_the_owner_of_a_template_is_asked_about_what_it_would_make_under_the_pattern(teams: World) -> None:
    teams.cluster.templates = (Template("t", ("logs-shop-*",), "@shop"), Template("u", ("x-*",), "@owners"))
    assert asked(teams, "logs-a") == {"@web": WEB}
    assert asked(teams, "logs-a*") == {"@web": WEB}
    teams.cluster.owners["logs-b"] = ("@web",)
    assert asked(teams, "logs-*") == {"@web": WEB, "@shop": SHOP}


def test_what_names_of_today_alone_are_given_asks_no_owner_of_a_template(teams: World) -> None:
    teams.cluster.templates = (Template("t", ("logs-*",), "@shop"),)
    teams.under(flow(scope="resolved"))
    assert asked(teams, "logs-a*") == {"@web": WEB}


@pytest.mark.parametrize("owner", ["@ghosts", "@web", "U0GONE", "nobody@example.com", "not an owner"])
def test_an_owner_who_is_nobody_falls_to_the_integration_owner_and_the_audit_says_so(teams: World, owner: str) -> None:
    teams.directory.left |= {*WEB, "U0GONE"}
    teams.cluster.owners["logs-a"] = (owner,)
    request_id = teams.ask("logs-*")
    groups = teams.groups(request_id)
    assert set(groups) == {"@shop", "production"}
    assert groups["production"].resources == 1
    (said,) = [each for each in teams.events(request_id) if each.event == "request.owners_unusable"]
    assert any(owner in problem for problem in said.detail["problems"])


def test_what_falls_to_the_integration_owner_is_one_group_with_what_was_theirs_already(teams: World) -> None:
    teams.directory.left |= set(WEB)
    groups = {each.label: each.resources for each in plan(teams, "*").groups}
    assert groups == {"@shop": 1, "production": 2}


def test_an_owner_who_is_the_requester_alone_falls_to_the_integration_owner(teams: World) -> None:
    teams.directory.people["@web"] = (REQUESTER,)
    assert asked(teams, "logs-a") == {"production": (OWNER, SECOND_OWNER)}
    assert plan(teams, "logs-a").problems == ("@web: not enough people who may approve",)


def test_a_part_of_the_owners_who_is_nobody_is_said_and_the_others_are_asked(teams: World) -> None:
    teams.cluster.owners["logs-a"] = ("@web, @ghosts",)
    assert asked(teams, "logs-a") == {"@web, @ghosts": WEB}
    assert plan(teams, "logs-a").problems == ("@ghosts: nobody",)


def test_people_named_in_the_flow_fall_back_to_the_integration_owner_too(teams: World) -> None:
    teams.under(flow(owners=("@ghosts",)))
    assert asked(teams) == {"production": (OWNER, SECOND_OWNER)}


@pytest.mark.parametrize(
    ("left", "why"),
    [
        ({OWNER, SECOND_OWNER}, "none of its owners can be reached in Slack."),
        ({SECOND_OWNER}, "you are its only owner, and nobody approves their own request."),
    ],
)
def test_with_nobody_left_the_requester_is_told_and_nothing_waits(teams: World, left: set[str], why: str) -> None:
    teams.directory.people["@owners"] = (SECOND_OWNER, REQUESTER) if OWNER not in left else (OWNER, SECOND_OWNER)
    teams.directory.left |= {*left, *WEB}
    with pytest.raises(AccessError, match=why) as told:
        teams.ask("logs-*")
    assert "add an owner to the integration production" in told.value.message
    with teams.store.reading() as read:
        assert read.requests_of(REQUESTER, 10) == []


def test_of_two_approvals_with_one_person_the_integration_owner_is_asked(teams: World) -> None:
    teams.under(flow(approvals=2))
    teams.directory.left.add(WEB[0])
    assert asked(teams) == {"@shop": SHOP, "production": (OWNER, SECOND_OWNER)}
    assert {group.approvals for group in plan(teams).groups} == {2}


def test_too_few_people_for_the_approvals_is_told(teams: World) -> None:
    teams.under(flow(approvals=3, owners="integration"))
    with pytest.raises(AccessError, match="it takes 3 owners, and there are not so many"):
        teams.ask()


def test_where_any_group_will_do_those_who_can_be_reached_are_enough(teams: World) -> None:
    teams.under(flow(groups="any"))
    teams.directory.left |= set(WEB)
    assert asked(teams) == {"@shop": SHOP}
    assert teams.request_details(teams.ask()).request.any_group
    teams.directory.left |= set(SHOP)
    assert asked(teams) == {"production": (OWNER, SECOND_OWNER)}


def test_self_approval_asks_the_requester_as_well(teams: World) -> None:
    teams.directory.people["@web"] = (REQUESTER, WEB[0])
    assert asked(teams, "logs-a") == {"@web": (WEB[0],)}
    teams.under(flow(self_approval=True))
    assert asked(teams, "logs-a") == {"@web": (REQUESTER, WEB[0])}


def test_at_most_twenty_are_asked_in_turn_so_that_no_group_goes_unasked(teams: World) -> None:
    many = {f"@t{n}": tuple(f"U0T{n}P{p}" for p in range(30)) for n in range(3)}
    teams.directory.people |= many | {"@small": ("U0SMALL",)}
    teams.cluster.names = [f"x-{n}" for n in range(4)]
    teams.cluster.owners = {f"x-{n}": (name,) for n, name in enumerate((*many, "@small"))}
    found = plan(teams, "x-*")
    assert len(found.asked) == MOST_ASKED
    assert found.asked[:5] == ("U0SMALL", "U0T0P0", "U0T1P0", "U0T2P0", "U0T0P1")
    request_id = teams.ask("x-*")
    assert sorted(len(each.asked) for each in teams.groups(request_id).values()) == [1, 6, 6, 7]
    teams.approvals.approve(request_id, "U0T1P29")  # every member may decide, asked or not
    assert teams.request_details(request_id).approvers == ("U0T1P29",)


def test_somebody_in_two_groups_is_asked_once(teams: World) -> None:
    teams.directory.people |= {"@web": (OWNER,), "@shop": (OWNER, "U0SHOP1")}
    assert plan(teams).asked == (OWNER, "U0SHOP1")


# --- the flow ---


def test_what_no_flow_allows_is_refused_with_the_reason_and_files_nothing(teams: World) -> None:
    teams.under(flow(patterns=("metrics-*",)))
    with pytest.raises(NotAllowed, match=r"logs-\* is more than you may ask for") as refused:
        teams.ask()
    assert refused.value.example == "/es-access resources"
    teams.under(flow(), AccessFlow(name="no", deny=True, requesters=(REQUESTER,)))
    with pytest.raises(NotAllowed, match="forbids it"):
        teams.ask()
    with teams.store.reading() as read:
        assert read.requests_of(REQUESTER, 10) == []


@pytest.mark.parametrize(
    ("values", "duration", "why", "example"),
    [
        ({"max_duration": "30m"}, "45m", "too long", "/es-access logs-* 30m"),
        ({}, "", "Say for how long", "/es-access logs-* 1h"),
        ({"reason": "required"}, "1h", "needs a reason", "/es-access logs-* 1h read fixing INC-42"),
    ],
)
def test_what_can_be_mended_is_answered_with_an_example(
    teams: World, values: dict[str, Any], duration: str, why: str, example: str
) -> None:
    # Another flow allows more, so this limit is the flow's, not the one for every typed duration.
    teams.under(flow(**values), AccessFlow(name="others", requesters=("@owners",)))
    with pytest.raises(InvalidRequest, match=why) as refused:
        teams.ask(duration=duration)
    assert refused.value.example == example


def test_the_example_for_a_shorter_time_keeps_everything_else_that_was_typed(teams: World) -> None:
    urgent = AccessFlow(name="urgent", break_glass=True, max_duration=timedelta(minutes=30))
    teams.under(flow(), urgent)
    draft = Draft("logs-*", "45m", reason="the site is down", kind=CredentialKind.API_KEY, break_glass=True)
    with pytest.raises(InvalidRequest, match="too long") as refused:
        teams.requests.submit(REQUESTER, draft)
    assert refused.value.example == "/es-access logs-* 30m read --key --break-glass the site is down"


def test_the_default_duration_is_taken_when_none_is_typed(teams: World) -> None:
    teams.under(flow(default_duration="2h"))
    assert teams.request_details(teams.ask(duration="")).request.length == timedelta(hours=2)


def test_a_rule_approves_at_once_and_asks_nobody(teams: World) -> None:
    teams.under(flow(approve="rule", requesters=(REQUESTER,), max_duration="1h"))
    request_id = teams.ask()
    details = teams.request_details(request_id)
    assert (details.request.state, details.request.decided_by, details.groups) == (
        RequestState.APPROVED,
        "es-access",
        (),
    )
    teams.work()
    assert teams.grant(request_id).state is GrantState.ACTIVE
    assert teams.notifier.sent(MessageKind.APPROVAL) == []
    assert teams.audit(request_id) == ["request.submitted", "request.approved", "grant.active"]


def test_where_nobody_was_asked_the_integration_owner_hears_of_what_fails(teams: World) -> None:
    teams.under(flow(approve="rule"))
    teams.cluster.creating.errors = [Refusal("no such privilege")]
    teams.ask()
    teams.work()
    assert teams.notifier.sent(MessageKind.FAILED) == [OWNER, SECOND_OWNER]


def test_an_extension_is_approved_by_rule_as_well(teams: World) -> None:
    teams.under(flow(approve="rule"))
    request_id = teams.ask()
    teams.work()
    extension = teams.requests.extend(REQUESTER, request_id, "1h").request
    assert teams.request_details(extension.id).request.state is RequestState.APPROVED
    assert teams.grant(request_id).expires_at == teams.clock.now() + timedelta(hours=2)


def test_a_rule_does_not_prolong_what_is_over(teams: World) -> None:
    teams.under(flow(approve="rule"))
    request_id = teams.ask()
    teams.work()
    teams.clock.advance(timedelta(hours=1))  # no worker has handled it yet
    with pytest.raises(Conflict, match="has just changed"):
        teams.requests.extend(REQUESTER, request_id, "1h")


def test_what_the_role_holds_is_what_was_approved_whatever_the_policy_says_by_then(teams: World) -> None:
    request_id = teams.ask("logs-a")
    teams.approvals.approve(request_id, WEB[0])
    wider = tuple(
        each.model_copy(update={"indices": ("all",)}) if each.name == "read" else each
        for each in teams.current.policy.permissions
    )
    teams.current.policy = teams.current.policy.model_copy(update={"permissions": wider})
    teams.work()
    (role,) = teams.cluster.roles.values()
    assert role.privileges.indices == ("read", "view_index_metadata")


# --- matching resources ---


def test_what_came_since_the_last_reading_is_found(teams: World) -> None:
    teams.cluster.names_to_come = ["fresh-1"]
    assert asked(teams, "fresh-*") == {"production": (OWNER, SECOND_OWNER)}
    assert teams.cluster.asked.calls == 2
    asked(teams, "logs-*")
    assert teams.cluster.asked.calls == 3  # every pattern matched, so the catalogue is not read again


def test_a_resolved_flow_gives_exactly_what_matched(teams: World) -> None:
    teams.under(flow(scope="resolved"))
    request_id = teams.ask("logs-*")
    teams.cluster.names.append("logs-later")
    for owner in (WEB[0], SHOP[0]):
        teams.approvals.approve(request_id, owner)
    teams.work()
    (role,) = teams.cluster.roles.values()
    assert role.patterns == ("logs-a", "logs-b")
    assert teams.request_details(request_id).request.patterns == ["logs-*"]


def test_a_flow_of_patterns_gives_the_pattern(teams: World) -> None:
    request_id = teams.ask("logs-a*")
    teams.approvals.approve(request_id, WEB[0])
    teams.work()
    (role,) = teams.cluster.roles.values()
    assert role.patterns == ("logs-a*",)


def test_a_list_of_names_that_nobody_would_read_is_refused(teams: World) -> None:
    teams.under(flow(scope="resolved"))
    teams.cluster.names = [f"n-{number:04}" for number in range(MOST_RESOLVED + 1)]
    with pytest.raises(InvalidRequest, match="That is 501 names, and at most 500"):
        teams.ask("n-*")
    teams.cluster.names.pop()
    assert len(teams.request_details(teams.ask("n-*")).request.resolved or ()) == MOST_RESOLVED
