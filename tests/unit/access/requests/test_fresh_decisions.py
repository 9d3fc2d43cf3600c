"""Each approval is a new decision, by the policy, the people and the resources of that moment."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from bot.access.errors import Conflict, NotAllowed, Outage
from bot.access.intervals import ROUTE_AGAIN
from bot.access.models.columns import CredentialKind, Delivery
from bot.access.models.messages import MessageKind
from bot.access.models.requests import AccessRequest
from bot.access.policy.access_flow import AccessFlow, Escalation
from bot.access.policy.hours import Hours
from bot.access.policy.model import PERMISSIONS, Permission
from bot.access.requests.drafts import Draft
from bot.access.states import RequestState
from tests.fakes import OWNER, REQUESTER, SECOND_OWNER, SHOP, STRANGER, WEB, World, flow

HOUR = timedelta(hours=1)


def request_of(world: World, request_id: str) -> AccessRequest:
    return world.request_details(request_id).request


def states(world: World, request_id: str) -> RequestState:
    return request_of(world, request_id).state


def deny(**values: Any) -> AccessFlow:
    return AccessFlow(name="closed", deny=True, **values)


# --- resources since ---


def test_an_index_of_somebody_else_that_came_since_adds_its_owner(teams: World) -> None:
    request_id = teams.ask("logs-a*")
    teams.work()
    teams.cluster.names_to_come = ["logs-a2"]
    teams.cluster.owners["logs-a2"] = ("@shop",)
    details = teams.approvals.approve(request_id, WEB[0])
    assert details.request.state is RequestState.PENDING
    assert details.approvers == (WEB[0],)
    assert set(teams.groups(request_id)) == {"@web", "@shop"}
    assert teams.groups(request_id)["@shop"].added_at == teams.clock.now()
    assert "request.plan_changed" in teams.audit(request_id)
    teams.clock.advance(timedelta(seconds=5))
    teams.work()
    assert set(teams.notifier.sent(MessageKind.APPROVAL)) == {*WEB, *SHOP}
    assert teams.notifier.shows("owners_added|")
    assert teams.approvals.approve(request_id, SHOP[0]).request.state is RequestState.APPROVED
    preview = request_of(teams, request_id).preview
    assert preview is not None
    assert preview["names"] == ["logs-a", "logs-a2"]


def test_filing_looks_at_what_is_there_at_that_moment(teams: World) -> None:
    teams.cluster.names_to_come = ["logs-a2"]
    teams.cluster.owners["logs-a2"] = ("@shop",)
    assert set(teams.groups(teams.ask("logs-a*"))) == {"@web", "@shop"}


def test_an_owner_whose_resources_are_gone_is_not_needed_any_more(teams: World) -> None:
    request_id = teams.ask("logs-*")
    teams.cluster.names.remove("logs-b")
    details = teams.approvals.approve(request_id, WEB[0])
    assert details.request.state is RequestState.APPROVED
    assert [group.label for group in details.groups] == ["@web"]


def test_who_is_no_owner_any_more_is_told_and_those_who_are_get_asked(teams: World) -> None:
    request_id = teams.ask("logs-a")
    teams.work()
    teams.cluster.owners["logs-a"] = ("@shop",)
    with pytest.raises(NotAllowed, match="no longer an owner that"):
        teams.approvals.approve(request_id, WEB[0])
    assert teams.request_details(request_id).approvers == ()
    teams.work()
    assert set(SHOP) <= set(teams.notifier.sent(MessageKind.APPROVAL))
    assert teams.approvals.approve(request_id, SHOP[0]).request.state is RequestState.APPROVED


def test_an_owner_of_what_came_since_has_said_yes_to_it_already(teams: World) -> None:
    request_id = teams.ask("logs-*")
    teams.approvals.approve(request_id, WEB[0])
    teams.cluster.names.append("logs-c")
    teams.cluster.owners["logs-c"] = (WEB[0],)
    assert teams.approvals.approve(request_id, SHOP[0]).request.state is RequestState.APPROVED


def test_an_alias_that_moved_onto_what_is_denied_is_not_approved(teams: World) -> None:
    teams.under(deny(patterns=("metrics-*",)), flow())
    teams.cluster.aliases["logs-now"] = ("logs-a",)
    request_id = teams.ask("logs-now")
    teams.cluster.aliases["logs-now"] = ("metrics-a",)
    with pytest.raises(NotAllowed, match=r"cannot be approved any more.*“closed” forbids it"):
        teams.approvals.approve(request_id, WEB[0])


def test_a_data_stream_with_something_denied_inside_is_denied_and_so_is_what_is_inside_of_a_denied_one(
    teams: World,
) -> None:
    teams.cluster.streams["logs-stream"] = ("metrics-a",)
    teams.under(deny(patterns=("metrics-*",)), flow())
    with pytest.raises(NotAllowed, match="“closed” forbids it"):
        teams.ask("logs-stream")
    teams.under(deny(patterns=("logs-stream",)), flow())
    with pytest.raises(NotAllowed, match="“closed” forbids it"):
        teams.ask("metrics-a")
    teams.under(flow(approve="rule", patterns=("logs-*",)))
    with pytest.raises(NotAllowed, match="does not cover"):
        teams.ask("logs-stream")


@pytest.mark.parametrize("named", [{"owners": ("@web",)}, {"approve": "rule"}])
def test_who_decides_about_some_patterns_decides_about_no_alias_that_leads_out_of_them(
    teams: World, named: dict[str, Any]
) -> None:
    teams.under(flow(patterns=("logs-*",), **named))
    teams.cluster.aliases["logs-now"] = ("logs-a",)
    request_id = teams.ask("logs-now")
    teams.cluster.aliases["logs-now"] = ("logs-a", "metrics-a")
    with pytest.raises(NotAllowed, match="points to data that the access flow “anything” does not cover"):
        teams.ask("logs-now")
    if "owners" in named:
        with pytest.raises(NotAllowed, match="cannot be approved any more"):
            teams.approvals.approve(request_id, WEB[0])
    teams.under(flow(patterns=("logs-*",), owners="integration"))
    assert set(teams.groups(teams.ask("logs-now"))) == {"production"}
    teams.under(flow(patterns=("logs-*",)))
    assert len(teams.groups(teams.ask("logs-now"))) > 1


def test_an_alias_that_moved_asks_the_owners_of_what_it_points_to_now(teams: World) -> None:
    teams.cluster.aliases["logs-now"] = ("logs-a",)
    request_id = teams.ask("logs-now")
    teams.cluster.aliases["logs-now"] = ("logs-a", "logs-b")
    assert teams.approvals.approve(request_id, WEB[0]).request.state is RequestState.PENDING
    assert set(teams.groups(request_id)) == {"@web", "@shop"}


def test_names_that_were_resolved_stay_as_they_were_approved(teams: World) -> None:
    teams.under(flow(scope="resolved"))
    request_id = teams.ask("logs-*")
    teams.cluster.names += ["logs-c", "logs-0"]
    teams.cluster.owners |= {"logs-c": (STRANGER,), "logs-0": (STRANGER,)}
    teams.approvals.approve(request_id, WEB[0])
    assert teams.approvals.approve(request_id, SHOP[0]).request.state is RequestState.APPROVED
    assert request_of(teams, request_id).resolved == ["logs-a", "logs-b"]


def test_names_that_were_resolved_and_are_gone_cannot_be_approved(teams: World) -> None:
    teams.under(flow(scope="resolved"))
    request_id = teams.ask("logs-a*")
    teams.cluster.names = ["logs-a2"]
    with pytest.raises(NotAllowed, match="None of the names that it covers exists any more"):
        teams.approvals.approve(request_id, WEB[0])


def test_a_flow_that_gives_only_what_matches_now_is_stricter(teams: World) -> None:
    request_id = teams.ask("logs-a*")
    teams.under(flow(scope="resolved"))
    assert teams.approvals.approve(request_id, WEB[0]).request.resolved == ["logs-a"]


# --- the policy since ---


def refusing(**values: Any) -> Callable[[World], object]:
    def change(world: World) -> None:
        world.under(flow(**values))

    return change


def without_permission(world: World) -> None:
    policy = world.current.policy
    world.current.policy = policy.model_copy(update={"permissions": PERMISSIONS[1:]})


def with_smaller_permission(world: World) -> None:
    smaller = Permission(name="read", indices=("view_index_metadata",))
    policy = world.current.policy
    world.current.policy = policy.model_copy(update={"permissions": (smaller, *PERMISSIONS[1:])})


def without_integration(world: World) -> None:
    policy = world.current.policy
    renamed = policy.integrations[0].model_copy(update={"name": "elsewhere"})
    world.current.policy = policy.model_copy(update={"integrations": (renamed,)})


def denied_and_renamed(world: World) -> None:
    world.under(deny(patterns=("logs-*",)), flow())
    without_permission(world)


REFUSALS: dict[str, tuple[Callable[[World], object], str]] = {
    "its flow was removed": (refusing(patterns=("metrics-*",)), "more than you may ask for"),
    "the limit is shorter": (refusing(max_duration=timedelta(minutes=30)), "longest access is 30m"),
    "it is denied": (lambda world: world.under(deny(), flow()), "“closed” forbids it"),
    "it is denied and its permission is gone": (denied_and_renamed, "not a permission"),
    "its permission is gone": (without_permission, "not a permission"),
    "its permission gives less": (with_smaller_permission, "no longer gives what was asked for"),
    "its cluster is gone": (without_integration, "There is no cluster"),
    "only members may ask": (refusing(requesters=("@devs",)), "No access flow lets you ask"),
    "its credential is not given": (refusing(credentials=(CredentialKind.API_KEY,)), "gives API keys alone"),
    "a reason is needed": (refusing(reason="required"), "needs a reason"),
    "a reason of a shape is needed": (refusing(reason_pattern="INC-[0-9]+", reason="required"), "needs a reason"),
    "another permission is offered": (refusing(permissions=("write",)), "You may not ask for read here"),
    "it is offered in emergencies alone": (
        lambda world: world.under(AccessFlow(name="emergency", break_glass=True)), "lets anybody",
    ),
    "the requester does not belong any more": (lambda world: world.directory.outsiders.add(REQUESTER), "Only people"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSALS)
def test_what_would_be_refused_today_is_not_approved_and_stays_open(teams: World, what: str) -> None:
    change, why = REFUSALS[what]
    request_id = teams.requests.submit(REQUESTER, Draft("logs-a", "1h", kind=CredentialKind.PASSWORD)).request.id
    change(teams)
    with pytest.raises(NotAllowed) as refused:
        teams.approvals.approve(request_id, WEB[0])
    less_helps = what in {"the limit is shorter", "its flow was removed"}
    do = "Deny it, or offer less." if less_helps else "You can deny it."
    assert refused.value.message.startswith(
        f"{request_id} cannot be approved any more. {do} Asked today, <@{REQUESTER}>"
    )
    assert why in refused.value.message
    assert states(teams, request_id) is RequestState.PENDING
    teams.approvals.deny(request_id, WEB[0])
    assert states(teams, request_id) is RequestState.DENIED


def test_a_member_who_left_the_requesters_is_not_given_it(teams: World) -> None:
    teams.directory.people["@devs"] = (REQUESTER,)
    teams.under(flow(requesters=("@devs",)))
    request_id = teams.ask("logs-a")
    teams.directory.people["@devs"] = (STRANGER,)
    with pytest.raises(NotAllowed, match="No access flow lets you ask for this"):
        teams.approvals.approve(request_id, WEB[0])
    teams.requests.cancel(request_id, REQUESTER)


def test_what_a_permission_gives_since_is_not_what_was_approved(teams: World) -> None:
    request_id = teams.ask("logs-a")
    wider = Permission(name="read", indices=("all",))
    policy = teams.current.policy
    teams.current.policy = policy.model_copy(update={"permissions": (wider, *PERMISSIONS[1:])})
    teams.approvals.approve(request_id, WEB[0])
    assert request_of(teams, request_id).privileges["indices"] == ["read", "view_index_metadata"]


def test_the_flow_of_today_decides_how_it_is_given(teams: World) -> None:
    request_id = teams.ask("logs-a")
    teams.under(
        AccessFlow(name="stricter", delivery=Delivery.REVEAL, approvals=2, max_duration=2 * HOUR, channel="#approvals")
    )
    details = teams.approvals.approve(request_id, WEB[0])
    request = details.request
    assert (request.flow, request.flow_limit, request.delivery) == ("stricter", 7200, Delivery.REVEAL)
    assert (request.channel, request.state) == ("#approvals", RequestState.PENDING)
    teams.work()
    assert "#approvals" in teams.notifier.sent(MessageKind.APPROVAL)
    assert teams.approvals.approve(request_id, WEB[1]).request.state is RequestState.APPROVED


def test_owners_named_by_the_flow_since_are_the_ones_who_decide(teams: World) -> None:
    request_id = teams.ask("logs-a")
    teams.under(flow(owners=("@shop",)))
    with pytest.raises(NotAllowed, match="no longer an owner"):
        teams.approvals.approve(request_id, WEB[0])
    assert teams.approvals.approve(request_id, SHOP[0]).request.state is RequestState.APPROVED


def test_any_group_since_is_not_enough_for_what_asked_for_all(teams: World) -> None:
    request_id = teams.ask("logs-*")
    teams.under(flow(groups="any"))
    assert teams.approvals.approve(request_id, WEB[0]).request.state is RequestState.PENDING


def test_all_groups_since_are_needed_for_what_asked_for_any(teams: World) -> None:
    teams.under(flow(groups="any"))
    request_id = teams.ask("logs-*")
    teams.under(flow())
    assert teams.approvals.approve(request_id, WEB[0]).request.state is RequestState.PENDING


def test_a_rule_since_leaves_the_decision_with_those_who_were_asked(teams: World) -> None:
    request_id = teams.ask("logs-*")
    teams.under(flow(approve="rule"))
    assert teams.approvals.approve(request_id, WEB[0]).request.state is RequestState.PENDING
    assert set(teams.groups(request_id)) == {"@web", "@shop"}
    assert teams.approvals.approve(request_id, SHOP[0]).request.state is RequestState.APPROVED


def test_who_stood_in_under_a_flow_that_does_not_say_so_any_more_decides_nothing(teams: World) -> None:
    escalation = Escalation(after=HOUR, to=(STRANGER,))
    teams.under(flow(escalation=escalation))
    request_id = teams.ask("logs-a")
    for _ in range(2):
        teams.clock.advance(HOUR)
        teams.approvals.escalate_due()
    teams.under(flow())
    with pytest.raises(NotAllowed, match="no longer an owner"):
        teams.approvals.approve(request_id, STRANGER)
    assert states(teams, request_id) is RequestState.PENDING


def test_the_hours_of_a_flow_are_about_asking_and_those_of_a_denial_about_now(teams: World) -> None:
    noon = Hours(since="11:00", until="13:00")
    teams.under(flow(when=noon))
    request_id = teams.ask("logs-a")
    teams.clock.advance(3 * HOUR)
    teams.under(deny(when=Hours(since="14:00", until="16:00")), flow(when=noon))
    with pytest.raises(NotAllowed, match="“closed” forbids it"):
        teams.approvals.approve(request_id, WEB[0])
    teams.clock.advance(3 * HOUR)
    assert teams.approvals.approve(request_id, WEB[0]).request.state is RequestState.APPROVED


def test_an_extension_is_within_the_limits_of_today(teams: World) -> None:
    request_id = teams.ask("logs-a")
    teams.approvals.approve(request_id, WEB[0])
    teams.work()
    extension = teams.requests.extend(REQUESTER, request_id, "1h").request.id
    teams.under(flow(max_total=HOUR, max_duration=HOUR))
    with pytest.raises(NotAllowed, match="cannot be approved any more"):
        teams.approvals.approve(extension, WEB[0])
    teams.under(flow(max_extensions=0))
    with pytest.raises(NotAllowed, match="cannot be extended"):
        teams.approvals.approve(extension, WEB[0])


# --- the cluster away ---


def away(world: World) -> None:
    world.cluster.asked.errors = [Outage("no answer")]


def test_a_last_yes_without_the_cluster_is_kept_and_waits(teams: World) -> None:
    request_id = teams.ask("logs-a")
    away(teams)
    details = teams.approvals.approve(request_id, WEB[0])
    assert (details.request.state, details.approvers) == (RequestState.PENDING, (WEB[0],))
    assert details.request.route_at is not None
    assert teams.audit(request_id)[-2:] == ["request.approval_given", "request.waits"]
    with pytest.raises(Conflict, match="waits for the cluster to answer"):
        teams.approvals.approve(request_id, WEB[0])
    teams.clock.advance(ROUTE_AGAIN)
    away(teams)
    teams.requests.route_waiting()
    assert states(teams, request_id) is RequestState.PENDING
    teams.clock.advance(ROUTE_AGAIN)
    teams.requests.route_waiting()
    request = request_of(teams, request_id)
    assert (request.state, request.decided_by, request.route_at) == (RequestState.APPROVED, WEB[0], None)
    teams.work()
    assert teams.notifier.sent(MessageKind.CREDENTIAL) == [REQUESTER]


def test_what_came_while_the_cluster_was_away_is_asked_about_when_it_is_back(teams: World) -> None:
    request_id = teams.ask("logs-a*")
    away(teams)
    teams.approvals.approve(request_id, WEB[0])
    teams.cluster.names_to_come = ["logs-a2"]
    teams.cluster.owners["logs-a2"] = ("@shop",)
    teams.clock.advance(ROUTE_AGAIN)
    teams.requests.route_waiting()
    assert (states(teams, request_id), set(teams.groups(request_id))) == (RequestState.PENDING, {"@web", "@shop"})
    assert teams.approvals.approve(request_id, SHOP[0]).request.state is RequestState.APPROVED


def test_what_is_refused_when_the_cluster_is_back_is_cancelled_and_everybody_is_told(teams: World) -> None:
    request_id = teams.ask("logs-a")
    teams.work()
    away(teams)
    teams.approvals.approve(request_id, WEB[0])
    teams.under(deny(), flow())
    teams.clock.advance(ROUTE_AGAIN)
    teams.requests.route_waiting()
    request = request_of(teams, request_id)
    assert (request.state, "forbids it" in request.decision_reason) == (RequestState.CANCELLED, True)
    teams.work()
    assert teams.notifier.sent(MessageKind.OUTCOME) == [REQUESTER]


def test_a_yes_that_waits_for_the_cluster_can_be_taken_back_by_a_denial(teams: World) -> None:
    request_id = teams.ask("logs-a")
    away(teams)
    teams.approvals.approve(request_id, WEB[0])
    teams.approvals.deny(request_id, WEB[1])
    teams.clock.advance(ROUTE_AGAIN)
    teams.requests.route_waiting()
    assert states(teams, request_id) is RequestState.DENIED


def test_another_yes_completes_what_waits_when_the_cluster_is_back(teams: World) -> None:
    request_id = teams.ask("logs-a")
    away(teams)
    teams.approvals.approve(request_id, WEB[0])
    assert teams.approvals.approve(request_id, WEB[1]).request.state is RequestState.APPROVED
    assert request_of(teams, request_id).route_at is None


def test_nobody_is_reminded_of_what_waits_for_the_cluster(teams: World) -> None:
    teams.under(flow(escalation=Escalation(after=HOUR, to=(STRANGER,))))
    request_id = teams.ask("logs-a")
    away(teams)
    teams.approvals.approve(request_id, WEB[0])
    teams.clock.advance(HOUR)
    teams.approvals.escalate_due()
    assert request_of(teams, request_id).escalations == 0


def test_where_nothing_depends_on_the_cluster_a_last_yes_does_not_wait_for_it(teams: World) -> None:
    teams.under(flow(owners="integration"))
    request_id = teams.ask("logs-a")
    away(teams)
    assert teams.approvals.approve(request_id, OWNER).request.state is RequestState.APPROVED


@pytest.mark.parametrize(
    ("values", "draft"),
    [
        ({"approve": "rule", "owners": "integration"}, Draft("logs-a", "1h")),
        ({"break_glass": True, "owners": "integration"}, Draft("logs-a", "1h", reason="INC-1", break_glass=True)),
    ],
)
def test_a_rule_that_has_to_know_what_stands_behind_a_name_waits(
    teams: World, values: dict[str, Any], draft: Draft
) -> None:
    teams.under(flow(**values))
    away(teams)
    request_id = teams.requests.submit(REQUESTER, draft).request.id
    assert states(teams, request_id) is RequestState.PENDING
    teams.cluster.aliases["logs-a"] = ("secret-a",)
    teams.clock.advance(ROUTE_AGAIN)
    teams.requests.route_waiting()
    assert states(teams, request_id) is RequestState.APPROVED


@pytest.mark.parametrize(
    ("denial", "waits"),
    [
        ({"patterns": ("pay-*",)}, True),
        ({"patterns": ("pay-*",), "requesters": ("@unknown",)}, True),
        ({"patterns": ("pay-*",), "requesters": ("@shop",)}, False),
        ({"patterns": ("pay-*",), "permissions": ("manage",)}, False),
        ({"patterns": ("pay-*",), "when": {"since": "01:00", "until": "02:00"}}, False),
    ],
)
def test_a_denial_that_could_apply_to_what_an_alias_points_to_waits_for_the_cluster(
    teams: World, denial: dict[str, Any], waits: bool
) -> None:
    teams.under(deny(**denial), flow(owners="integration"))
    away(teams)
    request_id = teams.ask("logs-a")
    assert (request_of(teams, request_id).route_at is not None) is waits


# --- any one of the owners of each pattern ---


@pytest.fixture
def friends(teams: World) -> World:
    """A flow where one owner is enough, and an index of a friend beside the one that is wanted."""
    teams.cluster.names.append("friend-1")
    teams.cluster.owners["friend-1"] = (STRANGER,)
    return teams.under(flow(groups="any"))


def test_one_owner_is_enough_only_for_the_patterns_under_which_they_own_something(friends: World) -> None:
    request_id = friends.ask("friend-1,logs-a")
    assert friends.approvals.approve(request_id, STRANGER).request.state is RequestState.PENDING
    assert friends.approvals.approve(request_id, WEB[0]).request.state is RequestState.APPROVED


def test_one_owner_of_a_pattern_is_enough_for_it(friends: World) -> None:
    request_id = friends.ask("logs-*,*-a")
    assert friends.approvals.approve(request_id, WEB[0]).request.state is RequestState.APPROVED


def test_a_pattern_whose_owners_cannot_be_asked_is_the_integration_owners(friends: World) -> None:
    friends.directory.left |= set(WEB)
    request_id = friends.ask("friend-1,logs-a")
    assert friends.groups(request_id)["production"].patterns == ["logs-a"]
    assert friends.approvals.approve(request_id, STRANGER).request.state is RequestState.PENDING
    assert friends.approvals.approve(request_id, SECOND_OWNER).request.state is RequestState.APPROVED


def test_a_pattern_that_no_owner_is_under_any_more_is_the_integration_owners(friends: World) -> None:
    friends.cluster.aliases["mine"] = ("friend-1",)
    friends.under(flow(groups="any", scope="resolved"))
    request_id = friends.ask("mine,logs-a")
    friends.cluster.aliases["mine"] = ("metrics-a",)
    assert friends.approvals.approve(request_id, STRANGER).request.state is RequestState.PENDING
    assert friends.groups(request_id)["production"].patterns == ["mine"]
    assert friends.approvals.approve(request_id, OWNER).request.state is RequestState.PENDING
    assert friends.approvals.approve(request_id, WEB[0]).request.state is RequestState.APPROVED


def test_groups_of_an_earlier_version_own_something_under_every_pattern(friends: World) -> None:
    request_id = friends.ask("friend-1,logs-a")
    with friends.store.writing() as write:
        for group in write.request_details(request_id).groups:
            write.change_group(group, patterns=None)
    away(friends)  # so that the groups are not made anew
    assert friends.approvals.approve(request_id, STRANGER).request.route_at is not None


def test_a_plan_is_put_on_a_request_whole(teams: World) -> None:
    """Nothing of the flow that it was filed under is left."""
    escalation = Escalation(after=HOUR, to=SHOP)
    teams.under(
        AccessFlow(
            name="before",
            groups="any",
            delivery=Delivery.REVEAL,
            channel="#one",
            escalation=escalation,
            max_duration=2 * HOUR,
        )
    )
    before = teams.ask("logs-a")
    teams.under(flow(approvals=2))
    after = teams.ask("logs-a")
    teams.approvals.approve(before, WEB[0])
    columns = (
        "flow", "flow_limit", "kind", "delivery", "any_group", "channel", "escalate_at", "privileges", "owners",
    )  # fmt: skip
    found, wanted = ([getattr(request_of(teams, each), name) for name in columns] for each in (before, after))
    assert found == wanted
    assert teams.groups(before)["@web"].approvals == 2


# --- names behind an alias that were resolved ---


def test_a_denial_since_of_what_an_alias_was_resolved_to_is_seen(teams: World) -> None:
    teams.under(flow(scope="resolved"))
    teams.cluster.aliases["app-now"] = ("logs-a",)
    request_id = teams.ask("app-now")
    assert request_of(teams, request_id).resolved == ["logs-a"]
    teams.cluster.aliases["app-now"] = ("metrics-a",)
    teams.under(deny(patterns=("logs-*",)), flow(scope="resolved"))
    with pytest.raises(NotAllowed, match="“closed” forbids it"):
        teams.approvals.approve(request_id, WEB[0])


def test_an_owner_behind_an_alias_is_one_of_its_pattern_and_of_no_other(friends: World) -> None:
    friends.under(flow(groups="any", scope="resolved"))
    friends.cluster.aliases["app-now"] = ("logs-a",)
    request_id = friends.ask("app-now,friend-1")
    assert friends.approvals.approve(request_id, WEB[0]).request.state is RequestState.PENDING
    assert friends.groups(request_id)["@web"].patterns == ["app-now"]
    assert friends.approvals.approve(request_id, STRANGER).request.state is RequestState.APPROVED
