"""Notices to integration owners about the application itself."""

from datetime import timedelta

from bot.access.errors import Outage
from bot.access.models.messages import MessageKind
from bot.access.notifications.owner_notices import OwnerNotices
from tests.fakes import OWNER, SECOND_OWNER, World


def notices(world: World) -> OwnerNotices:
    return OwnerNotices(world.store, world.directory, world.current, world.clock)


def test_each_owner_gets_it_in_the_order_of_their_other_messages(world: World) -> None:
    world.ask()
    notices(world).tell("production", "The password could not be rotated.")
    world.work_messages()
    assert world.notifier.sent(MessageKind.NOTICE) == [OWNER, SECOND_OWNER]
    to_owner = [kind for _, kind, person in world.notifier.log if person == OWNER]
    assert to_owner == [MessageKind.APPROVAL, MessageKind.NOTICE]
    assert world.notifier.shows("The password could not be rotated.")


def test_it_is_kept_through_an_outage_of_slack(world: World) -> None:
    notices(world).tell("production", "Something is wrong.")
    world.notifier.sending.errors = [Outage("Slack is away")] * 2
    world.work_messages()
    assert world.notifier.sent(MessageKind.NOTICE) == []
    world.clock.advance(timedelta(minutes=10))
    world.work_messages()
    assert world.notifier.sent(MessageKind.NOTICE) == [OWNER, SECOND_OWNER]


def test_owners_who_cannot_be_looked_up_are_no_reason_to_fail(world: World) -> None:
    world.directory.asked.errors = [Outage("Slack is away")]
    notices(world).tell("production", "Something is wrong.")
    assert world.work_messages() == 0
