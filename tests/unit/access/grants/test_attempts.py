"""Attempts: a call that takes effect late makes a name that was never shown, which is then removed."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.access.backoff import LONGEST_PAUSE
from bot.access.errors import Outage, Unanswered
from bot.access.grants.classification import SETTLING
from bot.access.models.columns import FREE, CredentialKind, Delivery
from bot.access.models.grants import MOST_OTHERS, GrantTask
from bot.access.ports import InventoryItem
from bot.access.requests.drafts import Draft
from bot.access.states import GrantState
from bot.access.store.store import Store
from tests import shown
from tests.fakes import CLAIM, EVERYTHING, OWNER, REQUESTER, World
from tests.unit.access.grants.test_reconciliation import lost, reconcile, there

HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)
KEY, PASSWORD = CredentialKind.API_KEY, CredentialKind.PASSWORD
KINDS = pytest.mark.parametrize("kind", [PASSWORD, KEY])
REVEALED = EVERYTHING.model_copy(update={"delivery": Delivery.REVEAL})


def approved(world: World, kind: CredentialKind = PASSWORD) -> str:
    request_id = world.requests.submit(REQUESTER, Draft("logs-*", "1h", kind=kind, again=True)).request.id
    world.approvals.approve(request_id, OWNER)
    return request_id


def granted(world: World, kind: CredentialKind = PASSWORD) -> str:
    request_id = approved(world, kind)
    world.work()
    return request_id


def dies_with_a_claim(world: World) -> None:
    """Another process claims what is due, and is never heard of again."""
    assert world.on(Store(world.store._engine, "dead")).claim_grants()
    world.clock.advance(CLAIM + SECOND)


def names(world: World, request_id: str) -> tuple[str, str]:
    """The name of the first attempt, and the one in use."""
    grant = world.grant(request_id)
    return grant.first_username, grant.username


def late_call(world: World, request_id: str) -> InventoryItem:
    """A call of the first attempt makes its user, and a search finds it."""
    name = world.grant(request_id).first_username
    world.cluster.users[name] = "never shown"
    item = replace(there(world, request_id), username=name)
    world.cluster.there = [*world.cluster.there, item]
    return item


def shows_what_works(world: World, request_id: str) -> bool:
    grant = world.grant(request_id)
    if grant.key_id is not None:
        return world.notifier.shows(f"secret-of-{grant.key_id}") and grant.key_id in world.cluster.keys[grant.username]
    return world.notifier.shows(f"{grant.username} {world.cluster.users[grant.username]}")


# --- names ---


def test_the_first_attempt_has_the_plain_name_and_later_ones_their_number() -> None:
    grant = shown.grant(attempt=3, attempt_in_use=2)
    assert grant.usernames == ("es-access-7k3f9q-2", "es-access-7k3f9q-3", "es-access-7k3f9q")
    assert [grant.attempt_of(each) for each in grant.usernames] == [2, 3, 1]


def test_an_id_of_digits_is_no_number_of_an_attempt(world: World) -> None:
    """`es-access-123456` would otherwise be an attempt at `es-access`, whose other attempts belong to other people."""
    lost(world, username="es-access-123456", grant_id="REQ-123456")
    reconcile(world)
    assert world.grant("REQ-123456").usernames == ("es-access-123456",)


def test_of_many_attempts_the_newest_are_removed_by_name() -> None:
    grant = shown.grant(attempt=500)
    assert len(grant.usernames) == MOST_OTHERS + 1
    assert grant.usernames[:2] == ("es-access-7k3f9q", "es-access-7k3f9q-500")


# --- a process dies, or a call is not answered ---


@KINDS
def test_a_late_call_of_a_dead_process_makes_a_name_that_was_never_shown(world: World, kind: CredentialKind) -> None:
    request_id = approved(world, kind)
    dies_with_a_claim(world)
    world.work()
    first, used = names(world, request_id)
    assert used == f"{first}-2"
    late_call(world, request_id)
    assert shows_what_works(world, request_id)
    world.clock.advance(SETTLING + SECOND)
    assert reconcile(world).changes == {"earlier_attempts": 1}
    assert first not in world.cluster.users
    assert shows_what_works(world, request_id)
    assert "grant.earlier_attempt_removed" in world.audit(request_id)
    assert not world.work_grants(), "its claim was given back, and nothing is due"


def test_what_a_late_call_made_ends_with_the_grant_too(world: World) -> None:
    request_id = approved(world)
    dies_with_a_claim(world)
    world.work()
    late_call(world, request_id)
    world.grants.revoke(request_id, REQUESTER)
    world.work()
    assert world.cluster.empty
    assert world.grant(request_id).state is GrantState.CLEANED_UP


def test_what_a_late_call_makes_after_the_end_is_found_and_removed(world: World) -> None:
    request_id = approved(world)
    dies_with_a_claim(world)
    world.work()
    world.grants.revoke(request_id, REQUESTER)
    world.work()
    late_call(world, request_id)
    world.clock.advance(SETTLING + SECOND)
    assert reconcile(world).changes == {"found_again": 1}
    world.work()
    assert world.cluster.empty


def test_a_name_older_than_those_that_an_end_looks_for_is_removed_when_it_is_found(world: World) -> None:
    """Somebody may press Reveal again and again while the cluster hangs."""
    request_id = granted(world)
    with world.store.writing() as write:
        grant = write.claim_grant(request_id, world.clock.now(), world.clock.now() + SECOND)
        assert grant is not None
        write.change(grant, "grant.reveal_delayed", REQUESTER, world.clock.now(), {}, attempt=MOST_OTHERS + 10, **FREE)
    world.grants.revoke(request_id, REQUESTER)
    world.work()
    old = replace(there(world, request_id), username=f"{world.grant(request_id).first_username}-5")
    world.cluster.users[old.username] = "never shown"
    world.cluster.there = [old]
    world.clock.advance(SETTLING + SECOND)
    reconcile(world)
    world.work()
    assert world.cluster.empty


def test_a_start_after_a_death_is_another_attempt(world: World) -> None:
    request_id = approved(world)
    world.on(Store(world.store._engine, "dead")).claim_grants()
    world.store.release_all_claims()
    world.work()
    first, used = names(world, request_id)
    assert used == f"{first}-2"


@pytest.mark.parametrize(
    ("error", "number"), [(Unanswered("timed out"), 2), (Outage("away before anything was changed"), 1)]
)
def test_only_a_call_without_an_answer_makes_the_next_one_another_attempt(
    world: World, error: Outage, number: int
) -> None:
    request_id = approved(world)
    world.cluster.creating.errors = [error]
    world.work()
    world.clock.advance(LONGEST_PAUSE)
    world.work()
    grant = world.grant(request_id)
    assert (grant.state, grant.attempt, grant.attempt_in_use) == (GrantState.ACTIVE, number, number)
    assert set(world.cluster.users) == set(world.cluster.roles) == {grant.username}
    assert shows_what_works(world, request_id)


def test_an_outage_of_slack_makes_no_other_name(world: World) -> None:
    request_id = approved(world)
    world.notifier.delivering.errors = [Outage("Slack is away")] * 3
    for _ in range(4):
        world.work()
        world.clock.advance(LONGEST_PAUSE)
    grant = world.grant(request_id)
    assert (grant.state, grant.username) == (GrantState.ACTIVE, grant.first_username)


def test_a_change_of_a_process_that_lost_its_claim_does_not_count(world: World) -> None:
    """Two processes may not come to the same number: the late one would make the name in use."""
    approved(world)
    (stale,) = world.on(Store(world.store._engine, "stands still")).claim_grants()
    world.clock.advance(CLAIM + SECOND)
    (mine,) = world.claim_grants()
    assert (mine.attempt, mine.version) == (stale.attempt + 1, stale.version + 1)


def test_a_claim_that_was_given_back_counts_nothing(world: World) -> None:
    request_id = granted(world)
    with world.store.writing() as write:
        now = world.clock.now()
        grant = write.claim_grant(request_id, now, now + CLAIM)
        assert grant is not None
        write.postpone(grant, grant.expires_at)
    world.clock.advance(CLAIM + SECOND)
    assert world.grant(request_id).attempt == 1


# --- a fresh secret ---


@KINDS
def test_a_reset_keeps_the_name_that_people_know(world: World, kind: CredentialKind) -> None:
    request_id = granted(world, kind)
    world.grants.reset(request_id, REQUESTER)
    world.work()
    assert names(world, request_id)[1] == names(world, request_id)[0]
    assert shows_what_works(world, request_id)


@KINDS
@pytest.mark.parametrize("how", ["no answer", "dead"])
def test_a_reset_after_one_that_may_still_come_has_another_name(world: World, kind: CredentialKind, how: str) -> None:
    request_id = granted(world, kind)
    world.grants.reset(request_id, REQUESTER)
    if how == "dead":
        dies_with_a_claim(world)
    else:
        world.cluster.creating.errors = [Unanswered("timed out")]
        world.work()
        world.clock.advance(LONGEST_PAUSE)
    world.work()
    first, used = names(world, request_id)
    assert used == f"{first}-2"
    assert shows_what_works(world, request_id)
    assert first not in world.cluster.users
    assert first not in world.cluster.keys, "the one before it stops"
    assert (world.grant(request_id).task, world.grant(request_id).state) == (None, GrantState.ACTIVE)
    assert "grant.renamed" in world.audit(request_id)


def test_a_reset_under_another_name_does_not_bring_back_what_was_removed_by_hand(world: World) -> None:
    request_id = granted(world)
    world.grants.reset(request_id, REQUESTER)
    dies_with_a_claim(world)
    world.cluster.users.clear()
    world.work()
    assert world.cluster.empty
    assert world.grant(request_id).end_reason == "it was removed from the cluster by hand"


def test_the_old_user_works_until_the_new_one_is_delivered(world: World) -> None:
    request_id = granted(world)
    world.grants.reset(request_id, REQUESTER)
    dies_with_a_claim(world)
    world.notifier.delivering.errors = [Outage("Slack is away")]
    world.work()
    first, used = names(world, request_id)
    assert used == first
    assert first in world.cluster.users


@KINDS
@pytest.mark.parametrize("how", ["no answer", "dead"])
def test_a_reveal_after_one_that_may_still_come_has_another_name(world: World, kind: CredentialKind, how: str) -> None:
    request_id = granted(world.under(REVEALED), kind)
    if how == "dead":
        with world.store.writing() as write:
            now = world.clock.now()
            assert write.claim_grant(request_id, now, now + CLAIM)
        world.clock.advance(2 * CLAIM)
    else:
        world.cluster.creating.errors = [Unanswered("timed out")]
        with pytest.raises(Outage):
            world.grants.reveal(request_id, REQUESTER)
    _, credential = world.grants.reveal(request_id, REQUESTER)
    first, used = names(world, request_id)
    assert credential.username == used == f"{first}-2"
    assert first not in world.cluster.users
    assert world.grant(request_id).claimed_by is None


def test_an_extension_that_is_taken_over_keeps_user_and_password(world: World) -> None:
    request_id = granted(world)
    extension = world.requests.extend(REQUESTER, request_id, "30m").request
    world.approvals.approve(extension.id, OWNER)
    dies_with_a_claim(world)
    world.work()
    assert names(world, request_id)[1] == names(world, request_id)[0]
    assert shows_what_works(world, request_id)


def test_an_end_that_a_late_call_set_back_is_written_again(world: World) -> None:
    """Should the database be lost, access would end by the end that stands in the cluster."""
    request_id = granted(world)
    item = there(world, request_id)
    extension = world.requests.extend(REQUESTER, request_id, "30m").request
    world.approvals.approve(extension.id, OWNER)
    world.work()
    world.clock.advance(SETTLING + SECOND)
    world.cluster.there = [item]
    reconcile(world)
    assert world.grant(request_id).task is GrantTask.EXTEND
    world.cluster.roles.clear()
    world.work()
    assert world.cluster.roles[names(world, request_id)[0]].expires_at == world.grant(request_id).expires_at


# --- the database was lost or restored ---


def test_of_a_lost_grant_the_latest_attempt_is_taken_over_and_the_others_go(world: World) -> None:
    early = lost(world)
    late = replace(early, username="es-access-7k3f9q-2")
    world.cluster.users[late.username] = "shown"
    world.cluster.there = [early, late]
    assert reconcile(world).changes == {"adopted": 1}
    grant = world.grant("REQ-7K3F9Q")
    assert (grant.username, grant.attempt) == ("es-access-7k3f9q-2", 2)
    world.clock.advance(SETTLING + SECOND)
    assert reconcile(world).changes == {"earlier_attempts": 1}
    assert set(world.cluster.users) == {late.username}
    world.clock.advance(HOUR)
    world.work()
    assert world.cluster.empty


def test_a_restored_database_takes_up_the_attempt_that_it_does_not_know(world: World) -> None:
    request_id = granted(world)
    first = names(world, request_id)[0]
    item = there(world, request_id)
    world.cluster.users[f"{first}-3"] = "shown"
    world.cluster.there = [item, replace(item, username=f"{first}-3")]
    world.clock.advance(SETTLING + SECOND)
    reconcile(world)
    grant = world.grant(request_id)
    assert (grant.username, grant.attempt) == (f"{first}-3", 3)
    assert reconcile(world).changes == {"earlier_attempts": 1}
    assert set(world.cluster.users) == {f"{first}-3"}


def test_an_attempt_that_is_in_hand_is_left_alone(world: World) -> None:
    request_id = granted(world)
    world.clock.advance(SETTLING + SECOND)
    late_call(world, request_id)
    world.grants.reset(request_id, REQUESTER)
    assert reconcile(world).changes == {}
