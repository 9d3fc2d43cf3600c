"""Home, stacked forms, searched selects, shortcuts and threads of the local workspace, with a Bolt app."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from slack_bolt import App
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.sandbox.workspace import NotShownError, User, View, Workspace
from tests.integration.bolt_app import by_socket
from tests.integration.wider_manifest import wider

Json = dict[str, Any]


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def option(value: str) -> Json:
    return {"text": plain(value), "value": value}


def field(name: str, element: Json, **more: Any) -> Json:
    return {"type": "input", "block_id": name, "label": plain(name), "element": {"action_id": name, **element}, **more}


def modal(title: str, *blocks: Json, **more: Any) -> Json:
    return {"type": "modal", "title": plain(title), "submit": plain("Send"), "blocks": list(blocks), **more}


TEXT = {"type": "plain_text_input"}
KINDS = {"type": "static_select", "options": [option("read"), option("write")], "initial_option": option("read")}
SEARCH = {"type": "multi_external_select", "min_query_length": 1}
PUSH = {
    "type": "actions",
    "block_id": "more",
    "elements": [{"type": "button", "action_id": "push", "text": plain("More")}],
}
FORM = modal(
    "Ask",
    field("why", TEXT, optional=True),
    field("kind", KINDS, dispatch_action=True),
    field("index", SEARCH, optional=True),
    PUSH,
    callback_id="form",
)


class Heard:
    """An app that records every event."""

    def __init__(self, ws: Workspace) -> None:
        self.client = WebClient(token=ws.bot_token, base_url=ws.api_url, retry_handlers=[])
        self.payloads: list[Json] = []
        self.offer: Json = {"options": [option("logs-web")]}
        self.errors: list[str] = []
        self.app = App(client=self.client, signing_secret=ws.signing_secret)
        self.app.shortcut("ask")(self.opens)
        self.app.shortcut("look")(self.keeps)
        self.app.action("kind")(self.chosen)
        self.app.action("push")(self.pushes)
        self.app.options("index")(self.offers)
        self.app.event("app_home_opened")(self.home)
        self.app.event("message")(self.keeps)

    def keeps(self, ack: Any, body: Any) -> None:
        self.payloads.append(body)
        ack()

    def opens(self, ack: Any, body: Any) -> None:
        self.keeps(ack, body)
        self.client.views_open(trigger_id=body["trigger_id"], view=FORM)

    def pushes(self, ack: Any, body: Any) -> None:
        self.keeps(ack, body)
        try:
            self.client.views_push(trigger_id=body["trigger_id"], view=modal("More", PUSH, callback_id="more"))
        except SlackApiError as error:
            self.errors.append(str(error.response["error"]))

    def chosen(self, ack: Any, body: Any) -> None:
        self.keeps(ack, body)
        view, values = body["view"], body["view"]["state"]["values"]
        said = f"{values['kind']['kind']['selected_option']['value']}, {values['why']['why']['value']}"
        blocks = [{"type": "section", "text": plain(said)}, *FORM["blocks"]]
        self.client.views_update(view_id=view["id"], hash=view["hash"], view=FORM | {"blocks": blocks})

    def offers(self, ack: Any, body: Any) -> None:
        self.payloads.append(body)
        ack(**self.offer)

    def home(self, body: Any, event: Any) -> None:
        self.payloads.append(body)
        if event["tab"] == "home":
            self.client.views_publish(user_id=event["user"], view={"type": "home", "blocks": [PUSH]})


@pytest.fixture
def ws(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.start(wider(tmp_path)) as workspace:
        yield workspace


@pytest.fixture
def alice(ws: Workspace) -> User:
    return ws.add_user("alice")


@pytest.fixture
def heard(ws: Workspace) -> Iterator[Heard]:
    app = Heard(ws)
    with by_socket(ws, app.app):
        yield app


def opened(ws: Workspace, user: User) -> View:
    """Opens the form from the shortcut menu."""
    assert ws.shortcut(user, "ask").error is None
    return ws.wait_for(lambda: ws.views(user), what="the form")[-1]


def stacked(ws: Workspace, user: User, height: int) -> bool:
    return len(ws.views(user)) == height


def test_a_shortcut_opens_a_form_and_unknown_ones_are_not_in_the_menu(ws: Workspace, heard: Heard, alice: User) -> None:
    assert opened(ws, alice).title == "Ask"
    (payload,) = heard.payloads
    assert (payload["type"], payload["callback_id"], payload["user"]["id"]) == ("shortcut", "ask", alice.id)
    with pytest.raises(NotShownError, match="no global shortcut 'look'"):
        ws.shortcut(alice, "look")


def test_a_shortcut_of_a_message_carries_that_message(ws: Workspace, heard: Heard, alice: User) -> None:
    sent = heard.client.chat_postMessage(channel=alice.id, text="look at me")
    bob = ws.add_user("bob")
    assert ws.message_shortcut(alice, "look", sent["channel"], sent["ts"]).error is None
    (payload,) = heard.payloads
    assert (payload["type"], payload["message"]["text"]) == ("message_action", "look at me")
    with pytest.raises(NotShownError):
        ws.message_shortcut(bob, "look", sent["channel"], sent["ts"])


def test_a_choice_is_told_at_once_with_all_that_stands_in_the_form(ws: Workspace, heard: Heard, alice: User) -> None:
    view = opened(ws, alice)
    ws.click(alice, view, "kind", "write", filled={"why": "INC-42"})
    ws.wait_for(lambda: ws.views(alice)[-1].hash != view.hash, what="an update")
    updated = ws.views(alice)[-1]
    assert updated.blocks[0]["text"]["text"] == "write, INC-42"
    assert (updated.id, updated.values["why"]["why"]["value"]) == (view.id, "INC-42")
    (told,) = heard.payloads[1:]
    assert told["container"] == {"type": "view", "view_id": view.id}
    assert told["actions"][0]["selected_option"]["value"] == "write"
    with pytest.raises(NotShownError, match="no dispatch_action"):
        ws.click(alice, updated, "why", "x")
    ws.submit(alice, updated)
    assert ws.deliveries[-1].payload["view"]["state"]["values"]["kind"]["kind"]["selected_option"] == option("write")


def test_forms_are_stacked_three_high_and_closed_one_by_one(ws: Workspace, heard: Heard, alice: User) -> None:
    opened(ws, alice)
    for height in (2, 3):
        ws.click(alice, ws.views(alice)[-1], "More")
        ws.wait_for(partial(stacked, ws, alice, height), what=f"{height} forms")
    ws.click(alice, ws.views(alice)[-1], "More")
    ws.wait_for(lambda: heard.errors, what="a refusal")
    assert heard.errors == ["push_limit_reached"]
    root, second, third = ws.views(alice)
    assert (third.root_id, third.previous_id) == (root.id, second.id)
    ws.close_view(alice, third)
    assert ws.views(alice) == [root, second]


def test_options_come_from_the_app_while_a_person_types(ws: Workspace, heard: Heard, alice: User) -> None:
    view = opened(ws, alice)
    assert ws.suggest(alice, view, "index", "") == [], "min_query_length is 1"
    assert ws.suggest(alice, view, "index", "lo") == [option("logs-web")]
    asked = heard.payloads[-1]
    assert (asked["type"], asked["value"], asked["action_id"]) == ("block_suggestion", "lo", "index")
    heard.offer = {"option_groups": [{"label": plain("Logs"), "options": [option("logs-web")]}]}
    assert ws.suggestions(alice, view, "index", "lo") == heard.offer
    heard.offer = {"options": [option(f"index-{at}") for at in range(100)]}
    assert len(ws.suggest(alice, view, "index", "i")) == 100
    heard.offer = {"options": [option(f"index-{at}") for at in range(101)]}
    assert ws.suggest(alice, view, "index", "i") == []
    assert "no more than 100 items allowed" in ws.notices(alice)[-1]
    heard.offer = {"options": []}
    assert ws.suggest(alice, view, "index", "x") == []
    assert len(ws.notices(alice)) == 1, "nothing that fits is no fault"
    ws.submit(alice, view, {"index": [option("logs-web")]})
    sent = ws.deliveries[-1].payload["view"]["state"]["values"]["index"]["index"]
    assert sent["selected_options"] == [option("logs-web")]


def test_home_is_published_when_it_is_opened_and_clicks_in_it_open_forms(
    ws: Workspace, heard: Heard, alice: User
) -> None:
    assert ws.home(alice) is None
    ws.open_home(alice, "messages")
    ws.wait_for(lambda: heard.payloads, what="the event")
    assert heard.payloads[0]["event"]["tab"] == "messages"
    ws.open_home(alice)
    home = ws.wait_for(lambda: ws.home(alice), what="a home tab")
    ws.click(alice, home, "More")
    ws.wait_for(lambda: heard.errors, what="a refusal")
    assert heard.payloads[-1]["view"]["type"] == "home"
    assert heard.errors == ["invalid_arguments"], "nothing to push on: a home tab opens forms"


def test_answers_stand_in_the_thread_of_their_parent(ws: Workspace, heard: Heard, alice: User) -> None:
    sent = heard.client.chat_postMessage(channel=alice.id, text="decide")
    first = heard.client.chat_postMessage(channel=sent["channel"], text="first", thread_ts=sent["ts"])
    ws.say(alice, "second", thread_ts=first["ts"])
    ws.wait_for(lambda: heard.payloads, what="the event")
    assert heard.payloads[0]["event"]["thread_ts"] == sent["ts"], "no thread of a thread"
    assert [one.text for one in ws.replies(sent["channel"], sent["ts"])] == ["first", "second"]
    answer = heard.client.conversations_replies(channel=sent["channel"], ts=sent["ts"])
    parent, *rest = answer["messages"]
    assert (parent["text"], parent["reply_count"], [one["text"] for one in rest]) == ("decide", 2, ["first", "second"])
    with pytest.raises(SlackApiError, match="thread_not_found"):
        heard.client.chat_postMessage(channel=sent["channel"], text="x", thread_ts="1.000000")
    ws.revoke_scope("im:history")
    with pytest.raises(SlackApiError, match="missing_scope"):
        heard.client.conversations_replies(channel=sent["channel"], ts=sent["ts"])


def test_a_refusal_of_slacks_own_can_be_ordered(ws: Workspace, heard: Heard, alice: User) -> None:
    ws.faults.add("chat.postMessage", "messages_tab_disabled")
    with pytest.raises(SlackApiError, match="messages_tab_disabled"):
        heard.client.chat_postMessage(channel=alice.id, text="x")
    assert ws.messages(alice) == []
    assert ws.calls("chat.postMessage")[0].answer == {"ok": False, "error": "messages_tab_disabled"}
    assert heard.client.chat_postMessage(channel=alice.id, text="x")["ok"] is True
