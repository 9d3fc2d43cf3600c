"""The thread of an approval message lists later events in order, several in one reply."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.access.errors import Outage, Refusal
from bot.access.lifecycle.timeline import GATHER, TimelineEvent, read_timeline
from bot.access.models.messages import MessageKind
from bot.access.policy.access_flow import AccessFlow
from bot.access.requests.counter_offers import OfferTerms
from bot.access.states import RequestState
from tests.fakes import OWNER, REQUESTER, SECOND_OWNER, World
from tests.unit.access.notifications.test_outbox import texts_to

CHANNEL = "#approvals"


@pytest.fixture
def channel(world: World) -> World:
    """Owners decide in a channel."""
    return world.under(AccessFlow(name="in public", owners="integration", channel=CHANNEL))


def told(world: World) -> list[list[TimelineEvent]]:
    """The events in each reply of the thread, in the order of posting."""
    world.clock.advance(GATHER)
    world.work()
    notes = [
        ts for ts in world.notifier.texts if ts in {each for few in world.notifier.threads.values() for each in few}
    ]
    return [[each.what for each in read_timeline(world.notifier.texts[ts])] for ts in notes]


def test_a_channel_gets_one_message_and_the_whole_story_below_it(channel: World) -> None:
    request_id = channel.ask()
    channel.work()
    assert channel.notifier.sent(MessageKind.APPROVAL) == [CHANNEL]
    channel.offers.make(request_id, OWNER, OfferTerms("logs-a", "read", "30m"))
    channel.approvals.approve(request_id, OWNER)
    channel.work()
    assert told(channel) == [[TimelineEvent.OFFERED, TimelineEvent.APPROVED, TimelineEvent.DELIVERED]], "gathered"
    channel.grants.revoke(request_id, SECOND_OWNER)
    channel.work()
    assert told(channel)[1:] == [[TimelineEvent.ENDED]]


def test_each_copy_has_the_story_and_the_approver_the_end_in_one_message(world: World) -> None:
    request_id = world.ask()
    world.work()
    world.approvals.approve(request_id, OWNER)
    world.work()
    assert told(world) == [[TimelineEvent.APPROVED, TimelineEvent.DELIVERED]] * 2
    world.grants.revoke(request_id, REQUESTER)
    world.work()
    world.clock.advance(GATHER)
    world.work()
    assert world.notifier.sent(MessageKind.THREAD) == [OWNER, SECOND_OWNER, SECOND_OWNER]
    assert world.notifier.sent(MessageKind.ENDED) == [OWNER]
    assert sorted(map(len, world.notifier.threads.values())) == [2, 2], "the approver's message stands in the thread"


def test_the_end_comes_below_what_led_to_it_however_soon_it_comes(world: World) -> None:
    request_id = world.ask()
    world.work()
    world.approvals.approve(request_id, OWNER)
    world.work()  # its reply is queued, and due in two seconds
    world.grants.revoke(request_id, REQUESTER)
    world.work()
    assert world.notifier.sent(MessageKind.ENDED) == []
    world.clock.advance(GATHER)
    world.work()
    world.work()
    to_the_approver = [kind for kind in texts_to(world, OWNER) if kind in {MessageKind.THREAD, MessageKind.ENDED}]
    assert to_the_approver == [MessageKind.THREAD, MessageKind.ENDED]


def test_an_owner_decides_in_the_channel_and_a_stranger_does_not(channel: World) -> None:
    request_id = channel.ask()
    channel.approvals.deny(request_id, OWNER, "no")
    channel.work()
    channel.work()
    assert told(channel) == [[TimelineEvent.DENIED]]


def test_a_channel_that_refuses_is_replaced_by_the_owners(channel: World) -> None:
    request_id = channel.ask()
    channel.notifier.sending.errors = [Refusal("Slack answered not_in_channel")]
    channel.work()
    assert channel.notifier.sent(MessageKind.APPROVAL) == [OWNER, SECOND_OWNER]
    assert channel.request_details(request_id).request.state is RequestState.PENDING
    assert "message.refused" in channel.audit(request_id)


def test_a_note_waits_for_the_message_above_it_and_is_dropped_with_it(channel: World) -> None:
    request_id = channel.ask()
    channel.notifier.sending.errors = [Outage("Slack does not answer")] * 2
    channel.approvals.deny(request_id, OWNER)
    channel.clock.advance(GATHER)
    for _ in range(6):
        channel.work()
        channel.clock.advance(timedelta(seconds=30))
    assert told(channel) == [[TimelineEvent.DENIED]]
    other = channel.ask()
    channel.approvals.deny(other, OWNER)
    channel.notifier.sending.errors = [Refusal("Slack answered is_archived")]
    channel.work()
    assert told(channel) == [[TimelineEvent.DENIED]], "nothing stands above it"


def test_a_note_does_not_hold_up_what_is_owed_to_the_same_person(world: World) -> None:
    first = world.ask()
    world.work()
    world.approvals.approve(first, OWNER)  # a reply is queued now, and due in two seconds
    world.ask()
    world.work_messages()
    assert world.notifier.sent(MessageKind.APPROVAL) == [OWNER, SECOND_OWNER] * 2


def test_the_end_of_what_nobody_was_asked_about_is_told_in_no_thread(world: World) -> None:
    world.under(AccessFlow(name="rule", approve="rule"))
    world.ask()
    world.work()
    assert told(world) == []


@given(st.text(max_size=200))
def test_a_note_that_nobody_wrote_is_read_without_harm(text: str) -> None:
    assert all(each.what in set(TimelineEvent) for each in read_timeline(text))
