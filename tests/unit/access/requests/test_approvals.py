"""A request is approved when each of its owner groups has given as many approvals as the flow asks for."""

from datetime import timedelta
from typing import Any

import pytest

from bot.access.errors import Conflict, NotAllowed, NotFound, Outage
from bot.access.models.messages import MessageKind
from bot.access.policy.access_flow import AccessFlow
from bot.access.states import GrantState, RequestState
from tests.fakes import EVERYTHING, OWNER, REQUESTER, STRANGER, World

HOUR = timedelta(hours=1)
WEB, WEB_TOO, SHOP, SHOP_TOO = "U0WEB1", "U0WEB2", "U0SHOP1", "U0SHOP2"


@pytest.fixture
def teams(world: World) -> World:
    """Two teams that own one index each."""
    world.directory.people |= {"@web": (WEB, WEB_TOO), "@shop": (SHOP, SHOP_TOO)}
    world.cluster.owners = {"logs-a": ("@web",), "logs-b": ("@shop",)}
    return world.under(flow())


def flow(**values: Any) -> AccessFlow:
    return AccessFlow(name="anything", **values)


def pending(world: World, request_id: str) -> bool:
    details = world.request_details(request_id)
    assert (details.grant is None) == (details.request.state is not RequestState.APPROVED)
    return details.request.state is RequestState.PENDING


# --- all groups ---


def test_the_grant_exists_only_when_each_owner_group_has_said_yes(teams: World) -> None:
    request_id = teams.ask()
    teams.work_messages()
    details = teams.approvals.approve(request_id, WEB)
    assert (details.request.state, details.grant) == (RequestState.PENDING, None)
    assert teams.work_grants() == 0
    teams.clock.advance(HOUR)
    details = teams.approvals.approve(request_id, SHOP_TOO)
    assert (details.request.state, details.request.decided_by) == (RequestState.APPROVED, SHOP_TOO)
    assert details.approvers == (WEB, SHOP_TOO)
    assert details.grant is not None
    assert details.grant.expires_at == teams.clock.now() + HOUR  # counted from the last approval
    assert teams.audit(request_id) == ["request.submitted", "request.approval_given", "request.approved"]
    assert teams.events(request_id)[1].detail == {"groups": ["@web"]}


def test_every_copy_shows_who_has_said_yes_so_far(teams: World) -> None:
    request_id = teams.ask()
    teams.work_messages()
    teams.approvals.approve(request_id, WEB)
    teams.work_messages()
    assert sorted(teams.notifier.sent(MessageKind.APPROVAL, "edit")) == sorted([WEB, WEB_TOO, SHOP, SHOP_TOO])


def test_a_second_yes_of_the_same_group_does_not_stand_in_for_another(teams: World) -> None:
    request_id = teams.ask()
    teams.approvals.approve(request_id, WEB)
    teams.approvals.approve(request_id, WEB_TOO)
    assert pending(teams, request_id)
    teams.approvals.approve(request_id, SHOP)
    assert not pending(teams, request_id)


def test_one_person_in_two_groups_counts_for_both(teams: World) -> None:
    teams.directory.people["@shop"] = (SHOP, WEB)
    request_id = teams.ask()
    assert not pending(teams, teams.approvals.approve(request_id, WEB).request.id)


def test_as_many_of_each_group_as_the_flow_says(teams: World) -> None:
    teams.under(flow(approvals=2))
    request_id = teams.ask()
    for approver in (WEB, SHOP, WEB_TOO):
        teams.approvals.approve(request_id, approver)
        assert pending(teams, request_id)
    teams.approvals.approve(request_id, SHOP_TOO)
    assert not pending(teams, request_id)


def test_somebody_who_has_approved_already_is_told_so_and_does_not_count_twice(teams: World) -> None:
    teams.under(flow(approvals=2))
    request_id = teams.ask("logs-a")
    teams.approvals.approve(request_id, WEB)
    with pytest.raises(Conflict, match=f"You have already approved {request_id}. It waits for the other owners."):
        teams.approvals.approve(request_id, WEB)
    assert pending(teams, request_id)
    assert teams.audit(request_id).count("request.approval_given") == 1


def test_one_group_is_enough_where_the_flow_says_any(teams: World) -> None:
    teams.under(flow(groups="any"))
    request_id = teams.ask()
    teams.approvals.approve(request_id, SHOP)
    assert not pending(teams, request_id)


def test_any_group_needs_all_its_approvals_itself(teams: World) -> None:
    teams.under(flow(groups="any", approvals=2))
    request_id = teams.ask()
    teams.approvals.approve(request_id, WEB)
    teams.approvals.approve(request_id, SHOP)
    assert pending(teams, request_id)  # one approval of each group, where two are needed
    teams.approvals.approve(request_id, SHOP_TOO)
    assert not pending(teams, request_id)


@pytest.mark.parametrize(("asked_under", "now"), [(1, 2), (2, 1)])
def test_of_the_number_when_it_was_asked_and_the_number_now_the_larger_holds(
    teams: World, asked_under: int, now: int
) -> None:
    teams.under(flow(approvals=asked_under))
    request_id = teams.ask("logs-a")
    teams.under(flow(approvals=now))
    teams.approvals.approve(request_id, WEB)
    assert pending(teams, request_id)
    teams.approvals.approve(request_id, WEB_TOO)
    assert not pending(teams, request_id)


# --- owners at the time of the decision ---


def test_who_joined_since_may_decide_and_who_left_may_not(teams: World) -> None:
    request_id = teams.ask()
    teams.directory.people["@web"] = (WEB_TOO, STRANGER)
    with pytest.raises(NotAllowed, match="no longer an owner that"):
        teams.approvals.approve(request_id, WEB)
    teams.approvals.approve(request_id, STRANGER)
    assert teams.request_details(request_id).approvers == (STRANGER,)


def test_who_was_deactivated_may_not_decide(teams: World) -> None:
    request_id = teams.ask()
    teams.directory.left.add(WEB)
    for decide in (teams.approvals.approve, teams.approvals.deny):
        with pytest.raises(NotAllowed, match="no longer an owner that"):
            decide(request_id, WEB)


def test_a_yes_counts_while_its_owner_stays_in_the_group_that_it_was_given_for(teams: World) -> None:
    request_id = teams.ask()
    teams.approvals.approve(request_id, WEB)
    teams.directory.people |= {"@web": (WEB_TOO,), "@shop": (SHOP, WEB)}
    assert pending(teams, request_id)  # it does not count for the other group instead
    teams.approvals.approve(request_id, SHOP)
    assert pending(teams, request_id)
    teams.approvals.approve(request_id, WEB_TOO)
    assert not pending(teams, request_id)


def test_the_integration_owner_does_not_decide_what_others_own(teams: World) -> None:
    request_id = teams.ask()
    with pytest.raises(NotFound):
        teams.approvals.approve(request_id, OWNER)


def test_the_integration_owner_and_every_owner_may_see_and_end_it(teams: World) -> None:
    for actor in (OWNER, SHOP_TOO, REQUESTER):
        request_id = teams.ask("logs-*")
        teams.approvals.approve(request_id, WEB)
        teams.approvals.approve(request_id, SHOP)
        assert teams.grants.revoke(request_id, actor).request.id == request_id
    with pytest.raises(NotFound):
        teams.grants.revoke(request_id, STRANGER)


def test_the_requester_may_approve_only_where_the_flow_says_so(teams: World) -> None:
    teams.directory.people["@web"] = (REQUESTER, WEB)
    request_id = teams.ask("logs-a")
    with pytest.raises(NotAllowed, match="somebody else has to decide"):
        teams.approvals.approve(request_id, REQUESTER)
    teams.under(flow(self_approval=True))
    teams.approvals.approve(request_id, REQUESTER)
    assert not pending(teams, request_id)


def test_self_approval_is_for_owners(teams: World) -> None:
    teams.under(flow(self_approval=True))
    request_id = teams.ask("logs-a")
    with pytest.raises(NotFound):
        teams.approvals.approve(request_id, REQUESTER)


def test_a_flow_that_is_gone_allows_no_self_approval(teams: World) -> None:
    teams.directory.people["@web"] = (REQUESTER, WEB)
    teams.under(flow(self_approval=True))
    request_id = teams.ask("logs-a")
    teams.under(AccessFlow(name="another", self_approval=True))
    with pytest.raises(NotAllowed):
        teams.approvals.approve(request_id, REQUESTER)
    teams.approvals.approve(request_id, WEB)
    assert not pending(teams, request_id)


def test_slack_that_does_not_answer_decides_nothing(teams: World) -> None:
    request_id = teams.ask()
    for decide in (teams.approvals.approve, teams.approvals.deny):
        teams.directory.asked.errors = [Outage("Slack does not answer")]
        with pytest.raises(Outage):
            decide(request_id, WEB)
    assert teams.request_details(request_id).approvals == ()


# --- denials ---


def test_one_no_is_enough(teams: World) -> None:
    request_id = teams.ask()
    teams.work_messages()
    teams.approvals.approve(request_id, WEB)
    details = teams.approvals.deny(request_id, SHOP, "not this week")
    teams.work_messages()
    assert (details.request.state, details.request.decided_by) == (RequestState.DENIED, SHOP)
    assert {each.approver: each.approved for each in details.approvals} == {WEB: True, SHOP: False}
    assert teams.notifier.sent(MessageKind.OUTCOME) == [REQUESTER]
    with pytest.raises(Conflict, match=f"already denied by <@{SHOP}>"):
        teams.approvals.approve(request_id, SHOP_TOO)


def test_an_owner_may_change_their_yes_to_a_no_while_it_waits(teams: World) -> None:
    request_id = teams.ask()
    teams.approvals.approve(request_id, WEB)
    details = teams.approvals.deny(request_id, WEB, "on second thoughts")
    assert (details.request.state, details.approvers) == (RequestState.DENIED, ())
    assert [(each.approver, each.reason) for each in details.approvals] == [(WEB, "on second thoughts")]


def test_a_request_with_one_yes_still_expires(teams: World) -> None:
    request_id = teams.ask()
    teams.approvals.approve(request_id, WEB)
    teams.clock.advance(teams.current.policy.pending_for)
    with pytest.raises(Conflict, match="has expired: nobody decided in time"):
        teams.approvals.approve(request_id, SHOP)
    assert teams.request_details(request_id).grant is None


# --- extensions ---


def granted(world: World) -> str:
    request_id = world.ask()
    world.approvals.approve(request_id, WEB)
    world.approvals.approve(request_id, SHOP)
    world.work()
    return request_id


def test_an_extension_needs_each_owner_group_again(teams: World) -> None:
    request_id = granted(teams)
    end = teams.grant(request_id).expires_at
    extension = teams.requests.extend(REQUESTER, request_id, "30m").request.id
    teams.approvals.approve(extension, WEB)
    assert teams.grant(request_id).expires_at == end
    teams.approvals.approve(extension, SHOP)
    assert teams.grant(request_id).expires_at == end + timedelta(minutes=30)
    assert teams.request_details(extension).request.state is RequestState.APPROVED


def test_a_partly_approved_extension_goes_with_its_grant(teams: World) -> None:
    request_id = granted(teams)
    extension = teams.requests.extend(REQUESTER, request_id, "30m").request.id
    teams.approvals.approve(extension, WEB)
    teams.grants.revoke(request_id, WEB)
    with pytest.raises(Conflict, match="already cancelled"):
        teams.approvals.approve(extension, SHOP)
    teams.work()
    assert teams.grant(request_id).state is GrantState.CLEANED_UP


def test_a_last_yes_that_comes_too_late_for_the_grant_is_not_kept(teams: World) -> None:
    request_id = granted(teams)
    extension = teams.requests.extend(REQUESTER, request_id, "3h").request.id
    teams.approvals.approve(extension, WEB)
    teams.clock.advance(HOUR)
    with pytest.raises(Conflict, match=f"{request_id} has ended meanwhile"):
        teams.approvals.approve(extension, SHOP)
    assert teams.request_details(extension).approvers == (WEB,)


def test_what_the_policy_forbids_meanwhile_is_not_approved(world: World) -> None:
    request_id = world.ask()
    world.under(EVERYTHING, AccessFlow(name="no logs", deny=True, patterns=("logs-*",)))
    with pytest.raises(NotAllowed, match="“no logs” forbids it"):
        world.approvals.approve(request_id, OWNER)
    assert world.request_details(request_id).request.state is RequestState.PENDING


def test_a_requester_who_left_the_group_of_the_flow_is_not_given_what_they_asked_for(world: World) -> None:
    world.directory.people["@devs"] = (REQUESTER,)
    world.under(AccessFlow(name="devs", requesters=("@devs",), owners="integration"))
    request_id = world.ask()
    world.directory.people["@devs"] = (STRANGER,)
    with pytest.raises(NotAllowed, match="No access flow lets you ask for this"):
        world.approvals.approve(request_id, OWNER)
