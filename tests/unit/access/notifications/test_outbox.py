"""The outbox sends every message in order as soon as Slack accepts it."""

from datetime import timedelta

from sqlmodel import select

from bot.access.errors import Outage, Refusal
from bot.access.models.audit import AuditEvent
from bot.access.models.messages import Message, MessageKind
from bot.access.states import GrantState, RequestState
from tests.fakes import OWNER, REQUESTER, SECOND_OWNER, World

PAUSE = timedelta(minutes=10)
"""Longer than any pause of the outbox."""


def texts_to(world: World, recipient: str) -> list[MessageKind]:
    return [kind for _, kind, to in world.notifier.log if to == recipient]


def test_each_person_gets_messages_in_the_order_they_were_owed(world: World) -> None:
    world.directory.people["@owners"] = (OWNER,)
    ids = [world.ask() for _ in range(5)]
    world.work_messages()
    assert [each.split()[1] for each in world.notifier.texts.values()] == ids


def test_an_outage_keeps_the_order_of_one_person_and_holds_up_nobody_else(world: World) -> None:
    first, second = world.ask(), world.ask()
    world.notifier.sending.errors = [Outage("Slack does not answer")]
    world.work_messages()
    assert world.notifier.sent(MessageKind.APPROVAL) == [SECOND_OWNER, SECOND_OWNER]
    world.clock.advance(PAUSE)
    world.work_messages()
    assert world.notifier.sent(MessageKind.APPROVAL)[2:] == [OWNER, OWNER]
    assert [each.split()[1] for each in list(world.notifier.texts.values())[2:]] == [first, second]


def test_retry_after_is_kept_to_the_second(world: World) -> None:
    world.directory.people["@owners"] = (OWNER,)
    world.ask()
    world.notifier.sending.errors = [Outage("429", retry_after=30)]
    world.work_messages()
    world.clock.advance(timedelta(seconds=29))
    assert world.work_messages() == 0
    world.clock.advance(timedelta(seconds=1))
    assert world.work_messages() == 1


def test_a_long_outage_loses_nothing(world: World) -> None:
    world.directory.people["@owners"] = (OWNER,)
    world.ask()
    world.notifier.sending.errors = [Outage("down")] * 50
    for _ in range(50):
        assert world.work_messages() == 1
        world.clock.advance(PAUSE)
    world.work_messages()
    assert world.notifier.sent(MessageKind.APPROVAL) == [OWNER]


def test_a_refusal_is_given_up_with_an_audit_event_and_does_not_block_what_follows(world: World) -> None:
    world.directory.people["@owners"] = (OWNER,)
    first, second = world.ask(), world.ask()
    world.notifier.sending.errors = [Refusal("channel_not_found")]
    world.work_messages()
    assert [each.split()[1] for each in world.notifier.texts.values() if each.startswith("approval")] == [second]
    with world.store.reading() as read:
        event = read._session.exec(select(AuditEvent).where(AuditEvent.event == "message.refused")).one()
    assert event.request_id == first
    assert event.detail == {"kind": "approval", "recipient": OWNER, "error": "channel_not_found"}


def test_a_change_during_the_sending_stays_owed(world: World) -> None:
    world.directory.people["@owners"] = (OWNER,)
    request_id = world.ask()

    def decide(_message: Message) -> None:
        world.notifier.during_send = lambda _message: None
        world.approvals.deny(request_id, OWNER)

    world.notifier.during_send = decide
    world.work_messages()
    assert world.notifier.shows(f"approval {request_id} denied")
    assert not world.notifier.shows(f"approval {request_id} pending")
    assert world.notifier.sent(MessageKind.APPROVAL, "edit") == [OWNER]


def test_a_change_during_a_refused_sending_stays_owed(world: World) -> None:
    world.directory.people["@owners"] = (OWNER,)
    request_id = world.ask()

    def decide(_message: Message) -> None:
        world.notifier.during_send = lambda _message: None
        world.approvals.deny(request_id, OWNER)
        raise Refusal("msg_too_long")

    world.notifier.during_send = decide
    world.work_messages()
    assert world.notifier.shows(f"approval {request_id} denied")


def test_several_changes_are_one_sending_of_the_last(world: World) -> None:
    world.directory.people["@owners"] = (OWNER,)
    request_id = world.ask()
    world.approvals.deny(request_id, OWNER)
    world.work_messages()
    assert world.notifier.sent(MessageKind.APPROVAL) == [OWNER]
    assert world.notifier.sent(MessageKind.APPROVAL, "edit") == []
    assert world.notifier.shows(f"approval {request_id} denied")


def test_a_second_decision_of_the_same_kind_owes_no_second_message(world: World) -> None:
    request_id = world.granted()
    with world.store.writing() as write:
        for _ in range(2):
            write.enqueue(request_id, MessageKind.ENDED, [REQUESTER, REQUESTER], world.clock.now())
    world.work_messages()
    assert texts_to(world, REQUESTER).count(MessageKind.ENDED) == 1


def test_a_request_of_which_no_owner_can_be_told_is_cancelled_and_its_requester_hears_why(world: World) -> None:
    request_id = world.ask()
    world.notifier.sending.errors = [Refusal("channel_not_found"), Refusal("channel_not_found")]
    world.work_messages()
    request = world.request_details(request_id).request
    assert request.state is RequestState.CANCELLED
    assert "Slack took no message to any of its owners" in request.decision_reason
    assert world.notifier.sent(MessageKind.OUTCOME) == [REQUESTER]


def test_one_owner_who_can_be_told_is_enough(world: World) -> None:
    request_id = world.ask()
    world.notifier.sending.errors = [Refusal("channel_not_found")]
    world.work_messages()
    assert world.request_details(request_id).request.state is RequestState.PENDING


def test_after_an_outage_nobody_is_told_that_what_has_come_is_delayed(world: World) -> None:
    request_id = world.ask()
    world.work_messages()
    world.approvals.approve(request_id, OWNER)
    world.notifier.delivering.errors = [Outage("Slack is away")] * 4
    for _ in range(4):
        world.work_grants()
        world.clock.advance(PAUSE / 2)
    with world.store.reading() as read:
        assert read.message(request_id, MessageKind.DELAYED, REQUESTER) is not None
    world.work_grants()
    assert world.grant(request_id).state is GrantState.ACTIVE
    world.work()
    assert world.notifier.sent(MessageKind.DELAYED) == []
    assert "message.stale" in world.audit(request_id)


def test_after_an_outage_everybody_is_shown_how_it_stands_now_in_one_message(world: World) -> None:
    request_id = world.ask()
    world.notifier.sending.errors = [Outage("Slack is away")] * 100
    world.work_messages()
    world.approvals.deny(request_id, OWNER, "not today")
    world.notifier.sending.errors = []
    world.clock.advance(PAUSE)
    world.work_messages()
    messages = [each for each in world.notifier.log if each[1] is not MessageKind.THREAD]
    assert messages == [
        ("post", MessageKind.APPROVAL, OWNER),
        ("post", MessageKind.APPROVAL, SECOND_OWNER),
        ("post", MessageKind.OUTCOME, REQUESTER),
    ]
    assert world.notifier.shows(f"approval {request_id} denied")
