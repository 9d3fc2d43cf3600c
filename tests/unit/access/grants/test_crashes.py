"""After a crash at any step, the next process finishes the work."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from pydantic import SecretStr

from bot.access.models.messages import Message, MessageKind
from bot.access.models.receipts import Receipt
from bot.access.models.request_details import RequestDetails
from bot.access.ports import Credential, CredentialSpec, MessagePosition
from bot.access.states import GrantState, RequestState
from bot.access.store.store import Store
from bot.access.store.transaction import Transaction
from tests.fakes import CLAIM, OWNER, REQUESTER, SECOND_OWNER, FakeCluster, FakeNotifier, World

HOUR = timedelta(hours=1)

STEPS_TO_MAKE = 10
"""Before and after each of: post the message, store its position, create the user, deliver, store the delivery."""

STEPS_TO_END = 6
"""Before and after each of: store that it ends, remove it, store that it is gone."""

STEPS_TO_SEND = 4
"""Before and after each of: send, store that it was sent."""


class Death(BaseException):
    """The process was killed, and does nothing more."""


class Life:
    """Stops before or after the step with that number."""

    def __init__(self, last_step: int) -> None:
        self.left = last_step
        self.over = False

    def step(self) -> None:
        self.left -= 1
        if self.over or self.left <= 0:
            self.over = True
            raise Death

    def do(self, action: Callable[..., Any], *given: Any) -> Any:
        self.step()
        done = action(*given)
        self.step()
        return done


class MortalStore(Store):
    """Dies before or after a commit."""

    life: Life

    @contextmanager
    def writing(self, *, urgent: bool = False) -> Iterator[Transaction]:
        with super().writing(urgent=urgent) as write:
            yield write
            self.life.step()
        self.life.step()


class MortalCluster(FakeCluster):
    """Dies before or after a call."""

    life: Life

    def create(self, spec: CredentialSpec, password: SecretStr) -> None:
        self.life.do(super().create, spec, password)

    def _remove(self, username: str, *, disable: bool) -> Receipt:
        receipt: Receipt = self.life.do(partial(super()._remove, username, disable=disable))
        return receipt


class MortalNotifier(FakeNotifier):
    """Dies before or after a call."""

    life: Life

    def send(
        self, message: Message, details: RequestDetails | None, under: MessagePosition | None = None
    ) -> MessagePosition:
        posted: MessagePosition = self.life.do(super().send, message, details, under)
        return posted

    def deliver(self, message: Message, details: RequestDetails, credential: Credential) -> None:
        self.life.do(super().deliver, message, details, credential)


def doomed(world: World, last_step: int) -> World:
    """The same world, seen by a process that dies at that step."""
    life = Life(last_step)
    store = MortalStore(world.store._engine, "doomed")
    cluster = MortalCluster(users=world.cluster.users, roles=world.cluster.roles, passwords=world.cluster.passwords)
    notifier = MortalNotifier()
    notifier.texts, notifier.log = world.notifier.texts, world.notifier.log
    store.life = cluster.life = notifier.life = life
    return replace(world, store=store, cluster=cluster, notifier=notifier)


def let_claims_lapse(world: World) -> None:
    world.clock.advance(CLAIM + timedelta(seconds=1))


@pytest.mark.parametrize("last_step", [1, 2])
def test_death_at_the_approval_leaves_all_of_it_or_nothing(world: World, last_step: int) -> None:
    request_id = world.ask()
    with pytest.raises(Death):
        doomed(world, last_step).approvals.approve(request_id, OWNER)
    details = world.request_details(request_id)
    if details.request.state is RequestState.PENDING:
        assert (details.grant, details.approvals) == (None, ())
        world.approvals.approve(request_id, OWNER)
    world.work()
    assert world.grant(request_id).state is GrantState.ACTIVE


@pytest.mark.parametrize("last_step", range(1, STEPS_TO_MAKE + 1))
def test_death_while_making_is_followed_by_a_new_password_that_works(world: World, last_step: int) -> None:
    request_id = world.ask()
    world.approvals.approve(request_id, OWNER)
    dying = doomed(world, last_step)
    claimed = world.on(Store(world.store._engine, "doomed")).claim_grants()
    with pytest.raises(Death):
        dying.work_on(claimed[0])
    assert world.work_grants() == 0 or world.grant(request_id).state is GrantState.ACTIVE
    let_claims_lapse(world)
    world.work()
    grant = world.grant(request_id)
    assert grant.state is GrantState.ACTIVE
    assert set(world.cluster.users) == {grant.username}
    assert world.notifier.shows(world.cluster.users[grant.username])
    world.clock.advance(HOUR)
    world.work()
    assert world.cluster.empty
    assert not any(world.notifier.shows(password) for password in world.cluster.passwords)


@pytest.mark.parametrize("last_step", range(1, STEPS_TO_MAKE + 1))
def test_death_while_making_is_undone_when_nobody_comes_before_its_end(world: World, last_step: int) -> None:
    request_id = world.ask()
    world.approvals.approve(request_id, OWNER)
    claimed = world.on(Store(world.store._engine, "doomed")).claim_grants()
    with pytest.raises(Death):
        doomed(world, last_step).work_on(claimed[0])
    world.clock.advance(HOUR)
    world.work()
    assert world.grant(request_id).state is GrantState.CLEANED_UP
    assert world.cluster.empty
    assert not any(world.notifier.shows(password) for password in world.cluster.passwords)


@pytest.mark.parametrize("last_step", range(1, STEPS_TO_END + 1))
def test_death_while_ending_is_followed_by_the_end(world: World, last_step: int) -> None:
    request_id = world.granted()
    world.clock.advance(HOUR)
    claimed = world.on(Store(world.store._engine, "doomed")).claim_grants()
    with pytest.raises(Death):
        doomed(world, last_step).work_on(claimed[0])
    let_claims_lapse(world)
    world.work()
    assert world.grant(request_id).state is GrantState.CLEANED_UP
    assert world.cluster.empty
    assert not world.notifier.shows(world.cluster.passwords[0])
    assert world.notifier.sent(MessageKind.ENDED) == [REQUESTER, OWNER]
    assert world.audit(request_id).count("grant.cleaned_up") == 1


@pytest.mark.parametrize("last_step", range(1, STEPS_TO_SEND + 1))
def test_death_while_sending_loses_no_message(world: World, last_step: int) -> None:
    world.ask()
    claimed = world.on(Store(world.store._engine, "doomed")).claim_messages()
    with pytest.raises(Death):
        doomed(world, last_step).outbox.work(claimed)
    let_claims_lapse(world)
    world.work()
    assert set(world.notifier.sent(MessageKind.APPROVAL)) == {OWNER, SECOND_OWNER}
    with world.store.reading() as read:
        assert read.next_message_due(world.clock.now() + HOUR) is None


def test_a_start_after_a_death_need_not_wait_for_claims_to_lapse(world: World) -> None:
    request_id = world.ask()
    world.approvals.approve(request_id, OWNER)
    world.on(Store(world.store._engine, "dead")).claim_grants()
    assert world.work_grants() == 0
    world.store.release_all_claims()
    assert world.work_grants() == 1
    assert world.grant(request_id).state is GrantState.ACTIVE
