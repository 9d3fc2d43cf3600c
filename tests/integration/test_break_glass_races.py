"""Concurrent reviews and reminders of break-glass access, on each database: each happens once."""

from functools import partial

import pytest

from bot.access.intervals import REMIND_OF_REVIEW_EVERY
from bot.access.models.messages import MessageKind
from bot.access.policy.access_flow import AccessFlow
from bot.access.requests.drafts import Draft
from tests.fakes import OWNER, REQUESTER, SECOND_OWNER, World
from tests.integration.test_races import won_and_lost
from tests.plans import plan_of
from tests.together import at_once

ROUNDS = 10

EMERGENCY = AccessFlow(name="emergency", break_glass=True, owners="integration")


@pytest.fixture
def world(world: World) -> World:
    """The domain on a store of each kind."""
    return world.under(EMERGENCY)


def broken(world: World) -> str:
    draft = Draft("logs-*", "1h", reason="the site is down", again=True, break_glass=True)
    return world.requests.submit(REQUESTER, draft).request.id


def test_two_owners_review_at_once_and_one_of_them_did(world: World, other: World) -> None:
    for _ in range(ROUNDS):
        request_id = broken(world)
        (won,), (lost,) = won_and_lost(
            at_once(
                partial(world.break_glass.review, request_id, OWNER),
                partial(other.break_glass.review, request_id, SECOND_OWNER),
            )
        )
        assert world.request_details(request_id).request.reviewed_by == won.request.reviewed_by
        assert f"already reviewed by <@{won.request.reviewed_by}>" in lost.message
        assert world.audit(request_id).count("request.reviewed") == 1


def test_two_processes_remind_once(world: World, other: World) -> None:
    requests = [broken(world) for _ in range(5)]
    world.work()
    world.notifier.log.clear()
    world.clock.advance(REMIND_OF_REVIEW_EVERY)
    at_once(world.break_glass.remind_due, other.break_glass.remind_due, world.break_glass.remind_due)
    world.work()
    assert sorted(world.notifier.sent(MessageKind.BREAK_GLASS)) == [OWNER] * 5 + [SECOND_OWNER] * 5
    assert [world.audit(each).count("request.review_reminded") for each in requests] == [1] * 5


def test_two_processes_add_no_reminder_to_one_that_waits_for_slack(world: World, other: World) -> None:
    request_id = broken(world)
    world.work()
    world.notifier.log.clear()
    for _ in range(3):
        world.clock.advance(REMIND_OF_REVIEW_EVERY)
        at_once(world.break_glass.remind_due, other.break_glass.remind_due)
    world.work()
    assert sorted(world.notifier.sent(MessageKind.BREAK_GLASS)) == [OWNER, SECOND_OWNER]
    assert world.audit(request_id).count("request.review_reminded") == 1


def test_reviewed_or_reminded_but_never_reminded_afterwards(world: World, other: World) -> None:
    for _ in range(ROUNDS):
        request_id = broken(world)
        world.clock.advance(REMIND_OF_REVIEW_EVERY)
        at_once(partial(world.break_glass.review, request_id, OWNER), other.break_glass.remind_due)
        request = world.request_details(request_id).request
        assert (request.reviewed_by, request.review_at) == (OWNER, None)
        happened = [each for each in world.audit(request_id) if "review" in each]
        assert happened[-1] == "request.reviewed"


def test_however_many_requests_there_were_those_to_review_are_found_by_their_own_index(world: World) -> None:
    plan = plan_of(world.store, lambda read: read.reviews_due(world.clock.now(), 100))
    assert "access_request_review" in plan
