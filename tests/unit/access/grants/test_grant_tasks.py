"""Tasks of a live grant: API keys, extensions, resets and reveals."""

from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest

from bot.access.backoff import LONGEST_PAUSE
from bot.access.errors import Conflict, NotFound, Outage, Refusal
from bot.access.models.columns import CredentialKind, Delivery
from bot.access.models.grants import Grant, GrantTask
from bot.access.models.messages import MessageKind
from bot.access.requests.drafts import Draft
from bot.access.states import EndReason, GrantState
from bot.access.store.store import Store
from tests.fakes import CLAIM, EVERYTHING, OWNER, REQUESTER, STRANGER, World

HOUR = timedelta(hours=1)
KEY, PASSWORD = CredentialKind.API_KEY, CredentialKind.PASSWORD
KINDS = pytest.mark.parametrize("kind", [PASSWORD, KEY])

REVEALED = EVERYTHING.model_copy(update={"delivery": Delivery.REVEAL})


def asked(world: World, kind: CredentialKind) -> str:
    request_id = world.requests.submit(REQUESTER, Draft("logs-*", "1h", kind=kind, again=True)).request.id
    world.approvals.approve(request_id, OWNER)
    return request_id


def granted(world: World, kind: CredentialKind) -> str:
    request_id = asked(world, kind)
    world.work()
    assert world.grant(request_id).state is GrantState.ACTIVE
    return request_id


def extended(world: World, request_id: str) -> None:
    extension = world.requests.extend(REQUESTER, request_id, "30m").request
    world.approvals.approve(extension.id, OWNER)


def live_keys(world: World) -> list[str]:
    return [key for keys in world.cluster.keys.values() for key in keys]


# --- API keys ---


def test_a_key_is_delivered_and_no_user_or_role_is_left(world: World) -> None:
    request_id = granted(world, KEY)
    assert (world.cluster.users, world.cluster.roles) == ({}, {})
    assert live_keys(world) == [world.grant(request_id).key_id] == ["key-0"]
    assert world.notifier.shows("secret-of-key-0")


def test_a_key_ends_as_a_password_does(world: World) -> None:
    request_id = granted(world, KEY)
    world.clock.advance(HOUR)
    world.work()
    assert world.grant(request_id).state is GrantState.CLEANED_UP
    assert world.cluster.empty
    assert (world.grant(request_id).receipt or {})["keys_ended"] == 1
    assert not world.notifier.shows("secret-of-key-0")


def test_extending_a_key_delivers_another_one_that_lasts_as_long_and_ends_the_first(world: World) -> None:
    request_id = granted(world, KEY)
    extended(world, request_id)
    world.work()
    grant = world.grant(request_id)
    assert (live_keys(world), grant.key_id, grant.task) == (["key-1"], "key-1", None)
    assert world.cluster.keys[grant.username]["key-1"] == grant.expires_at
    assert world.notifier.shows("secret-of-key-1")
    assert not world.notifier.shows("secret-of-key-0")


def test_the_first_key_works_until_its_successor_is_delivered(world: World) -> None:
    request_id = granted(world, KEY)
    extended(world, request_id)
    world.notifier.delivering.errors = [Outage("Slack is away")]
    world.work()
    assert live_keys(world) == ["key-0", "key-1"]
    assert world.grant(request_id).key_id == "key-0"
    world.clock.advance(LONGEST_PAUSE)
    world.work()
    assert live_keys(world) == ["key-2"], "and whatever was made on the way is gone"
    assert world.notifier.shows("secret-of-key-2")


def test_a_key_that_was_lost_on_the_way_does_not_live_on(world: World) -> None:
    asked(world, KEY)
    world.notifier.delivering.errors = [Outage("Slack is away")]
    world.work()
    assert live_keys(world) == ["key-0"]
    world.clock.advance(LONGEST_PAUSE)
    world.work()
    assert live_keys(world) == ["key-1"]


# --- extensions ---


def test_extending_a_password_tells_the_cluster_the_new_end_and_changes_nothing_else(world: World) -> None:
    request_id = granted(world, PASSWORD)
    password = world.cluster.passwords[0]
    extended(world, request_id)
    world.work()
    grant = world.grant(request_id)
    assert world.cluster.users == {grant.username: password}
    assert world.cluster.roles[grant.username].expires_at == grant.expires_at
    assert world.notifier.shows(password)
    assert len(world.cluster.passwords) == 1


@KINDS
def test_an_extension_that_cannot_reach_the_cluster_still_holds_and_ends_on_time(
    world: World, kind: CredentialKind
) -> None:
    request_id = granted(world, kind)
    extended(world, request_id)
    world.cluster.creating.errors = [Outage("away")] * 1000
    world.work()
    world.clock.advance(HOUR)
    world.work()
    assert world.grant(request_id).state is GrantState.ACTIVE
    world.clock.advance(timedelta(minutes=30))
    world.work()
    assert world.grant(request_id).state is GrantState.CLEANED_UP
    assert world.cluster.empty


@pytest.mark.parametrize("task", ["extend", "reset"])
def test_a_user_that_was_removed_by_hand_is_not_made_anew(world: World, task: str) -> None:
    request_id = granted(world, PASSWORD)
    world.cluster.users.clear()
    if task == "extend":
        extended(world, request_id)
    else:
        world.grants.reset(request_id, REQUESTER)
    world.work()
    assert world.cluster.empty
    grant = world.grant(request_id)
    assert (grant.state, grant.end_reason) == (GrantState.CLEANED_UP, EndReason.REMOVED_BY_HAND)
    assert REQUESTER in world.notifier.sent(MessageKind.ENDED)


# --- a fresh secret ---


@KINDS
def test_a_reset_shows_a_fresh_secret_in_the_place_of_the_old_one_which_stops(
    world: World, kind: CredentialKind
) -> None:
    request_id = granted(world, kind)
    before = world.cluster.passwords[0] if kind is PASSWORD else "secret-of-key-0"
    end = world.grant(request_id).expires_at
    world.grants.reset(request_id, REQUESTER)
    world.work()
    grant = world.grant(request_id)
    assert (grant.state, grant.expires_at, grant.task) == (GrantState.ACTIVE, end, None)
    assert not world.notifier.shows(before)
    if kind is PASSWORD:
        assert world.notifier.shows(world.cluster.users[grant.username])
    else:
        assert live_keys(world) == [grant.key_id] == ["key-1"]
    assert world.audit(request_id)[-2:] == ["grant.reset", "grant.renewed"]


def test_a_reset_after_an_extension_lasts_as_long(world: World) -> None:
    request_id = granted(world, KEY)
    world.grants.reset(request_id, REQUESTER)
    extended(world, request_id)
    assert world.grant(request_id).task is GrantTask.RENEW
    world.work()
    grant = world.grant(request_id)
    assert list(world.cluster.keys[grant.username].values()) == [grant.expires_at]


@pytest.mark.parametrize(
    ("who", "prepare", "error"),
    [
        (OWNER, lambda _world, _id: None, NotFound),
        (STRANGER, lambda _world, _id: None, NotFound),
        (REQUESTER, lambda world, name: world.grants.revoke(name, REQUESTER), Conflict),
    ],
)
def test_a_reset_is_the_requesters_alone_and_of_what_lives(
    world: World, who: str, prepare: Callable[[World, str], object], error: type[Exception]
) -> None:
    request_id = granted(world, PASSWORD)
    prepare(world, request_id)
    with pytest.raises(error):
        world.grants.reset(request_id, who)


def test_a_reset_that_the_cluster_refuses_keeps_the_grant_and_is_tried_again(world: World) -> None:
    request_id = granted(world, PASSWORD)
    world.grants.reset(request_id, REQUESTER)
    world.cluster.creating.errors = [Refusal("no privilege")]
    world.work()
    assert (world.grant(request_id).state, world.grant(request_id).task) == (GrantState.ACTIVE, GrantTask.RENEW)
    world.clock.advance(timedelta(seconds=2))
    world.work()
    assert world.grant(request_id).task is None


# --- revealing ---


@KINDS
def test_what_is_revealed_stands_in_no_message(world: World, kind: CredentialKind) -> None:
    request_id = granted(world.under(REVEALED), kind)
    made = list(world.cluster.passwords)
    assert not any(world.notifier.shows(each) for each in [*made, "secret-of"])
    _, credential = world.grants.reveal(request_id, REQUESTER)
    shown = credential.secret.get_secret_value()
    assert not world.notifier.shows(shown)
    if kind is PASSWORD:
        assert world.cluster.users[credential.username] == shown != made[0]
    else:
        assert live_keys(world) == [credential.key_id] == [world.grant(request_id).key_id]


@KINDS
def test_revealing_again_replaces_what_was_shown(world: World, kind: CredentialKind) -> None:
    request_id = granted(world.under(REVEALED), kind)
    first = world.grants.reveal(request_id, REQUESTER)[1]
    second = world.grants.reveal(request_id, REQUESTER)[1]
    assert first.secret != second.secret
    if kind is PASSWORD:
        assert world.cluster.users[second.username] == second.secret.get_secret_value()
    else:
        assert live_keys(world) == [second.key_id]
    assert world.audit(request_id).count("grant.revealed") == 2


def test_revealing_is_the_requesters_alone_and_of_what_lives(world: World) -> None:
    request_id = granted(world.under(REVEALED), PASSWORD)
    for who in (OWNER, STRANGER):
        with pytest.raises(NotFound):
            world.grants.reveal(request_id, who)
    world.clock.advance(HOUR)
    with pytest.raises(Conflict):
        world.grants.reveal(request_id, REQUESTER)
    world.work()
    with pytest.raises(Conflict, match="has already ended"):
        world.grants.reveal(request_id, REQUESTER)
    assert world.cluster.empty


def test_what_stands_in_a_message_is_not_revealed_and_the_other_way_round(world: World) -> None:
    request_id = granted(world, PASSWORD)
    with pytest.raises(Conflict, match="stands in its message"):
        world.grants.reveal(request_id, REQUESTER)
    revealed = granted(world.under(REVEALED), PASSWORD)
    with pytest.raises(Conflict, match="Press Reveal"):
        world.grants.reset(revealed, REQUESTER)


@KINDS
def test_an_end_during_a_reveal_shows_nothing_and_leaves_nothing(world: World, kind: CredentialKind) -> None:
    request_id = granted(world.under(REVEALED), kind)
    other = world.on(Store(world.store._engine, "other"))

    def ending() -> None:
        other.grants.revoke(request_id, REQUESTER)
        assert other.work_grants() == 0, "it is in hand"

    world.cluster.before_renew = ending
    with pytest.raises(Conflict, match="has changed meanwhile"):
        world.grants.reveal(request_id, REQUESTER)
    world.work()
    assert world.grant(request_id).state is GrantState.CLEANED_UP
    assert world.cluster.empty


def test_a_second_click_while_the_first_is_at_it_is_told_so(world: World) -> None:
    request_id = granted(world.under(REVEALED), PASSWORD)
    other = world.on(Store(world.store._engine, "other"))

    def meanwhile() -> None:
        with pytest.raises(Conflict, match="being changed at this moment"):
            other.grants.reveal(request_id, REQUESTER)

    world.cluster.before_renew = meanwhile
    assert world.grants.reveal(request_id, REQUESTER)[1].kind is PASSWORD


def test_a_reveal_that_fails_lets_go_of_the_grant(world: World) -> None:
    request_id = granted(world.under(REVEALED), PASSWORD)
    world.cluster.creating.errors = [Outage("away")]
    with pytest.raises(Outage):
        world.grants.reveal(request_id, REQUESTER)
    world.work()
    assert world.grants.reveal(request_id, REQUESTER)[1].kind is PASSWORD
    world.clock.advance(HOUR + CLAIM)
    world.work()
    assert world.cluster.empty


# --- two processes with the same grant in hand ---


def frozen(world: World, request_id: str, grants: Sequence[Grant]) -> Callable[..., None]:
    """Pauses this process for longer than its claims last, while another process does all the work."""
    other = world.on(Store(world.store._engine, "other"))
    happened: list[bool] = []

    def stand_still(*_: object) -> None:
        if not happened:
            happened.append(True)
            world.clock.advance(CLAIM + timedelta(seconds=1))
            assert other.work_grants() == 1
            assert other.grant(request_id).state is GrantState.ACTIVE
            assert grants

    return stand_still


@pytest.mark.parametrize("where", ["before the cluster is called", "before the secret is shown"])
def test_a_process_that_stood_still_leaves_no_dead_secret_behind(world: World, where: str) -> None:
    request_id = asked(world, PASSWORD)
    claimed = world.claim_grants()
    stand_still = frozen(world, request_id, claimed)
    if where == "before the cluster is called":
        world.cluster.before_create = stand_still
    else:
        world.notifier.before_deliver = stand_still
    world.work_on(*claimed)
    world.work()
    grant = world.grant(request_id)
    assert (grant.state, grant.task) == (GrantState.ACTIVE, None)
    assert world.notifier.shows(world.cluster.users[grant.username])
    assert "grant.taken_over" in world.audit(request_id)


def test_a_key_that_a_process_made_after_it_stood_still_is_not_the_one_that_is_shown(world: World) -> None:
    request_id = asked(world, KEY)
    claimed = world.claim_grants()
    world.cluster.before_renew = frozen(world, request_id, claimed)
    world.work_on(*claimed)
    world.work()
    grant = world.grant(request_id)
    assert live_keys(world) == [grant.key_id]
    assert world.notifier.shows(f"secret-of-{grant.key_id}")


def test_what_was_shown_after_the_end_is_taken_out_again(world: World) -> None:
    request_id = asked(world, PASSWORD)
    claimed = world.claim_grants()
    other = world.on(Store(world.store._engine, "other"))

    def ended_meanwhile() -> None:
        world.notifier.before_deliver = lambda: None
        world.clock.advance(CLAIM + timedelta(seconds=1))
        other.work()
        other.grants.revoke(request_id, REQUESTER)
        other.work()
        assert other.grant(request_id).state is GrantState.CLEANED_UP

    world.notifier.before_deliver = ended_meanwhile
    world.work_on(*claimed)
    world.work()
    assert world.cluster.empty
    assert not any(world.notifier.shows(each) for each in world.cluster.passwords)
