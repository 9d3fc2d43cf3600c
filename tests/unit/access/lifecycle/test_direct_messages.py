"""While Slack takes no direct messages, no request is filed; the first message that it takes again changes that."""

import pytest

from bot.access.errors import MessagesOff, NotAllowed, Outage
from bot.access.models.messages import MessageKind
from bot.access.requests.drafts import Draft
from bot.access.states import RequestState
from tests.fakes import REQUESTER, World

OFF = MessagesOff("Slack answered messages_tab_disabled", "messages_tab_disabled")
DRAFT = Draft("logs-*", "2h")


@pytest.fixture
def off(world: World) -> World:
    """Slack has just refused the messages about a request to its two owners and its requester."""
    world.notifier.sending.errors = [OFF] * 3
    request_id = world.ask()
    world.work()
    request = world.request_details(request_id).request
    assert request.state is RequestState.CANCELLED
    assert "Messages Tab" in (request.decision_reason or "")
    assert [each.id for each in world.requests.untold([request_id])] == [request_id]
    return world


def filed(world: World) -> int:
    with world.store.reading() as read:
        return len(read.requests_of(REQUESTER, 10))


def test_nothing_is_filed_while_they_are_off(off: World) -> None:
    for _ in range(2):
        off.notifier.sending.errors = [OFF]
        with pytest.raises(NotAllowed, match="Nothing was filed"):
            off.requests.submit(REQUESTER, DRAFT)
    assert filed(off) == 1


def test_the_first_message_that_is_taken_again_is_the_last_that_is_tried(off: World) -> None:
    off.requests.submit(REQUESTER, DRAFT)
    off.requests.submit(REQUESTER, Draft("logs-*", "3h", again=True))
    assert off.notifier.sent(MessageKind.NOTICE) == [REQUESTER]
    assert filed(off) == 3


def test_while_slack_does_not_answer_requests_wait_as_usual(off: World) -> None:
    off.notifier.sending.errors = [Outage("no answer")]
    off.requests.submit(REQUESTER, DRAFT)
    assert filed(off) == 2


def test_what_was_told_is_not_told_again(world: World) -> None:
    request_id = world.ask()
    world.requests.cancel(request_id, REQUESTER)
    world.work()
    assert world.requests.untold([request_id]) == []
