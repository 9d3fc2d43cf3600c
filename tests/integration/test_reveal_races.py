"""Reveal concurrent with every other change of a grant, on each database."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from threading import Event

import pytest

from bot.access.claims import REVEAL_CLAIM
from bot.access.errors import Conflict, NotFound, Outage, Refusal
from bot.access.models.columns import CredentialKind, Delivery
from bot.access.models.grants import GrantTask
from bot.access.models.request_details import RequestDetails
from bot.access.policy.access_flow import AccessFlow
from bot.access.ports import Credential, CredentialSpec
from bot.access.requests.drafts import Draft
from bot.access.states import GrantState
from tests.fakes import OWNER, REQUESTER, World
from tests.together import at_once

ROUNDS = 10
"""Rounds of each race: enough to see either outcome."""

PASSWORD, KEY = CredentialKind.PASSWORD, CredentialKind.API_KEY

BOTH = pytest.mark.parametrize("kind", [PASSWORD, KEY])


@pytest.fixture
def world(world: World) -> World:
    """The domain on a store of each kind, with delivery by reveal."""
    return world.under(AccessFlow(name="everyone", owners="integration", delivery=Delivery.REVEAL))


def ready(world: World, kind: CredentialKind) -> str:
    """A grant that is not yet revealed."""
    request = world.requests.submit(REQUESTER, Draft("logs-*", "1h", kind=kind, again=True)).request.id
    world.approvals.approve(request, OWNER)
    world.work()
    assert world.grant(request).state is GrantState.ACTIVE
    return request


def credentials(answers: list[object]) -> list[Credential]:
    return [answer[1] for answer in answers if isinstance(answer, tuple)]


def is_alive(world: World, credential: Credential) -> bool:
    """Whether the cluster accepts it."""
    if credential.key_id is not None:
        return credential.key_id in world.cluster.keys.get(credential.username, {})
    return world.cluster.users.get(credential.username) == credential.secret.get_secret_value()


@BOTH
def test_two_clicks_at_once_show_at_most_one_secret_that_works(
    world: World, other: World, kind: CredentialKind
) -> None:
    request = ready(world, kind)
    for _ in range(ROUNDS):
        answers = at_once(*(partial(on.grants.reveal, request, REQUESTER) for on in (world, other)))
        shown = credentials(answers)
        assert shown
        assert sum(is_alive(world, each) for each in shown) == 1
        assert all(isinstance(each, Conflict) for each in answers if not isinstance(each, tuple))
        assert world.grant(request).claimed_by is None
    assert len(world.cluster.keys.get(world.grant(request).username, {})) == (1 if kind is KEY else 0)


@BOTH
def test_a_revocation_at_the_same_moment_ends_what_was_revealed(
    world: World, other: World, kind: CredentialKind
) -> None:
    for _ in range(ROUNDS):
        request = ready(world, kind)
        at_once(
            partial(world.grants.reveal, request, REQUESTER),
            partial(other.grants.revoke, request, OWNER),
            other.work_grants,
        )
        world.work()
        assert world.grant(request).state is GrantState.CLEANED_UP
        assert world.cluster.empty


@BOTH
def test_an_extension_at_the_same_moment_is_not_lost(world: World, other: World, kind: CredentialKind) -> None:
    for _ in range(ROUNDS):
        request = ready(world, kind)
        until = world.grant(request).expires_at
        extension = world.requests.extend(REQUESTER, request, "1h").request.id
        at_once(
            partial(world.grants.reveal, request, REQUESTER),
            partial(other.approvals.approve, extension, OWNER),
        )
        world.work()
        grant = world.grant(request)
        assert (grant.state, grant.task) == (GrantState.ACTIVE, None)
        assert grant.expires_at == until + timedelta(hours=1)
        # Whatever the first attempt did, the next credential lasts as long, and is the only one.
        _, credential = world.grants.reveal(request, REQUESTER)
        assert is_alive(world, credential)
        if credential.key_id is not None:
            assert world.cluster.keys[grant.username] == {credential.key_id: grant.expires_at}


@BOTH
def test_a_worker_that_has_the_grant_is_waited_for_by_nobody(world: World, other: World, kind: CredentialKind) -> None:
    request = ready(world, kind)
    world.approvals.approve(world.requests.extend(REQUESTER, request, "1h").request.id, OWNER)
    (claimed,) = world.claim_grants()
    with pytest.raises(Conflict, match="is being changed at this moment"):
        other.grants.reveal(request, REQUESTER)
    world.work_on(claimed)
    assert is_alive(world, other.grants.reveal(request, REQUESTER)[1])


@pytest.mark.parametrize("error", [Outage("away"), Refusal("no")], ids=["outage", "refusal"])
@BOTH
def test_a_reveal_that_fails_leaves_the_grant_as_it_was(world: World, kind: CredentialKind, error: Exception) -> None:
    request = ready(world, kind)
    before = world.grant(request)
    world.cluster.creating.errors = [error]
    with pytest.raises(type(error)):
        world.grants.reveal(request, REQUESTER)
    world.work()
    after = world.grant(request)
    assert (after.state, after.due_at, after.claimed_by) == (GrantState.ACTIVE, before.expires_at, None)
    assert is_alive(world, world.grants.reveal(request, REQUESTER)[1])


@BOTH
def test_a_reveal_that_fails_does_not_delay_an_extension(world: World, kind: CredentialKind) -> None:
    request = ready(world, kind)
    world.approvals.approve(world.requests.extend(REQUESTER, request, "1h").request.id, OWNER)
    world.cluster.creating.errors = [Outage("away")]
    with pytest.raises(Outage):
        world.grants.reveal(request, REQUESTER)
    assert world.grant(request).task is GrantTask.EXTEND
    world.work()
    assert world.grant(request).task is None


@BOTH
def test_a_process_that_dies_while_it_reveals_holds_the_grant_for_a_short_time_alone(
    world: World, other: World, kind: CredentialKind
) -> None:
    request = ready(world, kind)
    now = world.clock.now()
    with world.store.writing() as write:
        assert write.claim_grant(request, now, now + REVEAL_CLAIM) is not None
    with pytest.raises(Conflict, match="Press Reveal again"):
        other.grants.reveal(request, REQUESTER)
    world.clock.advance(REVEAL_CLAIM + timedelta(seconds=1))
    assert is_alive(world, other.grants.reveal(request, REQUESTER)[1])


def test_one_who_was_stopped_for_too_long_shows_nothing(
    world: World, other: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The claim lapsed and another click was served: the first credential must not be shown as the valid one."""
    request = ready(world, PASSWORD)
    stopped, go_on = Event(), Event()
    plain = world.cluster.extend

    def slowly(spec: CredentialSpec) -> None:
        if not stopped.is_set():
            stopped.set()
            assert go_on.wait(10)
        plain(spec)

    monkeypatch.setattr(world.cluster, "extend", slowly)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(world.grants.reveal, request, REQUESTER)
        assert stopped.wait(10)
        world.clock.advance(REVEAL_CLAIM + timedelta(seconds=1))
        other.grants.reveal(request, REQUESTER)
        go_on.set()
        with pytest.raises(Conflict, match="has changed meanwhile"):
            first.result()
    assert is_alive(world, other.grants.reveal(request, REQUESTER)[1])


def test_what_was_removed_by_hand_ends_with_its_reveal(world: World) -> None:
    request = ready(world, PASSWORD)
    world.cluster.users.clear()
    with pytest.raises(Conflict, match="was removed from the cluster by hand"):
        world.grants.reveal(request, REQUESTER)
    world.work()
    grant = world.grant(request)
    assert (grant.state, grant.end_reason) == (GrantState.CLEANED_UP, "it was removed from the cluster by hand")


def test_only_the_requester_reveals_and_only_what_is_active(world: World) -> None:
    request = ready(world, KEY)
    with pytest.raises(NotFound):
        world.grants.reveal(request, OWNER)
    world.clock.advance(timedelta(hours=1))
    with pytest.raises(Conflict, match="is not active"):
        world.grants.reveal(request, REQUESTER)
    world.work()
    with pytest.raises(Conflict, match="has already ended"):
        world.grants.reveal(request, REQUESTER)
    assert world.cluster.empty


def test_the_story_that_comes_with_the_secret_says_when_it_ends(world: World) -> None:
    request = ready(world, KEY)
    details, credential = world.grants.reveal(request, REQUESTER)
    assert isinstance(details, RequestDetails)
    assert details.grant is not None
    assert world.cluster.keys[credential.username] == {credential.key_id: details.grant.expires_at}
    assert world.audit(request)[-1] == "grant.revealed"
    assert credential.secret.get_secret_value() not in str(world.events(request))
