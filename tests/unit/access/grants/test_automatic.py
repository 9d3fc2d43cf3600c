"""Automatic access flows: members have access for as long as they are members."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.access.claims import AUTOMATIC_GRANTS_CLAIM
from bot.access.errors import LostRace, Outage, Refusal
from bot.access.models.messages import MessageKind
from bot.access.models.request_details import RequestDetails
from bot.access.policy.access_flow import AccessFlow
from bot.access.policy.hours import Hours
from bot.access.policy.model import Integration
from bot.access.states import GrantState
from bot.access.store.store import Store
from tests.fakes import OWNER, PRODUCTION, SECOND_OWNER, FakeCluster, FakeClusters, World, policy_of

HOUR = timedelta(hours=1)
LOOK = timedelta(seconds=15)
ANA, BEN = "U0ANA000", "U0BEN000"


def flow(name: str = "on call", **values: Any) -> AccessFlow:
    return AccessFlow(
        name=name, automatic=True, **{"requesters": "@oncall", "patterns": ("logs-*",), "max_duration": "1h", **values}
    )


@pytest.fixture
def oncall(world: World) -> World:
    """An automatic flow for a group with one member."""
    world.directory.people["@oncall"] = (ANA,)
    return world.under(flow())


def look(world: World, by: timedelta = LOOK) -> None:
    world.clock.advance(by)
    world.automatic.run_once()
    world.work()


def live(world: World) -> dict[str, RequestDetails]:
    """The live grants by person; nobody has two."""
    with world.store.reading() as read:
        all_details = read.automatic_grants()
    found = {details.request.requester: details for details in all_details}
    assert len(found) == len(all_details)
    return found


def ended(world: World, request_id: str) -> tuple[GrantState, str]:
    grant = world.grant(request_id)
    return grant.state, grant.end_reason


# --- joining, staying, leaving ---


def test_a_member_of_another_workspace_is_given_nothing(oncall: World) -> None:
    """A large group is taken as Slack lists it."""
    oncall.directory.people["@oncall"] = (ANA, BEN)
    oncall.directory.outsiders.add(BEN)
    look(oncall)
    assert set(live(oncall)) == {ANA}


def test_who_joins_is_given_access_like_any_other_grant(oncall: World) -> None:
    look(oncall)
    (details,) = live(oncall).values()
    request_id = details.request.id
    assert details.grant is not None
    assert (details.request.requester, details.grant.state) == (ANA, GrantState.ACTIVE)
    assert details.grant.expires_at == oncall.clock.now() + HOUR
    (role,) = oncall.cluster.roles.values()
    assert (role.patterns, role.privileges.indices) == (("logs-*",), ("read", "view_index_metadata"))
    assert oncall.notifier.sent(MessageKind.CREDENTIAL) == [ANA]
    assert oncall.notifier.sent(MessageKind.APPROVAL) == []
    assert oncall.audit(request_id) == ["request.automatic", "request.approved", "grant.active"]


def test_who_stays_has_it_once_and_it_never_lapses(oncall: World) -> None:
    look(oncall)
    first = live(oncall)[ANA].request.id
    for _ in range(60):
        look(oncall, timedelta(minutes=7))
        details = live(oncall)[ANA]
        assert details.request.id == first
        assert details.grant is not None
        assert timedelta(minutes=20) < details.grant.expires_at - oncall.clock.now() <= HOUR
    assert len(oncall.cluster.passwords) == 1
    assert oncall.audit(first).count("grant.extended") < 20  # not at every look


def test_who_leaves_has_it_no_more(oncall: World) -> None:
    oncall.directory.people["@oncall"] = (ANA, BEN)
    look(oncall)
    request_id = live(oncall)[ANA].request.id
    oncall.directory.people["@oncall"] = (BEN,)
    look(oncall)
    assert set(live(oncall)) == {BEN}
    assert ended(oncall, request_id) == (GrantState.CLEANED_UP, "no longer a member")
    assert len(oncall.cluster.users) == 1
    assert oncall.notifier.sent(MessageKind.ENDED) == [ANA]


def test_who_comes_back_has_it_again(oncall: World) -> None:
    look(oncall)
    oncall.directory.people["@oncall"] = ()
    look(oncall)
    oncall.directory.people["@oncall"] = (ANA,)
    look(oncall)
    assert set(live(oncall)) == {ANA}
    assert len(oncall.cluster.users) == 1


def test_somebody_who_is_deactivated_has_it_no_more(oncall: World) -> None:
    look(oncall)
    oncall.directory.left.add(ANA)
    look(oncall)
    assert live(oncall) == {}
    assert oncall.cluster.empty


def test_while_slack_does_not_answer_nothing_ends_and_nothing_is_given(oncall: World) -> None:
    look(oncall)
    oncall.directory.people["@oncall"] = (BEN,)
    for _ in range(3):
        oncall.directory.asked.errors = [Outage("Slack does not answer")]
        look(oncall)
        assert set(live(oncall)) == {ANA}
    look(oncall)
    assert set(live(oncall)) == {BEN}


def test_one_group_that_cannot_be_read_keeps_no_other_flow_back(oncall: World) -> None:
    oncall.directory.people["@admins"] = (BEN,)
    oncall.under(flow(), flow("admins", requesters="@admins"))
    oncall.directory.asked.errors = [Outage("Slack does not answer")]
    look(oncall)
    assert set(live(oncall)) == {BEN}


def test_a_member_of_two_flows_has_both(oncall: World) -> None:
    oncall.under(flow(), flow("more", patterns=("metrics-*",)))
    look(oncall)
    with oncall.store.reading() as read:
        given = read.automatic_grants()
    assert {(details.request.requester, details.request.flow) for details in given} == {(ANA, "on call"), (ANA, "more")}


def test_each_cluster_of_the_flow_and_no_other(oncall: World) -> None:
    others = tuple(
        Integration(name=name, owner=("@owners",), public_url="https://x.example") for name in ("staging", "lab")
    )
    integrations = (PRODUCTION, *others)
    oncall.current.policy = policy_of(flow(), integrations=integrations)
    clusters = FakeClusters(production=oncall.cluster, staging=FakeCluster(), lab=FakeCluster())
    automatic = replace(oncall.automatic, clusters=clusters)
    automatic.run_once()
    with oncall.store.reading() as read:
        assert {details.request.integration for details in read.automatic_grants()} == {"production", "staging", "lab"}
    oncall.current.policy = policy_of(flow(integrations=("production", "lab")), integrations=integrations)
    automatic.run_once()
    with oncall.store.reading() as read:
        assert {details.request.integration for details in read.automatic_grants()} == {"production", "lab"}


# --- the policy changes ---


def test_what_a_removed_flow_gave_ends(oncall: World) -> None:
    look(oncall)
    request_id = live(oncall)[ANA].request.id
    oncall.under(AccessFlow(name="another"))
    look(oncall)
    assert ended(oncall, request_id) == (GrantState.CLEANED_UP, "its access flow was changed")
    assert oncall.cluster.empty


@pytest.mark.parametrize("values", [{"patterns": ("logs-a",)}, {"permissions": ("write",)}])
def test_what_a_flow_gives_no_more_ends_and_what_it_gives_now_is_given(oncall: World, values: dict[str, Any]) -> None:
    oncall.under(flow(permissions=("read",)))
    look(oncall)
    request_id = live(oncall)[ANA].request.id
    oncall.under(flow(**{"permissions": ("read",), **values}))
    look(oncall)
    look(oncall)
    assert ended(oncall, request_id) == (GrantState.CLEANED_UP, "its access flow was changed")
    details = live(oncall)[ANA]
    assert (details.request.patterns, details.request.permission) == (
        list(values.get("patterns", ("logs-*",))),
        values.get("permissions", ("read",))[0],
    )


def test_a_deny_beats_an_automatic_flow_wherever_it_stands(oncall: World) -> None:
    look(oncall)
    oncall.under(flow(), AccessFlow(name="no", deny=True, patterns=("logs-secret-*",), requesters=(ANA,)))
    oncall.directory.people["@oncall"] = (ANA, BEN)
    look(oncall)
    assert set(live(oncall)) == {BEN}


# --- ended by hand ---


@pytest.mark.parametrize("actor", [ANA, OWNER])
def test_what_was_ended_by_hand_is_not_given_again_before_it_would_have_ended(oncall: World, actor: str) -> None:
    look(oncall)
    request_id = live(oncall)[ANA].request.id
    for _ in range(20):  # it was prolonged often, and is far older than its length
        look(oncall, timedelta(minutes=25))
    oncall.grants.revoke(request_id, actor)
    end = oncall.grant(request_id).expires_at
    while oncall.clock.now() + timedelta(minutes=5) < end:
        look(oncall, timedelta(minutes=5))
        assert live(oncall) == {}
    oncall.clock.time = end
    look(oncall)
    assert set(live(oncall)) == {ANA}


def test_an_owner_hears_of_what_cannot_be_given_and_it_is_not_tried_at_every_look(oncall: World) -> None:
    oncall.cluster.creating.errors = [Refusal("no such privilege")] * 10
    for _ in range(4):
        look(oncall)
    assert len(oncall.cluster.passwords) == 1
    assert oncall.notifier.sent(MessageKind.FAILED) == [OWNER, SECOND_OWNER]
    look(oncall, HOUR)
    assert len(oncall.cluster.passwords) == 2


def test_what_expired_while_nobody_ran_is_given_anew(oncall: World) -> None:
    look(oncall)
    oncall.clock.advance(2 * HOUR)
    oncall.work()
    assert oncall.cluster.empty
    look(oncall)
    assert set(live(oncall)) == {ANA}


def test_a_grant_that_changes_as_it_is_prolonged_or_ended_stops_no_round(
    oncall: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose(*_: object, **__: object) -> None:
        raise LostRace

    look(oncall)
    with monkeypatch.context() as patch:
        patch.setattr("bot.access.grants.service.Grants.end", lose)
        patch.setattr("bot.access.grants.automatic.extend_grant", lose)
        look(oncall, timedelta(minutes=40))
        oncall.directory.people["@oncall"] = (BEN,)
        look(oncall)
        assert set(live(oncall)) == {ANA, BEN}
    look(oncall)
    assert set(live(oncall)) == {BEN}


# --- hours ---


def test_outside_its_hours_a_flow_gives_and_prolongs_nothing(oncall: World) -> None:
    oncall.under(flow(when=Hours(since="09:00", until="12:30")))  # it is noon
    look(oncall)
    end = oncall.clock.now() + HOUR
    for _ in range(3):
        look(oncall, timedelta(minutes=15))
    assert set(live(oncall)) == {ANA}  # until its time is over, like access requested for some hours
    oncall.clock.time = end
    for _ in range(3):
        look(oncall, timedelta(minutes=15))
        assert live(oncall) == {}
    oncall.clock.time = end.replace(hour=9) + timedelta(days=1)
    look(oncall)
    assert set(live(oncall)) == {ANA}


def test_outside_its_hours_who_leaves_loses_it_all_the_same(oncall: World) -> None:
    oncall.under(flow(when=Hours(since="09:00", until="12:30"), max_duration="8h"))
    look(oncall)
    oncall.clock.advance(HOUR)
    oncall.directory.people["@oncall"] = ()
    look(oncall)
    assert live(oncall) == {}


# --- several processes ---


def test_one_process_looks_after_it_and_another_takes_over(oncall: World) -> None:
    other = oncall.on(Store(oncall.store._engine, "second"))
    oncall.automatic.run_once()
    oncall.directory.people["@oncall"] = (ANA, BEN)
    other.automatic.run_once()
    assert set(live(oncall)) == {ANA}
    oncall.clock.advance(AUTOMATIC_GRANTS_CLAIM)
    other.automatic.run_once()
    assert set(live(oncall)) == {ANA, BEN}
    oncall.automatic.run_once()  # the first was only slow
    assert set(live(oncall)) == {ANA, BEN}


def test_a_process_that_was_frozen_in_a_round_gives_nothing_twice(
    oncall: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = oncall.on(Store(oncall.store._engine, "second"))
    members: Callable[..., Any] = oncall.directory.members

    def freeze(owners: object) -> object:
        found = members(owners)
        monkeypatch.undo()
        oncall.clock.advance(3 * AUTOMATIC_GRANTS_CLAIM)
        other.automatic.run_once()
        assert set(live(oncall)) == {ANA}
        return found

    monkeypatch.setattr(oncall.directory, "members", freeze)
    oncall.automatic.run_once()
    assert set(live(oncall)) == {ANA}


# --- aliases onto denied data ---


def closed(**values: Any) -> AccessFlow:
    return AccessFlow(name="closed", deny=True, patterns=("metrics-*",), **values)


def test_an_alias_onto_denied_data_is_not_given_and_ends_what_was(oncall: World) -> None:
    oncall.under(flow(), closed())
    oncall.cluster.aliases["logs-now"] = ("metrics-a",)
    look(oncall)
    assert members_with_access(oncall) == []
    oncall.cluster.aliases["logs-now"] = ("logs-a",)
    look(oncall)
    assert members_with_access(oncall) == [ANA]
    oncall.cluster.aliases["logs-now"] = ("metrics-a",)
    look(oncall)
    assert members_with_access(oncall) == []


def test_an_alias_that_leads_out_of_the_patterns_is_given_from_the_beginning_to_nobody(oncall: World) -> None:
    """Not for a minute either, and the flow gives access again once the alias is back."""
    oncall.cluster.aliases["logs-now"] = ("metrics-a",)
    for _ in range(3):
        look(oncall)
        oncall.alias_moves.run_once()
        oncall.work()
    with oncall.store.reading() as read:
        assert read.requests_of(ANA, 10) == []
    oncall.cluster.aliases["logs-now"] = ("logs-a",)
    look(oncall)
    assert members_with_access(oncall) == [ANA]


def test_what_nobody_is_given_through_an_alias_keeps_no_automatic_flow_from_giving_the_rest(oncall: World) -> None:
    oncall.cluster.aliases["logs-hidden"] = (".internal-1",)
    look(oncall)
    assert members_with_access(oncall) == [ANA]


@pytest.mark.parametrize("error", [Outage("no answer"), Refusal("403")])
def test_while_the_cluster_does_not_say_what_an_alias_leads_to_nothing_is_given_and_nothing_ends(
    oncall: World, error: Exception
) -> None:
    oncall.under(flow(), closed(requesters=(ANA,)))
    oncall.directory.people["@oncall"] = (ANA, BEN)
    oncall.cluster.asked.errors = [error]
    look(oncall)
    assert members_with_access(oncall) == [BEN]  # no flow denies him anything
    look(oncall)
    assert members_with_access(oncall) == [ANA, BEN]
    oncall.cluster.asked.errors = [error]
    look(oncall)
    assert members_with_access(oncall) == [ANA, BEN]


def members_with_access(world: World) -> list[str]:
    with world.store.reading() as read:
        return sorted(details.request.requester for details in read.automatic_grants())
