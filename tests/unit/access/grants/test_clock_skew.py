"""Clock skew: which expiry counts, and who is notified."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from bot.access.errors import Outage, Refusal
from bot.access.grants.clock_skew import CLOCKS_APART, TOLERANCE, ClockSkew, ClockSkewMonitor
from bot.access.intervals import CLOCK_NOTICE_EVERY, MEASURE_CLOCK_EVERY
from bot.access.models.messages import MessageKind
from bot.access.states import GrantState
from tests.fakes import OWNER, SECOND_OWNER, World

HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)
TEN_MINUTES = timedelta(minutes=10)


def clocks_in(world: World) -> ClockSkewMonitor:
    return ClockSkewMonitor(world.store, world.clusters, world.directory, world.current, world.clock)


def test_a_grant_ends_by_the_clusters_clock_where_that_is_ahead(world: World) -> None:
    request_id, clocks = world.granted(), clocks_in(world)
    world.cluster.is_ahead = TEN_MINUTES
    world.clock.advance(HOUR - TEN_MINUTES - SECOND)
    clocks.run_once()
    assert world.grant(request_id).state is GrantState.ACTIVE
    world.clock.advance(SECOND)
    clocks.run_once()
    world.work()
    assert (world.grant(request_id).state, world.grant(request_id).end_reason) == (GrantState.CLEANED_UP, "expired")
    assert world.cluster.empty


@pytest.mark.parametrize("ahead", [-TEN_MINUTES, TOLERANCE])
def test_a_grant_ends_by_our_clock_where_the_clusters_is_behind_or_hardly_ahead(world: World, ahead: timedelta) -> None:
    request_id, clocks = world.granted(), clocks_in(world)
    world.cluster.is_ahead = ahead
    world.clock.advance(HOUR - SECOND)
    clocks.run_once()
    assert world.work_grants() == 0
    world.clock.advance(SECOND)
    world.work()
    assert world.grant(request_id).end_reason == "expired"


def test_many_that_are_over_end_at_once(world: World) -> None:
    several = [world.granted() for _ in range(3)]
    clocks = clocks_in(world)
    world.cluster.is_ahead = 2 * HOUR
    clocks.run_once()
    assert {world.grant(each).state for each in several} == {GrantState.REVOKING}


def test_what_was_measured_last_holds_while_the_cluster_is_away(world: World) -> None:
    request_id, clocks = world.granted(), clocks_in(world)
    world.cluster.is_ahead = TEN_MINUTES
    clocks.run_once()
    world.cluster.asked.errors = [Outage("no answer")] * 99
    world.clock.advance(HOUR - TEN_MINUTES)
    clocks.run_once()
    assert world.grant(request_id).state is GrantState.REVOKING


@pytest.mark.parametrize("error", [Outage("no answer"), Refusal("no")])
def test_a_cluster_that_tells_no_time_is_asked_again(world: World, error: Exception) -> None:
    clocks = clocks_in(world)
    world.cluster.is_ahead = TEN_MINUTES
    world.cluster.asked.errors = [error]
    assert clocks.run_once() == []
    assert len(clocks.run_once()) == 1


def test_a_change_is_said_once_and_owners_are_told_once_a_day(world: World) -> None:
    clocks = clocks_in(world)

    def look() -> Sequence[ClockSkew]:
        world.clock.advance(MEASURE_CLOCK_EVERY)
        changes = clocks.run_once()
        world.work_messages()
        return changes

    assert look() == []
    world.cluster.is_ahead = CLOCKS_APART + SECOND
    assert [each.wrong for each in look()] == [True]
    assert look() == []
    assert world.notifier.sent(MessageKind.NOTICE) == [OWNER, SECOND_OWNER]
    assert world.notifier.shows("The clock of the cluster production is 61 s ahead of mine.")
    world.cluster.is_ahead = timedelta(0)
    assert [each.wrong for each in look()] == [False]
    world.cluster.is_ahead = -TEN_MINUTES
    look()
    assert len(world.notifier.sent(MessageKind.NOTICE)) == 2
    world.clock.advance(CLOCK_NOTICE_EVERY)
    look()
    assert len(world.notifier.sent(MessageKind.NOTICE)) == 4
    assert world.notifier.shows("600 s behind mine")


def test_owners_are_told_when_slack_is_back(world: World) -> None:
    clocks = clocks_in(world)
    world.cluster.is_ahead = TEN_MINUTES
    world.directory.asked.errors = [Outage("no Slack")]
    assert len(clocks.run_once()) == 1
    world.clock.advance(MEASURE_CLOCK_EVERY)
    clocks.run_once()
    world.work_messages()
    assert world.notifier.sent(MessageKind.NOTICE) == [OWNER, SECOND_OWNER]


def test_the_cluster_is_asked_once_a_minute(world: World) -> None:
    clocks = clocks_in(world)
    for _ in range(5):
        clocks.run_once()
        world.clock.advance(MEASURE_CLOCK_EVERY / 5)
    assert world.cluster.asked.calls == 1
    clocks.run_once()
    assert world.cluster.asked.calls == 2


def test_notices_of_the_days_without_slack_come_once_with_the_last_skew(world: World) -> None:
    clocks = clocks_in(world)
    for minutes in (10, 20, 30):
        world.cluster.is_ahead = timedelta(minutes=minutes)
        world.clock.advance(CLOCK_NOTICE_EVERY)
        clocks.run_once()
    world.work()
    assert sorted(world.notifier.sent(MessageKind.NOTICE)) == sorted([OWNER, SECOND_OWNER])
    assert world.notifier.shows("1800 s ahead")
