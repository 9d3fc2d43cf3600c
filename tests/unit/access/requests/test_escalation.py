"""Without a decision, approvers are reminded, then the escalation group is asked. Both may decide from then on."""

from datetime import timedelta
from typing import Any

import pytest

from bot.access.errors import Conflict, NotFound, Outage
from bot.access.intervals import ROUTE_AGAIN
from bot.access.models.messages import MessageKind
from bot.access.policy.access_flow import AccessFlow
from bot.access.requests.drafts import Draft
from bot.access.states import RequestState
from tests.fakes import OWNER, REQUESTER, SECOND_OWNER, STRANGER, World

AFTER = timedelta(minutes=30)
WEB, SHOP, LEAD, SECOND_LEAD = "U0WEB1", "U0SHOP1", "U0LEAD1", "U0LEAD2"


def flow(**values: Any) -> AccessFlow:
    return AccessFlow(name="anything", escalation={"after": AFTER, "to": "@leads"}, **values)


@pytest.fixture
def teams(world: World) -> World:
    """Two owners, and the leads as their escalation group."""
    world.directory.people |= {"@web": (WEB,), "@shop": (SHOP,), "@leads": (LEAD, SECOND_LEAD)}
    world.cluster.owners = {"logs-a": ("@web",), "logs-b": ("@shop",)}
    return world.under(flow())


def later(world: World, by: timedelta = AFTER) -> None:
    world.clock.advance(by)
    world.approvals.escalate_due()
    world.work_messages()


def state(world: World, request_id: str) -> RequestState:
    return world.request_details(request_id).request.state


def test_nothing_happens_before_the_time(teams: World) -> None:
    teams.ask()
    later(teams, AFTER - timedelta(seconds=1))
    assert teams.notifier.sent(MessageKind.REMINDER) == []


def test_those_who_have_not_decided_are_reminded_once(teams: World) -> None:
    request_id = teams.ask()
    teams.approvals.approve(request_id, WEB)
    later(teams)
    later(teams, timedelta(seconds=5))
    assert teams.notifier.sent(MessageKind.REMINDER) == [SHOP]
    assert "request.reminded" in teams.audit(request_id)
    assert teams.request_details(request_id).request.owners == [SHOP, WEB]


def test_then_the_next_group_is_asked_once(teams: World) -> None:
    request_id = teams.ask()
    for _ in range(4):
        later(teams)
    assert teams.notifier.sent(MessageKind.REMINDER) == [SHOP, WEB]
    assert sorted(teams.notifier.sent(MessageKind.APPROVAL)) == sorted([WEB, SHOP, LEAD, SECOND_LEAD])
    assert teams.audit(request_id) == ["request.submitted", "request.reminded", "request.escalated"]
    assert teams.events(request_id)[-1].detail == {"to": ["@leads"], "problems": []}
    (group,) = [each for each in teams.request_details(request_id).groups if each.escalation]
    assert (group.label, group.asked) == ("@leads", [LEAD, SECOND_LEAD])
    # The earlier approvers see in their messages that others are asked as well.
    assert sorted(teams.notifier.sent(MessageKind.APPROVAL, "edit")) == [SHOP, WEB]


def test_one_of_those_who_were_asked_then_decides_for_all(teams: World) -> None:
    request_id = teams.ask()
    later(teams)
    later(teams)
    details = teams.approvals.approve(request_id, LEAD)
    assert (details.request.state, details.approvers) == (RequestState.APPROVED, (LEAD,))
    assert teams.work_grants() == 1


def test_they_cannot_before_it_is_their_turn(teams: World) -> None:
    request_id = teams.ask()
    later(teams)
    with pytest.raises(NotFound):
        teams.approvals.approve(request_id, LEAD)


def test_those_who_were_asked_before_may_still_decide(teams: World) -> None:
    request_id = teams.ask()
    later(teams)
    later(teams)
    teams.approvals.approve(request_id, WEB)
    assert state(teams, request_id) is RequestState.PENDING
    teams.approvals.approve(request_id, SHOP)
    assert state(teams, request_id) is RequestState.APPROVED


def test_the_next_group_may_deny_too(teams: World) -> None:
    request_id = teams.ask()
    later(teams)
    later(teams)
    assert teams.approvals.deny(request_id, LEAD).request.state is RequestState.DENIED


def test_the_next_group_is_looked_up_at_the_click_as_well(teams: World) -> None:
    request_id = teams.ask()
    later(teams)
    later(teams)
    teams.directory.people["@leads"] = (STRANGER,)
    assert teams.approvals.approve(request_id, STRANGER).request.state is RequestState.APPROVED


def test_the_requester_is_not_asked_as_the_next_group_either(teams: World) -> None:
    teams.directory.people["@leads"] = (REQUESTER, LEAD)
    request_id = teams.ask()
    later(teams)
    later(teams)
    assert REQUESTER not in teams.notifier.sent(MessageKind.APPROVAL)
    assert teams.request_details(request_id).request.owners == [SHOP, WEB, LEAD]


@pytest.mark.parametrize("end", ["approve", "deny", "cancel", "expire"])
def test_what_is_decided_is_neither_reminded_of_nor_escalated(teams: World, end: str) -> None:
    request_id = teams.ask("logs-a")
    if end == "cancel":
        teams.requests.cancel(request_id, REQUESTER)
    elif end == "expire":
        teams.clock.advance(teams.current.policy.pending_for)
        teams.requests.expire_overdue()
    else:
        getattr(teams.approvals, end)(request_id, WEB)
    later(teams)
    later(teams)
    assert teams.notifier.sent(MessageKind.REMINDER) == []
    assert "request.escalated" not in teams.audit(request_id)


def test_a_flow_that_was_removed_meanwhile_escalates_no_more(teams: World) -> None:
    request_id = teams.ask()
    teams.under(AccessFlow(name="another"))
    later(teams)
    assert teams.notifier.sent(MessageKind.REMINDER) == []
    assert teams.request_details(request_id).request.escalate_at is None
    teams.under(flow())
    later(teams)
    assert teams.notifier.sent(MessageKind.REMINDER) == []
    teams.approvals.approve(request_id, WEB)  # the earlier approvers may still decide
    teams.approvals.approve(request_id, SHOP)
    assert state(teams, request_id) is RequestState.APPROVED


def test_the_next_group_is_the_one_that_the_policy_names_by_then(teams: World) -> None:
    request_id = teams.ask()
    later(teams)
    teams.under(AccessFlow(name="anything", escalation={"after": AFTER, "to": "@owners"}))
    later(teams)
    assert {group.label for group in teams.request_details(request_id).groups if group.escalation} == {"@owners"}
    assert teams.approvals.approve(request_id, SECOND_OWNER).request.state is RequestState.APPROVED


def test_nobody_behind_the_next_group_is_said_in_the_audit(teams: World) -> None:
    teams.directory.people["@leads"] = ()
    request_id = teams.ask()
    later(teams)
    later(teams)
    assert teams.events(request_id)[-1].detail == {"to": ["@leads"], "problems": ["@leads: nobody"]}
    teams.clock.advance(teams.current.policy.pending_for)
    assert teams.requests.expire_overdue() == 1  # it expires nevertheless


def test_slack_that_does_not_answer_escalates_later_and_keeps_no_other_back(teams: World) -> None:
    first = teams.ask()
    later(teams)
    second = teams.ask()
    teams.clock.advance(AFTER)
    teams.directory.asked.errors = [Outage("Slack does not answer")]
    teams.approvals.escalate_due()
    assert "request.escalated" not in teams.audit(first)
    assert "request.reminded" in teams.audit(second)
    teams.approvals.escalate_due()
    assert "request.escalated" in teams.audit(first)


def test_the_time_runs_from_the_moment_that_owners_were_asked(teams: World) -> None:
    teams.cluster.asked.errors = [Outage("no answer")]
    request_id = teams.requests.submit(REQUESTER, Draft("logs-*", "1h")).request.id
    later(teams, 3 * AFTER)
    assert teams.audit(request_id) == ["request.submitted", "request.waits"]
    teams.requests.route_waiting()
    later(teams, ROUTE_AGAIN)
    assert "request.reminded" not in teams.audit(request_id)
    later(teams, AFTER - ROUTE_AGAIN)
    later(teams, ROUTE_AGAIN)
    assert teams.audit(request_id)[-1] == "request.reminded"
    later(teams)
    assert teams.audit(request_id)[-1] == "request.escalated"


def test_two_processes_remind_and_escalate_once(teams: World) -> None:
    request_id = teams.ask()
    for _ in range(2):
        teams.clock.advance(AFTER)
        with teams.store.reading() as read:
            (due,) = read.escalating_requests(teams.clock.now(), 10)
        with teams.store.reading() as read:
            (the_same,) = read.escalating_requests(teams.clock.now(), 10)
        teams.approvals._escalate(due)
        teams.approvals._escalate(the_same)
    teams.work_messages()
    assert teams.audit(request_id) == ["request.submitted", "request.reminded", "request.escalated"]
    assert len([group for group in teams.request_details(request_id).groups if group.escalation]) == 1


def test_an_extension_is_escalated_like_any_other(teams: World) -> None:
    request_id = teams.ask("logs-a")
    teams.approvals.approve(request_id, WEB)
    teams.work()
    extension = teams.requests.extend(REQUESTER, request_id, "5h").request.id
    with teams.store.writing() as write:  # it lasts longer than the escalation takes
        grant = write.grant(request_id)
        assert grant is not None
        write.change(grant, "grant.extended", OWNER, teams.clock.now(), expires_at=grant.expires_at + 5 * AFTER)
    later(teams)
    later(teams)
    assert teams.approvals.approve(extension, LEAD).request.state is RequestState.APPROVED
    with pytest.raises(Conflict):
        teams.approvals.approve(extension, WEB)


def test_escalation_asks_for_as_many_approvals_as_the_flow(teams: World) -> None:
    teams.under(flow(approvals=2, owners=(WEB, SHOP)))
    request_id = teams.ask()
    later(teams)
    later(teams)
    teams.approvals.approve(request_id, LEAD)
    assert state(teams, request_id) is RequestState.PENDING
    teams.approvals.approve(request_id, SECOND_LEAD)
    assert state(teams, request_id) is RequestState.APPROVED
