"""Personal roles compared with the database: lost, left over, changed by hand, deleted, without an account."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.access.accounts.account import PersonalRole
from bot.access.grants.adoption import Adoption
from bot.access.grants.classification import SETTLING
from bot.access.grants.clock_skew import ClockSkewMonitor
from bot.access.grants.reconciliation import Reconciliation, ReconciliationResult
from bot.access.models.columns import CredentialKind
from bot.access.ports import CredentialSpec, Privileges
from bot.access.states import EndReason, GrantState
from tests.fakes import OWNER, REQUESTER, STRANGER, World
from tests.unit.access.grants.test_own_accounts import ALICE, ROLE, accounts, granted, world

__all__ = ["world"]

HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)


def reconcile(world: World) -> ReconciliationResult:
    [integration] = world.current.policy.integrations
    clocks = ClockSkewMonitor(world.store, world.clusters, world.directory, world.current, world.clock)
    adoption = Adoption(world.directory, world.current)
    found = Reconciliation(
        world.store, world.clusters, adoption, clocks, world.roles, world.current, world.clock
    ).reconcile(integration)
    assert found is not None
    assert not found.error
    return found


def settled(world: World, patterns: str = "logs-*", duration: str = "2h") -> str:
    request_id = granted(world, patterns, duration)
    world.clock.advance(SETTLING + SECOND)
    return request_id


def part(grant_id: str, until: timedelta, world: World) -> CredentialSpec:
    privileges = Privileges(("read", "view_index_metadata"))
    return CredentialSpec(grant_id, ROLE, REQUESTER, ("logs-*",), privileges, world.clock.now() + until)


def found_there(world: World, *parts: CredentialSpec) -> None:
    """A role that the database does not know."""
    accounts(world).roles[ROLE] = PersonalRole(ROLE, REQUESTER, ALICE, parts)


def test_a_role_as_it_was_written_is_left_alone(world: World) -> None:
    settled(world)
    written = len(accounts(world).written)
    assert reconcile(world).changes == {}
    assert len(accounts(world).written) == written


def test_what_a_lost_database_does_not_know_is_adopted_and_ends_on_time(world: World) -> None:
    found_there(world, part("REQ-7K3F9Q", HOUR, world))
    assert reconcile(world).adopted == ["REQ-7K3F9Q"]
    details = world.request_details("REQ-7K3F9Q")
    assert details.request.kind is CredentialKind.OWN_ACCOUNT
    assert (details.request.account or {})["username"] == ALICE.username
    assert accounts(world).holds(REQUESTER) == {"REQ-7K3F9Q": ("logs-*",)}
    world.clock.advance(HOUR)
    world.work()
    assert (world.state("REQ-7K3F9Q"), accounts(world).roles) == (GrantState.CLEANED_UP, {})


def test_of_an_unknown_role_exactly_what_has_ended_is_taken(world: World) -> None:
    found_there(world, part("REQ-7K3F9Q", HOUR, world), part("REQ-000001", -SECOND, world))
    outcome = reconcile(world)
    assert (outcome.adopted, outcome.ended) == (["REQ-7K3F9Q"], ["REQ-000001"])
    assert list(accounts(world).holds(REQUESTER)) == ["REQ-7K3F9Q"]


def test_an_adopted_grant_is_joined_by_the_next_one(world: World) -> None:
    found_there(world, part("REQ-7K3F9Q", 3 * HOUR, world))
    reconcile(world)
    new = granted(world, "metrics-*")
    assert accounts(world).holds(REQUESTER) == {"REQ-7K3F9Q": ("logs-*",), new: ("metrics-*",)}


def test_a_role_for_an_account_that_is_somebody_elses_is_ended(world: World) -> None:
    settled(world)
    other = "es-access-own-u0stranger"
    accounts(world).roles[other] = PersonalRole(other, STRANGER, ALICE, (part("REQ-7K3F9Q", HOUR, world),))
    assert reconcile(world).ended == ["REQ-7K3F9Q"]
    assert list(accounts(world).roles) == [ROLE]


@pytest.mark.parametrize(
    "change",
    [
        lambda role, _world: replace(role, parts=()),
        lambda role, world: replace(role, parts=(*role.parts, part("REQ-000001", -SECOND, world))),
        lambda role, _world: replace(role, parts=tuple(replace(each, patterns=("*",)) for each in role.parts)),
    ],
    ids=["a part was taken", "a part that is over", "more than was approved"],
)
def test_a_role_that_was_changed_by_hand_is_set_right_and_owners_are_told(
    world: World, change: Callable[[PersonalRole, World], PersonalRole]
) -> None:
    request_id = settled(world)
    accounts(world).roles[ROLE] = change(accounts(world).roles[ROLE], world)
    accounts(world).by_hand.add(ROLE)
    assert reconcile(world).set_right == [ROLE]
    assert accounts(world).holds(REQUESTER) == {request_id: ("logs-*",)}
    world.work()
    assert world.notifier.shows(f"Somebody changed the role {ROLE}")
    assert reconcile(world).changes == {}


def test_a_role_that_was_deleted_by_hand_ends_the_access(world: World) -> None:
    request_id = settled(world)
    accounts(world).roles.clear()
    assert reconcile(world).removed_by_hand == [request_id]
    world.work()
    assert world.grant(request_id).end_reason == EndReason.REMOVED_BY_HAND
    assert world.state(request_id) is GrantState.CLEANED_UP


def test_access_ends_when_its_account_cannot_be_used_any_more(world: World) -> None:
    request_id = settled(world)
    accounts(world).unusable.add(ALICE.username)
    assert reconcile(world).ended == [request_id]
    world.work()
    assert world.grant(request_id).end_reason == EndReason.ACCOUNT_UNUSABLE
    assert accounts(world).roles == {}


def test_access_that_began_just_now_is_not_compared(world: World) -> None:
    granted(world)
    accounts(world).roles.clear()  # a search does not show it yet
    assert reconcile(world).changes == {}


def test_an_end_outlives_a_call_that_arrives_after_all_looks(world: World) -> None:
    request_id = settled(world)
    late = accounts(world).roles[ROLE]
    world.grants.revoke(request_id, OWNER)
    world.work()
    world.clock.advance(HOUR)
    accounts(world).roles[ROLE] = late
    assert reconcile(world).ended == [request_id]
    assert accounts(world).roles == {}
