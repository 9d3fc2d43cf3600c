"""Messages that wait for Slack or that it refuses, on each database."""

from bot.access.errors import MessagesOff
from bot.access.models.messages import MessageKind
from tests.fakes import OWNER, REQUESTER, World

OFF = MessagesOff("Slack answered messages_tab_disabled", "messages_tab_disabled")


def notify(world: World, text: str, about: str | None) -> None:
    with world.store.writing() as write:
        write.notify([OWNER], text, world.clock.now(), about)


def test_an_unsent_notice_takes_up_the_new_text_of_its_subject_and_of_no_other(world: World) -> None:
    for text, about in (("old", "clocks a"), ("other", "clocks b"), ("plain", None), ("new", "clocks a")):
        notify(world, text, about)
    world.work()
    assert sorted(world.notifier.texts.values()) == ["new", "other", "plain"]
    notify(world, "the next day", "clocks a")
    world.work()
    assert world.notifier.shows("new")
    assert world.notifier.shows("the next day")


def test_an_outcome_that_slack_refuses_is_found_and_no_other(world: World) -> None:
    denied, cancelled = world.ask(), world.ask()
    world.approvals.deny(denied, OWNER)
    world.requests.cancel(cancelled, REQUESTER)
    world.work()
    world.notifier.sending.errors = [OFF] * 3
    untold = world.ask()
    world.work()
    assert [each.id for each in world.requests.untold([denied, cancelled, untold])] == [untold]
    assert world.notifier.sent(MessageKind.OUTCOME) == [REQUESTER]
