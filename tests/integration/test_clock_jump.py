"""The application's clock jumps back: pending work is retried now, and no expiry changes."""

from datetime import timedelta

import pytest

from bot.access.claims import LONGEST_ROW_CLAIM
from bot.access.errors import Outage
from bot.access.grants.clock_jump import JUMP, ClockJumpDetector
from bot.access.models.messages import MessageKind
from bot.access.states import GrantState
from tests.databases import NewStore
from tests.fakes import OWNER, REQUESTER, World

HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)


class Running:
    """A clock that never jumps."""

    seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def running() -> Running:
    return Running()


@pytest.fixture
def own(world: World, running: Running) -> ClockJumpDetector:
    own = ClockJumpDetector(world.store, world.clock, running)
    assert own.check() is False, "there is nothing to compare with"
    return own


def test_what_was_put_off_is_tried_again_at_once(world: World, own: ClockJumpDetector) -> None:
    request_id = world.ask()
    world.work()
    world.approvals.approve(request_id, OWNER)
    world.cluster.creating.errors = [Outage("no answer")]
    world.notifier.sending.errors = [Outage("no answer")] * 9
    world.work()
    world.clock.advance(-HOUR)
    world.notifier.sending.errors = []
    assert world.work_grants() == 0, "it is due in an hour and a second"
    assert own.check() is True
    world.work()
    assert world.grant(request_id).state is GrantState.ACTIVE
    assert world.notifier.sent(MessageKind.CREDENTIAL) == [REQUESTER]
    assert own.check() is False, "once"


def test_what_ends_and_is_not_confirmed_is_tried_again_too(world: World, own: ClockJumpDetector) -> None:
    request_id = world.granted()
    world.grants.revoke(request_id, REQUESTER)
    world.cluster.removing.errors = [Outage("no answer")]
    world.work()
    world.clock.advance(-HOUR)
    own.check()
    world.work()
    assert world.grant(request_id).state is GrantState.CLEANED_UP


def test_an_end_stays_where_people_were_told(world: World, own: ClockJumpDetector) -> None:
    request_id = world.granted()
    before = world.grant(request_id)
    world.clock.advance(-HOUR)
    assert own.check() is True
    assert world.work_grants() == 0
    after = world.grant(request_id)
    assert (after.state, after.due_at, after.expires_at) == (GrantState.ACTIVE, before.due_at, before.expires_at)


def test_what_a_dead_process_held_is_free_within_a_minute(
    world: World, own: ClockJumpDetector, new_store: NewStore
) -> None:
    request_id, now = world.granted(), world.clock.now()
    with new_store("dead").writing() as write:
        assert write.claim_grant(request_id, now, now + 15 * SECOND) is not None
        assert write.claim_duty("a duty", now, now + 30 * SECOND)
    world.clock.advance(-HOUR)
    own.check()
    now = world.clock.now() + LONGEST_ROW_CLAIM + SECOND
    with world.store.writing() as write:
        assert write.claim_grant(request_id, now, now + SECOND) is not None
        assert write.claim_duty("a duty", now, now + SECOND)


@pytest.mark.parametrize("seconds", [0.0, 1.0, 3600.0])
def test_a_clock_that_runs_on_or_is_corrected_by_a_little_changes_nothing(
    world: World, own: ClockJumpDetector, running: Running, seconds: float
) -> None:
    for by in (timedelta(0), -JUMP, timedelta(days=1)):
        running.seconds += seconds
        world.clock.advance(timedelta(seconds=seconds) + by)
        assert own.check() is False
    running.seconds += seconds
    world.clock.advance(timedelta(seconds=seconds) - JUMP - SECOND)
    assert own.check() is True
