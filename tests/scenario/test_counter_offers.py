"""The conversation, through Slack's protocols: offers, threads, notes before an end, others, duplicates."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from bot.sandbox.node import Node
from bot.sandbox.workspace import SlackMessage, User
from tests.scenario.test_races import at_once
from tests.stage import Secret, Stage, request_id, set_stage

OK, FORBIDDEN = 200, 403

HOUR = 3600

Opened = Callable[[str], Stage]


@pytest.fixture(params=["socket", "http"])
def with_flows(request: pytest.FixtureRequest, node: Node, tmp_path: Path) -> Iterator[Opened]:
    """Starts a stage with these access flows, once in each delivery mode; `bob` is the integration owner."""
    with ExitStack() as stack:

        def opened(flows: str) -> Stage:
            http = request.param == "http"
            stage = set_stage(node, tmp_path, stack, http=http, policy=lambda _: f"access_flows:\n{flows}")
            stage.workspace.add_channel("approvals", [stage.bob, stage.carol, stage.dave])
            stage.app.start()
            return stage

        yield opened


def offer_less(stage: Stage, owner: User, request: str, values: dict[str, object]) -> str:
    """Makes the offer in the window, and returns the answer."""
    stage.workspace.click(owner, stage.approval(owner, request), "Offer less…")
    view = stage.wait(lambda: stage.workspace.views(owner), "the window for the offer")[-1]
    delivery = stage.workspace.submit(owner, view, values)
    assert delivery.error is None, delivery
    return stage.reads(owner, f"Your offer for {request} is sent to @alice")


def message_with(stage: Stage, person: User, *words: str) -> SlackMessage:
    """The message to that person that contains all these words."""

    def find() -> SlackMessage | None:
        found = (each for each in stage.workspace.messages(person) if all(w in stage.read(each, person) for w in words))
        return next(found, None)

    return stage.wait(find, f"{person.name} having {words}")


def thread(stage: Stage, owner: User, above: SlackMessage, *words: str) -> list[str]:
    """Waits until a thread reply contains all these words, and returns the replies."""

    def find() -> list[str] | None:
        texts = [stage.read(each, owner) for each in stage.workspace.replies(above.channel, above.ts)]
        return texts if any(all(word in text for word in words) for text in texts) else None

    return stage.wait(find, f"the thread of {owner.name} having {words}")


def test_an_owner_offers_less_and_one_click_of_the_requester_makes_it_a_credential(stage: Stage) -> None:
    request = stage.ask("logs-* 2h write")
    stage.approval(stage.carol, request)
    offer_less(stage, stage.bob, request, {"duration": "30m", "permission": "read", "names": ["logs-web"]})
    stage.reads(stage.carol, request, "@bob offered read on logs-web for 30m: waits for the requester")
    offer = message_with(stage, stage.alice, f"OFFER FOR {request}", "@bob offers less")
    stage.workspace.click(stage.alice, offer, "Accept")
    secret = stage.secret(request)
    assert stage.search(secret, "logs-web") == OK
    assert stage.search(secret, "logs-app") == FORBIDDEN
    stage.reads(stage.alice, f"OFFER FOR {request}", "You accepted it")
    text = stage.reads(stage.carol, f"REQUEST {request}: APPROVED", "Approved by @bob")
    assert "read on logs-web in elasticsearch for 30m" in text


def test_a_declined_offer_leaves_the_request_as_it_was(stage: Stage) -> None:
    request = stage.ask("logs-* 2h")
    offer_less(stage, stage.bob, request, {"duration": "30m"})
    offer = message_with(stage, stage.alice, f"OFFER FOR {request}")
    stage.workspace.click(stage.alice, offer, "Decline")
    stage.reads(stage.alice, f"OFFER FOR {request}", "You declined it")
    stage.reads(stage.bob, request, "@bob offered read on logs-* for 30m: declined", "[ Approve ]")
    stage.approve(request, stage.carol)
    stage.secret(request)


def test_what_cannot_be_offered_is_said_in_the_window_or_privately(quiet_stage: Stage) -> None:
    stage = quiet_stage
    request = stage.ask("logs-* 1h")
    stage.workspace.click(stage.bob, stage.approval(stage.bob, request), "Offer less…")
    view = stage.wait(lambda: stage.workspace.views(stage.bob), "the window")[-1]
    stage.workspace.submit(stage.bob, view, {"duration": "never", "patterns": "_logs"})
    (now,) = stage.workspace.views(stage.bob)
    assert set(now.errors) == {"duration", "patterns"}
    stage.workspace.submit(stage.bob, now, {"duration": "30m", "patterns": "metrics-*"})
    (now,) = stage.workspace.views(stage.bob)
    assert "metrics-* is not part of what" in now.errors["patterns"]
    stage.workspace.submit(stage.bob, now, {"duration": "2h", "patterns": "logs-web"})
    (now,) = stage.workspace.views(stage.bob)
    assert f"{request} asks for 1h: offer that or less" in now.errors["duration"]
    stage.workspace.submit(stage.bob, now, {"duration": "1 hour", "patterns": "logs-*"})
    (now,) = stage.workspace.views(stage.bob)
    assert f"That is all that {request} asks for" in now.errors["duration"]
    stage.workspace.submit(stage.bob, now, {"duration": "half an hour", "patterns": "logs-web"})
    stage.reads(stage.alice, f"OFFER FOR {request}", "30m")
    stage.workspace.click_raw(stage.dave, stage.approval(stage.bob, request), "Offer less…")
    stage.hears(stage.dave, f"I know no request {request} of yours")


def test_accepted_and_denied_at_once_is_one_of_the_two(quiet_stage: Stage) -> None:
    stage, workspace = quiet_stage, quiet_stage.workspace
    for _ in range(3):
        request = stage.ask("logs-* 1h")
        offer_less(stage, stage.bob, request, {"duration": "30m"})
        offer = message_with(stage, stage.alice, f"OFFER FOR {request}", "[ Accept ]")
        workspace.click(stage.carol, stage.approval(stage.carol, request), "Deny")
        view = stage.wait(lambda: workspace.views(stage.carol), "the window for the reason")[-1]
        at_once(
            partial(workspace.click_raw, stage.alice, offer, "Accept"),
            partial(workspace.submit, stage.carol, view, {"reason": "no"}),
        )
        text = stage.reads(stage.bob, f"REQUEST {request}: ")
        if "APPROVED" in text:
            stage.secret(request)
        else:
            assert "DENIED" in text
            stage.reads(stage.alice, f"OFFER FOR {request}", "no longer open")
            stage.hears(stage.alice, f"{request} was already denied")


def test_below_every_copy_stands_what_happened_since(stage: Stage) -> None:
    request = stage.ask("logs-* 1h")
    above = {owner.id: stage.approval(owner, request) for owner in (stage.bob, stage.carol)}
    stage.approve(request, stage.bob)
    stage.secret(request)
    for owner in (stage.bob, stage.carol):
        texts = thread(stage, owner, above[owner.id], "Approved by @bob.", "The credential is delivered.")
        assert len(texts) == 1, "not a message for each bit of it"
    stage.say(stage.alice, f"revoke {request}")
    thread(stage, stage.carol, above[stage.carol.id], "Ended: revoked by @alice", "read back from the cluster")
    thread(stage, stage.bob, above[stage.bob.id], f"ACCESS {request} HAS ENDED")


def test_an_owner_revokes_with_the_button_on_the_approval_message(stage: Stage) -> None:
    request, secret = stage.granted()
    message = message_with(stage, stage.carol, f"REQUEST {request}: APPROVED", "[ Revoke ]")
    stage.workspace.click(stage.carol, message, "Revoke")
    stage.refused(secret)
    stage.reads(stage.alice, "Ended: revoked by @carol")
    text = stage.reads(stage.bob, f"REQUEST {request}: APPROVED", "Ended: revoked by @carol")
    assert "[ Revoke ]" not in text


def test_before_the_end_there_is_a_note_with_two_buttons(stage: Stage) -> None:
    request, secret = stage.granted("logs-* 1h")
    stage.app.move_clock(50 * 60 + 1)
    note = message_with(stage, stage.alice, f"ACCESS {request} ENDS SOON", "[ Extend ]")
    stage.workspace.click(stage.alice, note, "Extend")
    view = stage.wait(lambda: stage.workspace.views(stage.alice), "the window for more time")[-1]
    stage.workspace.submit(stage.alice, view, {"duration": "1h"})
    extension = request_id(stage.reads(stage.alice, "Request REQ", f"1h more for {request}").split("Request ")[1])
    stage.approve(extension)
    stage.reads(stage.alice, f"ACCESS {request} GOES ON", "It was extended")
    stage.app.move_clock(HOUR)
    second = message_with(stage, stage.alice, f"ACCESS {request} ENDS SOON")
    stage.workspace.click(stage.alice, second, "I'm done")
    stage.refused(secret)
    stage.reads(stage.alice, f"ACCESS {request} HAS ENDED", "Ended: revoked by @alice")


def test_a_note_that_fell_due_while_nobody_ran_comes_at_the_start_and_once(quiet_stage: Stage) -> None:
    stage = quiet_stage
    request, _ = stage.granted("logs-* 1h")
    stage.app.stop()
    stage.app.move_clock(55 * 60)
    stage.app.start()
    message_with(stage, stage.alice, f"ACCESS {request} ENDS SOON")
    stage.app.stop()
    stage.app.start()
    stage.say(stage.alice, "list")
    assert len([text for text in stage.texts(stage.alice) if "ENDS SOON" in text]) == 1


def test_the_same_request_is_answered_with_the_one_that_there_is(stage: Stage) -> None:
    request = stage.ask("logs-* 1h")
    answer = stage.say(stage.alice, "logs-web 1h")
    assert f"This is asked for already, and waits for an owner: {request}" in answer
    stage.approve(request)
    stage.secret(request)
    answer = stage.say(stage.alice, "logs-* 4h")
    assert f"This access is there already: {request}" in answer
    assert "[ Extend ]" in answer
    stage.workspace.click(stage.alice, stage.workspace.ephemerals(stage.alice)[-1], "Extend")
    view = stage.wait(lambda: stage.workspace.views(stage.alice), "the window for more time")[-1]
    stage.workspace.submit(stage.alice, view, {"duration": "1h"})
    stage.reads(stage.alice, f"1h more for {request}")


def test_a_command_that_is_sent_twice_at_once_files_one_and_it_can_be_taken_back(stage: Stage) -> None:
    at_once(*[lambda: stage.workspace.command(stage.alice, "/es-access", "logs-* 1h")] * 3)
    stage.wait(lambda: len(stage.workspace.ephemerals(stage.alice)) == 3, "three answers")
    texts = [stage.read(each, stage.alice) for each in stage.workspace.ephemerals(stage.alice)]
    assert len([text for text in texts if "is filed" in text]) == 1
    assert len({request_id(text) for text in texts}) == 1
    twin = next(each for each in stage.workspace.ephemerals(stage.alice) if "already" in stage.read(each, stage.alice))
    stage.workspace.click(stage.alice, twin, "Take it back")
    stage.reads(stage.bob, "CANCELLED", "Cancelled by @alice")


IN_A_CHANNEL = """
  - name: in public
    owners: integration
    channel: "#approvals"
"""


def test_owners_decide_in_the_channel_that_the_flow_names(with_flows: Opened) -> None:
    stage = with_flows(IN_A_CHANNEL)
    channel = next(each for each in stage.workspace.conversations(stage.bob) if each.name == "approvals")
    request = stage.ask("logs-* 1h")
    (message,) = stage.wait(lambda: stage.workspace.messages(channel), "the message in the channel")
    assert "It is asked here because the access flow “in public” says so" in stage.read(message, stage.bob)
    assert not stage.texts(stage.bob)
    stage.workspace.click(stage.dave, message, "Approve")
    stage.hears(stage.dave, f"I know no request {request} of yours")
    stage.workspace.click(stage.bob, message, "Approve")
    stage.secret(request)
    thread(stage, stage.bob, message, "Approved by @bob.", "The credential is delivered.")
    (above, *_) = stage.workspace.messages(channel)
    assert f"REQUEST {request}: APPROVED" in stage.read(above, stage.bob)


FOR_OTHERS = """
  - name: with leads
    owners: integration
    for_others: [carol@example.com]
    max_extensions: 0
"""


def test_one_asks_for_another_and_both_hear_of_it(with_flows: Opened) -> None:
    stage = with_flows(FOR_OTHERS)
    request = request_id(stage.say(stage.carol, "logs-* 1h read on call --for @alice"))
    stage.reads(stage.alice, f"REQUEST {request} FOR YOU", "@carol asks for access for @alice", "Reason: on call")
    stage.approve(request, stage.bob)
    secret: Secret = stage.secret(request, stage.alice)
    assert stage.search(secret, "logs-web") == OK
    assert secret.password not in "".join(stage.texts(stage.carol))
    assert "It cannot be extended under the access flow “with leads”" in stage.say(stage.alice, f"extend {request} 1h")
    stage.say(stage.alice, f"revoke {request}")
    stage.reads(stage.carol, f"ACCESS {request} HAS ENDED")
    for typed in (f"<@{stage.alice.id}|alice>", stage.alice.email, stage.alice.id):
        again = stage.say(stage.carol, f"metrics-* 1h --again --for {typed}")
        stage.reads(stage.alice, f"REQUEST {request_id(again)} FOR YOU")
    assert "does not let you ask for somebody else" in stage.say(stage.dave, "logs-* 1h --for @alice")
    assert "I cannot find “@nobody” in Slack" in stage.say(stage.carol, "logs-* 1h --for @nobody")


def test_an_owner_who_left_is_replaced(quiet_stage: Stage) -> None:
    stage = quiet_stage
    request = stage.ask("logs-* 1h")
    above = stage.approval(stage.bob, request)
    stage.workspace.set_group("data-owners", [stage.dave])
    thread(stage, stage.bob, above, "@carol can no longer decide")
    stage.approve(request, stage.dave)
    stage.secret(request)


def test_everything_arrives_though_slack_refuses_every_second_call(quiet_stage: Stage) -> None:
    stage = quiet_stage
    calls = {"count": 0}

    def every_second(_payload: object) -> bool:
        calls["count"] += 1
        return calls["count"] % 2 == 0

    for method in ("chat.postMessage", "chat.update"):
        stage.workspace.faults.add(method, 429, retry_after=1, times=None, when=every_second)
    request = stage.ask("logs-* 1h")
    above = stage.approval(stage.bob, request)
    stage.approve(request)
    stage.secret(request)
    stage.say(stage.alice, f"revoke {request}")
    stage.reads(stage.alice, f"ACCESS {request} HAS ENDED", "Ended: revoked by @alice")
    texts = thread(stage, stage.bob, above, f"ACCESS {request} HAS ENDED")
    assert "Approved by @bob." in texts[0], "in the order in which it happened"
    assert f"ACCESS {request} HAS ENDED" in texts[-1]


def test_an_answer_to_a_window_stands_in_the_channel_when_direct_messages_are_closed(with_flows: Opened) -> None:
    stage = with_flows(IN_A_CHANNEL)
    channel = next(each for each in stage.workspace.conversations(stage.bob) if each.name == "approvals")
    stage.ask("logs-* 1h")
    (message,) = stage.wait(lambda: stage.workspace.messages(channel), "the message in the channel")
    stage.workspace.set_messages_tab(enabled=False)
    stage.workspace.click(stage.bob, message, "Offer less…")
    view = stage.wait(lambda: stage.workspace.views(stage.bob), "the window")[-1]
    stage.workspace.submit(stage.bob, view, {"duration": "30m"})
    stage.hears(stage.bob, "is sent to @alice")
    stage.hears(stage.bob, "I cannot send you direct messages")


def test_a_form_and_a_denial_are_answered_in_the_channel_too_when_direct_messages_are_closed(
    with_flows: Opened,
) -> None:
    stage = with_flows(IN_A_CHANNEL)
    workspace = stage.workspace
    channel = next(each for each in workspace.conversations(stage.bob) if each.name == "approvals")
    request = stage.ask("logs-* 1h")
    (message,) = stage.wait(lambda: workspace.messages(channel), "the message in the channel")
    workspace.set_messages_tab(enabled=False)
    workspace.click(stage.bob, message, "Deny")
    view = stage.wait(lambda: workspace.views(stage.bob), "the window")[-1]
    stage.say(stage.alice, f"cancel {request}")
    workspace.submit(stage.bob, view, {"reason": "too late"})
    stage.hears(stage.bob, "was already cancelled")
    workspace.command(stage.dave, "/es-access", "", channel)
    form = stage.wait(lambda: workspace.views(stage.dave), "the form")[-1]
    found = workspace.suggest(stage.dave, form, "patterns", "logs-web")
    option = next(each for each in found if each["value"] == "logs-web")
    workspace.click(stage.dave, form, "patterns", [option])
    stage.wait(lambda: "Matches now" in workspace.render(workspace.views(stage.dave)[-1], stage.dave), "the preview")
    workspace.submit(stage.dave, workspace.views(stage.dave)[-1])
    stage.hears(stage.dave, "read on logs-web")
    stage.hears(stage.dave, "I cannot send you direct messages")
