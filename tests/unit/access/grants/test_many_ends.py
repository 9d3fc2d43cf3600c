"""Many grants that end at once, users kept for some days, and removals that the cluster refuses."""

from datetime import timedelta

import pytest

from bot.access.errors import Outage, Refusal
from bot.access.grants.revocation import ATTEMPTS_BEFORE_OWNERS_HEAR
from bot.access.models.messages import MessageKind
from bot.access.policy.model import Integration
from bot.access.ports import CredentialSpec
from bot.access.states import GrantState
from bot.access.store.store import Store
from tests.fakes import EVERYTHING, OWNER, PRODUCTION, REQUESTER, SECOND_OWNER, World

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def many(world: World, count: int = 5) -> list[str]:
    return [world.granted() for _ in range(count)]


def end_together(world: World) -> None:
    world.revocation.work(world.claim_grants())


def keeping(world: World, days: int = 3) -> World:
    policy = world.current.policy
    kept: Integration = PRODUCTION.model_copy(update={"user_cleanup_days": days})
    world.current.policy = policy.model_copy(update={"integrations": (kept,)})
    return world


def test_they_are_taken_from_the_cluster_together_and_each_has_its_receipt(world: World) -> None:
    ids = many(world)
    world.clock.advance(HOUR)
    end_together(world)
    assert world.cluster.removed_together == [5]
    assert world.cluster.empty
    for each in ids:
        assert world.grant(each).state is GrantState.CLEANED_UP
        assert world.audit(each)[-3:] == ["grant.revoking", "grant.revoked", "grant.cleaned_up"]
        assert (world.grant(each).receipt or {})["user_gone"] is True
    world.work()
    assert world.notifier.sent(MessageKind.ENDED).count(REQUESTER) == 5
    assert world.notifier.sent(MessageKind.ENDED).count(OWNER) == 5


def test_one_that_cannot_be_ended_does_not_hold_up_the_others(world: World) -> None:
    ids = many(world)
    world.clock.advance(HOUR)
    world.cluster.removing.errors = [Outage("away")]
    end_together(world)
    states = [world.grant(each).state for each in ids]
    assert sorted(states) == [*[GrantState.CLEANED_UP] * 4, GrantState.REVOKING]
    world.clock.advance(timedelta(seconds=2))
    world.work()
    assert world.cluster.empty


def test_one_that_is_extended_at_the_last_moment_lives_on_and_the_others_end(world: World) -> None:
    first, *others = many(world)
    extension = world.requests.extend(REQUESTER, first, "30m").request
    world.clock.advance(HOUR)
    claimed = world.claim_grants()
    world.clock.time -= timedelta(seconds=1)
    world.on(Store(world.store._engine, "other")).approvals.approve(extension.id, OWNER)
    world.clock.advance(timedelta(seconds=1))
    world.revocation.work(claimed)
    assert world.grant(first).state is GrantState.ACTIVE
    assert {world.grant(each).state for each in others} == {GrantState.CLEANED_UP}
    assert list(world.cluster.users) == [world.grant(first).username]
    assert world.work_grants() == 1, "the cluster is told of the extension"


def test_an_end_that_another_process_has_finished_is_not_finished_twice(world: World) -> None:
    ids = many(world, 3)
    world.clock.advance(HOUR)
    claimed = world.claim_grants()
    other = world.on(Store(world.store._engine, "other"))
    world.clock.advance(timedelta(minutes=2))  # this process was stopped for longer than its claim holds
    end_together(other)
    world.revocation.work(claimed)
    world.work()
    for each in ids:
        assert world.audit(each).count("grant.cleaned_up") == 1
    assert world.notifier.sent(MessageKind.ENDED).count(REQUESTER) == 3


def test_a_refusal_is_told_to_the_owners_at_once_and_tried_again_for_ever(world: World) -> None:
    request_id = world.granted()
    world.cluster.removing.errors = [Refusal("Elasticsearch answered 403 security_exception")] * 3
    world.clock.advance(HOUR)
    world.work()
    assert world.grant(request_id).state is GrantState.REVOCATION_FAILED
    assert world.notifier.sent(MessageKind.FAILED) == [OWNER, SECOND_OWNER]
    for _ in range(5):
        world.clock.advance(2 * HOUR)
        world.work()
    assert world.grant(request_id).state is GrantState.CLEANED_UP
    assert world.cluster.empty


def test_an_outage_is_told_to_the_owners_after_a_few_seconds(world: World) -> None:
    request_id = world.granted()
    world.cluster.removing.errors = [Outage("away")] * 100
    world.clock.advance(HOUR)
    began = world.clock.now()
    while world.grant(request_id).state is not GrantState.REVOCATION_FAILED:
        world.work_grants()
        world.clock.advance(timedelta(seconds=0.5))
    assert world.grant(request_id).attempts == ATTEMPTS_BEFORE_OWNERS_HEAR
    assert world.clock.now() - began < timedelta(seconds=6)


# --- users that are kept for some days ---


def test_a_kept_user_is_disabled_and_deleted_days_later(world: World) -> None:
    request_id = keeping(world).granted()
    world.clock.advance(HOUR)
    world.work()
    grant = world.grant(request_id)
    assert (grant.state, grant.due_at) == (GrantState.REVOKED, world.clock.now() + 3 * DAY)
    assert world.cluster.disabled == {grant.username}
    assert (world.cluster.users, world.cluster.roles) == ({}, {})
    assert (grant.receipt or {})["user_disabled"] is True
    assert world.notifier.sent(MessageKind.ENDED) == [REQUESTER, OWNER]
    world.clock.advance(3 * DAY)
    world.work()
    assert world.grant(request_id).state is GrantState.CLEANED_UP
    assert world.cluster.empty
    assert world.notifier.sent(MessageKind.ENDED) == [REQUESTER, OWNER], "they have heard of it"


def test_a_kept_user_that_cannot_be_deleted_is_tried_again(world: World) -> None:
    request_id = keeping(world).granted()
    world.clock.advance(HOUR)
    world.work()
    world.cluster.removing.errors = [Outage("away")] * 4
    world.clock.advance(3 * DAY)
    for _ in range(6):
        world.work()
        world.clock.advance(timedelta(minutes=2))
    assert world.grant(request_id).state is GrantState.CLEANED_UP
    assert world.notifier.sent(MessageKind.FAILED) == [], "it cannot be used, so nobody has to act"


def test_without_days_nothing_is_kept(world: World) -> None:
    request_id = world.under(EVERYTHING).granted()
    world.clock.advance(HOUR)
    world.work()
    assert world.grant(request_id).state is GrantState.CLEANED_UP
    assert world.cluster.empty


@pytest.mark.parametrize("made", ["user", "role"])
def test_what_was_half_made_is_taken_away_whole(world: World, made: str) -> None:
    request_id = world.ask()
    world.approvals.approve(request_id, OWNER)
    world.cluster.creating.errors = [Refusal("no")]
    world.work()
    if made == "user":
        username = world.grant(request_id).username
        assert isinstance(world.cluster.roles.get(username), CredentialSpec | None)
    assert world.cluster.empty
