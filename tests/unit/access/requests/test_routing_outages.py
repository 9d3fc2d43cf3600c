"""A request that is filed while Slack or the cluster does not answer waits, and is routed afterwards."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from bot.access.errors import NotFound, Outage, Refusal
from bot.access.intervals import ROUTE_AGAIN
from bot.access.models.messages import MessageKind
from bot.access.requests.drafts import Draft
from bot.access.states import GrantState, RequestState
from tests.fakes import OWNER, REQUESTER, SECOND_OWNER, SHOP, STRANGER, WEB, World, flow


def test_where_owners_do_not_depend_on_the_cluster_a_request_goes_out_without_a_preview(teams: World) -> None:
    teams.under(flow(owners="integration"))
    teams.cluster.asked.errors = [Outage("no answer")]
    filed = teams.requests.submit(REQUESTER, Draft("whatever-*", "1h"))
    assert filed.plan is not None
    assert (filed.plan.preview, filed.plan.asked) == (None, (OWNER, SECOND_OWNER))


@pytest.mark.parametrize("error", [Outage("no answer"), Refusal("403")])
@pytest.mark.parametrize("values", [{}, {"owners": "integration", "scope": "resolved"}])
def test_where_they_do_the_request_is_kept_and_asks_when_the_cluster_answers(
    teams: World, error: Exception, values: dict[str, Any]
) -> None:
    teams.under(flow(**values))
    teams.cluster.asked.errors = [error, error]
    filed = teams.requests.submit(REQUESTER, Draft("logs-*", "1h", reason="INC-1"))
    assert filed.plan is None
    request_id = filed.request.id
    assert teams.audit(request_id) == ["request.submitted", "request.waits"]
    assert teams.events(request_id)[1].detail == {"error": str(error)}
    teams.requests.route_waiting()
    assert teams.cluster.asked.calls == 1  # not at once
    for _ in range(2):  # the first attempt fails as well
        assert teams.request_details(request_id).groups == ()
        teams.clock.advance(ROUTE_AGAIN)
        teams.requests.route_waiting()
    assert teams.request_details(request_id).groups != ()
    assert teams.request_details(request_id).request.route_at is None
    teams.work_messages()
    assert teams.notifier.sent(MessageKind.APPROVAL) != []


def test_a_request_that_waits_is_asked_about_once(teams: World) -> None:
    waiting(teams)
    for _ in range(3):
        teams.clock.advance(ROUTE_AGAIN)
        teams.requests.route_waiting()
    teams.work_messages()
    assert sorted(teams.notifier.sent(MessageKind.APPROVAL)) == sorted(WEB + SHOP)


def test_slack_that_does_not_answer_keeps_a_request_waiting_too(teams: World) -> None:
    teams.directory.asked.errors = [Outage("Slack does not answer")]
    request_id = teams.ask()
    teams.clock.advance(ROUTE_AGAIN)
    teams.requests.route_waiting()
    assert set(teams.groups(request_id)) == {"@web", "@shop"}


def test_nothing_is_kept_of_what_has_no_duration_to_show(teams: World) -> None:
    teams.under(flow(default_duration="1h"))
    teams.cluster.asked.errors = [Outage("no answer")]
    with pytest.raises(Outage):
        teams.ask(duration="")
    with teams.store.reading() as read:
        assert read.requests_of(REQUESTER, 10) == []


def waiting(world: World, patterns: str = "logs-*") -> str:
    world.cluster.asked.errors = [Outage("no answer")]
    request_id = world.ask(patterns)
    assert world.request_details(request_id).request.route_at is not None
    return request_id


def route(world: World) -> None:
    world.clock.advance(ROUTE_AGAIN)
    world.requests.route_waiting()


def test_a_request_that_waits_can_be_taken_back(teams: World) -> None:
    request_id = waiting(teams)
    teams.requests.cancel(request_id, REQUESTER)
    route(teams)
    assert teams.request_details(request_id).groups == ()
    assert teams.work_messages() == 0


def test_a_request_that_is_taken_back_as_it_is_routed_asks_nobody(
    teams: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    request_id, other = waiting(teams), waiting(teams)
    look = teams.cluster.look

    def cancel_first(patterns: Sequence[str]) -> object:
        monkeypatch.setattr(teams.cluster, "look", look)
        teams.requests.cancel(request_id, REQUESTER)
        return look(patterns)

    monkeypatch.setattr(teams.cluster, "look", cancel_first)
    route(teams)
    assert teams.request_details(request_id).groups == ()
    assert teams.request_details(other).groups != ()  # the next request does not wait


def test_a_request_that_waits_expires_like_any_other(teams: World) -> None:
    request_id = waiting(teams)
    teams.clock.advance(teams.current.policy.pending_for)
    assert teams.requests.expire_overdue() == 1
    teams.requests.route_waiting()
    teams.work_messages()
    assert teams.request_details(request_id).request.state is RequestState.EXPIRED
    assert teams.notifier.sent(MessageKind.OUTCOME) == [REQUESTER]
    assert teams.notifier.sent(MessageKind.APPROVAL) == []


def test_nobody_can_decide_what_nobody_was_asked(teams: World) -> None:
    request_id = waiting(teams)
    for actor in (WEB[0], OWNER, STRANGER):
        with pytest.raises(NotFound):
            teams.approvals.approve(request_id, actor)


@pytest.mark.parametrize("trouble", ["no match", "not allowed", "nobody", "no permission", "no integration"])
def test_what_turns_out_wrong_is_cancelled_and_the_requester_is_told_why(teams: World, trouble: str) -> None:
    request_id = waiting(teams, "nothing-*" if trouble == "no match" else "logs-*")
    policy = teams.current.policy
    if trouble == "not allowed":
        teams.under(flow(patterns=("metrics-*",)))
    elif trouble == "nobody":
        teams.directory.left |= {*WEB, OWNER, SECOND_OWNER}
    elif trouble == "no permission":
        teams.current.policy = policy.model_copy(update={"permissions": policy.permissions[1:]})
    elif trouble == "no integration":
        renamed = policy.integrations[0].model_copy(update={"name": "elsewhere"})
        teams.current.policy = policy.model_copy(update={"integrations": (renamed,)})
    route(teams)
    request = teams.request_details(request_id).request
    why = {
        "no match": "“nothing-*” matches nothing",
        "not allowed": "more than you may ask for",
        "nobody": "Nobody can approve this",
        "no permission": "is not a permission",
        "no integration": "There is no cluster",
    }[trouble]
    assert request.state is RequestState.CANCELLED
    assert why in request.decision_reason
    teams.work_messages()
    assert teams.notifier.sent(MessageKind.OUTCOME) == [REQUESTER]
    assert teams.notifier.sent(MessageKind.APPROVAL) == []
    route(teams)  # the outage is over


def test_a_cluster_that_is_not_connected_is_an_outage(teams: World) -> None:
    policy = teams.current.policy
    renamed = policy.integrations[0].model_copy(update={"name": "elsewhere"})
    teams.current.policy = policy.model_copy(update={"integrations": (renamed,)})
    filed = teams.requests.submit(REQUESTER, Draft("logs-*", "1h"))
    assert filed.plan is None
    teams.under(flow(owners="integration"))
    teams.current.policy = teams.current.policy.model_copy(update={"integrations": (renamed,)})
    assert teams.requests.submit(REQUESTER, Draft("logs-*", "1h", again=True)).plan is not None


def test_an_extension_that_waited_is_approved_by_rule_and_goes_with_its_grant(teams: World) -> None:
    teams.under(flow(approve="rule"))
    request_id = teams.ask()
    teams.work()
    teams.cluster.asked.errors = [Outage("no answer")]
    extension = teams.requests.extend(REQUESTER, request_id, "30m").request.id
    assert teams.request_details(extension).request.state is RequestState.PENDING
    route(teams)
    assert teams.request_details(extension).request.state is RequestState.APPROVED
    teams.cluster.asked.errors = [Outage("no answer")]
    second = teams.requests.extend(REQUESTER, request_id, "30m").request.id
    teams.clock.advance(timedelta(hours=2))  # the grant has expired, and no worker has handled it yet
    teams.requests.route_waiting()
    assert teams.request_details(second).request.state is RequestState.PENDING
    teams.work()
    assert teams.request_details(second).request.state is RequestState.CANCELLED
    assert teams.grant(request_id).state is GrantState.CLEANED_UP
