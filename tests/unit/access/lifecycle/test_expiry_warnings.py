"""Expiry warnings: one for each expiry, and none after an extension."""

from datetime import timedelta

import pytest

from bot.access.lifecycle.expiry_warnings import first_warning, leads
from bot.access.models.messages import MessageKind
from bot.access.policy.access_flow import AccessFlow
from bot.access.requests.drafts import Draft
from tests.fakes import EVERYTHING, OWNER, REQUESTER, World

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.mark.parametrize(
    ("length", "ahead"),
    [
        (19 * MINUTE, ()),
        (20 * MINUTE, (10 * MINUTE,)),
        (HOUR, (10 * MINUTE,)),
        (5 * HOUR, (30 * MINUTE, 10 * MINUTE)),
        (DAY, (144 * MINUTE, 10 * MINUTE)),
        (90 * DAY, (DAY, 10 * MINUTE)),
    ],
)
def test_the_longer_the_access_the_earlier_the_first_note(length: timedelta, ahead: tuple[timedelta, ...]) -> None:
    assert tuple(leads(length)) == ahead


def granted(world: World, duration: str) -> str:
    request_id = world.ask(duration=duration)
    world.approvals.approve(request_id, OWNER)
    world.work()
    return request_id


def look(world: World, by: timedelta) -> list[str]:
    """The messages that are sent after that much time."""
    before = len(world.notifier.sent(MessageKind.WARNING))
    world.clock.advance(by)
    world.expiry_warnings.run_once()
    world.work()
    return world.notifier.sent(MessageKind.WARNING)[before:]


def test_a_note_comes_ten_minutes_ahead_and_once(world: World) -> None:
    granted(world, "1h")
    assert look(world, 49 * MINUTE) == []
    assert look(world, MINUTE) == [REQUESTER]
    assert look(world, MINUTE) == []


def test_a_long_access_has_two_notes(world: World) -> None:
    granted(world, "10h")
    assert look(world, 9 * HOUR) == [REQUESTER]
    assert look(world, 40 * MINUTE) == []
    assert look(world, 10 * MINUTE) == [REQUESTER]
    assert look(world, 5 * MINUTE) == []


def test_one_that_was_extended_meanwhile_is_told_of_its_new_end(world: World) -> None:
    request_id = granted(world, "1h")
    extension = world.requests.extend(REQUESTER, request_id, "1h").request.id
    world.approvals.approve(extension, OWNER)
    assert look(world, 50 * MINUTE) == []
    assert look(world, HOUR) == [REQUESTER]


def test_a_note_that_was_owed_before_the_extension_is_not_sent_any_more(world: World) -> None:
    request_id = granted(world, "1h")
    extension = world.requests.extend(REQUESTER, request_id, "1h").request.id
    world.clock.advance(50 * MINUTE)
    world.expiry_warnings.run_once()
    world.approvals.approve(extension, OWNER)
    world.work()
    assert world.notifier.sent(MessageKind.WARNING) == []


def test_a_note_is_edited_when_the_access_was_extended_or_has_ended(world: World) -> None:
    request_id = granted(world, "1h")
    assert look(world, 50 * MINUTE) == [REQUESTER]
    extension = world.requests.extend(REQUESTER, request_id, "1h").request.id
    world.approvals.approve(extension, OWNER)
    world.work()
    assert world.notifier.sent(MessageKind.WARNING, "edit") == [REQUESTER]
    world.grants.revoke(request_id, REQUESTER)
    world.work()
    assert world.notifier.sent(MessageKind.WARNING, "edit") == [REQUESTER, REQUESTER]


def test_one_that_was_revoked_is_not_told_of(world: World) -> None:
    world.grants.revoke(granted(world, "1h"), REQUESTER)
    world.work()
    assert look(world, 55 * MINUTE) == []


def test_after_a_stop_the_note_comes_late_and_once_and_two_processes_send_one(world: World) -> None:
    granted(world, "10h")
    world.clock.advance(9 * HOUR + 55 * MINUTE)
    with world.store.reading() as read:
        (due,) = read.grants_to_warn(world.clock.now(), 10)
    assert look(world, timedelta(0)) == [REQUESTER]
    with world.store.writing() as write:
        assert not write.record_warning(due, None), "another process was here"
    assert look(world, MINUTE) == []


def test_what_is_prolonged_by_itself_needs_no_note(world: World) -> None:
    world.under(AccessFlow(name="members", requesters=("@owners",), automatic=True, max_duration=2 * HOUR), EVERYTHING)
    world.automatic.run_once()
    world.work()
    assert look(world, 115 * MINUTE) == []


def test_first_note_of_a_short_access_is_none(world: World) -> None:
    assert first_warning(world.clock.now(), world.clock.now() + 10 * MINUTE) is None


def test_extensions_are_limited_in_number(world: World) -> None:
    world.under(AccessFlow(name="short", approve="rule", max_duration=10 * HOUR, max_extensions=2))
    request_id = world.ask(duration="1h")
    world.work()
    for _ in range(2):
        world.requests.extend(REQUESTER, request_id, "1h")
    with pytest.raises(Exception, match="was extended 2 times, which is the most"):
        world.requests.extend(REQUESTER, request_id, "1h")


def test_extensions_are_limited_in_total_and_told_how_much_is_left(world: World) -> None:
    flow = AccessFlow(name="short", approve="rule", max_duration=2 * HOUR, max_total=2 * HOUR + 30 * MINUTE)
    request_id = world.under(flow).ask(duration="2h")
    world.work()
    world.clock.advance(HOUR)
    with pytest.raises(Exception, match="Ask for 30m or less"):
        world.requests.extend(REQUESTER, request_id, "1h")
    world.requests.extend(REQUESTER, request_id, "30m")
    with pytest.raises(Exception, match="Ask for access anew"):
        world.requests.extend(REQUESTER, request_id, "10m")


def test_extensions_go_to_owners_or_by_rule_as_the_flow_says(world: World) -> None:
    by_owners = AccessFlow(name="short", approve="rule", extend="owners", owners="integration")
    request_id = world.under(by_owners).ask()
    world.work()
    extension = world.requests.extend(REQUESTER, request_id, "1h").request
    assert extension.state.value == "pending"
    world.approvals.approve(extension.id, OWNER)
    by_rule = AccessFlow(name="short", extend="rule", owners="integration")
    second = world.under(by_rule).requests.submit(REQUESTER, Draft("metrics-a", "1h")).request
    world.approvals.approve(second.id, OWNER)
    world.work()
    extended = world.requests.extend(REQUESTER, second.id, "1h").request
    assert extended.state.value == "approved"
