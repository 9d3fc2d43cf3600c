"""The local workspace answers and refuses as Slack does, seen by Slack's own client."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from slack_sdk import WebClient
from slack_sdk.webhook import WebhookClient

from bot.sandbox.workspace import Manifest, User, Workspace
from tests.integration.wider_manifest import MANIFEST, wider
from tests.integration.workspace_calls import Clock, code, refusal

HI: list[dict[str, Any]] = [{"type": "section", "text": {"type": "mrkdwn", "text": "hi"}}]
BUTTON: list[dict[str, Any]] = [
    {"type": "actions", "elements": [{"type": "button", "text": {"type": "plain_text", "text": "Press"}}]}
]
MODAL: dict[str, Any] = {"type": "modal", "title": {"type": "plain_text", "text": "Ask"}, "blocks": HI}


@pytest.fixture
def ws(clock: Clock, tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.start(wider(tmp_path), clock=clock) as workspace:
        yield workspace


def trigger(ws: Workspace, user: User) -> str:
    """A trigger_id as a command carries it; nobody is connected to acknowledge the command."""
    delivery = ws.command(user, "/es-access")
    return str(delivery.payload["trigger_id"])


def test_auth_test_names_the_bot_and_its_scopes(ws: Workspace, client: WebClient) -> None:
    answer = client.auth_test()
    assert answer["user_id"] == ws.bot_user_id
    assert answer.headers["x-oauth-scopes"] == ",".join(
        sorted({*Manifest.load(MANIFEST).scopes, "im:write", "im:history"})
    )


def test_wrong_absent_and_misplaced_tokens_are_refused(ws: Workspace) -> None:
    assert code(lambda: WebClient(token="xoxb-wrong", base_url=ws.api_url).auth_test()) == "invalid_auth"
    assert code(lambda: WebClient(base_url=ws.api_url).auth_test()) == "not_authed"
    bot = WebClient(token=ws.bot_token, base_url=ws.api_url)
    assert code(lambda: bot.apps_connections_open(app_token=ws.bot_token)) == "not_allowed_token_type"
    assert code(lambda: bot.api_call("nothing.such")) == "unknown_method"


@pytest.mark.parametrize(
    ("scope", "method"),
    [
        ("chat:write", "chat.postMessage"),
        ("im:write", "conversations.open"),
        ("users:read", "users.info"),
        ("users:read", "users.list"),
        ("users:read.email", "users.lookupByEmail"),
        ("usergroups:read", "usergroups.list"),
    ],
)
def test_a_scope_missing_from_the_manifest_is_refused(
    ws: Workspace, client: WebClient, scope: str, method: str
) -> None:
    ws.revoke_scope(scope)
    answer = refusal(lambda: client.api_call(method, params={"channel": "C1"}))
    assert (answer["error"], answer["needed"]) == ("missing_scope", scope)
    assert scope not in answer["provided"].split(",")


def test_a_message_to_a_user_stands_in_the_direct_message(ws: Workspace, client: WebClient, alice: User) -> None:
    channel = client.conversations_open(users=[alice.id])["channel"]["id"]
    sent = client.chat_postMessage(channel=channel, text="one")
    client.chat_postMessage(channel=alice.id, text="two", blocks=HI, thread_ts=sent["ts"])
    one, two = ws.messages(alice)
    assert (one.channel, one.text, one.ts) == (channel, "one", sent["ts"])
    assert (two.channel, two.thread_ts, two.ts > one.ts) == (channel, one.ts, True)
    assert two.blocks[0]["block_id"], "Slack names every block"
    assert client.conversations_open(users=[alice.id])["already_open"] is True


def test_unreachable_conversations_are_refused_by_name(ws: Workspace, client: WebClient, alice: User) -> None:
    robot = ws.add_user("robot", is_bot=True)
    outside = ws.add_channel("outside", [alice], with_app=False)

    def post(channel: str) -> Callable[[], object]:
        return lambda: client.chat_postMessage(channel=channel, text="x")

    assert code(post("C0000000000")) == "channel_not_found"
    assert code(post("U0000000000")) == "channel_not_found"
    assert code(post(outside.id)) == "not_in_channel"
    assert code(post(robot.id)) == "cannot_dm_bot"
    assert code(lambda: client.conversations_open(users="U0000000000")) == "user_not_found"
    assert code(lambda: client.conversations_open(users="")) == "users_list_not_supplied"
    ws.set_messages_tab(enabled=False)
    assert code(post(alice.id)) == "messages_tab_disabled"
    ws.set_messages_tab(enabled=True)
    ws.deactivate(alice)
    assert code(post(alice.id)) == "user_disabled"
    assert ws.messages(alice) == []


def test_empty_and_endless_texts_are_refused(ws: Workspace, client: WebClient, alice: User) -> None:
    # Past the SDK's own warning, as another client would send it.
    empty = {"channel": alice.id, "text": " "}
    assert code(lambda: client.api_call("chat.postMessage", json=empty)) == "no_text"
    assert code(lambda: client.api_call("chat.postMessage", params=empty)) == "no_text"
    assert code(lambda: client.chat_postMessage(channel=alice.id, text="x" * 40_001)) == "msg_too_long"
    assert code(lambda: client.chat_postMessage(channel=alice.id, text="x", blocks="{")) == "invalid_blocks_format"
    client.chat_postMessage(channel=alice.id, text="x" * 40_000)
    assert len(ws.messages(alice)) == 1


def test_an_edit_keeps_the_blocks_it_does_not_name_and_the_history(
    ws: Workspace, client: WebClient, alice: User
) -> None:
    sent = client.chat_postMessage(channel=alice.id, text="secret", blocks=HI)
    client.chat_update(channel=sent["channel"], ts=sent["ts"], text="gone")
    (message,) = ws.messages(alice)
    assert (message.text, message.blocks[0]["text"]["text"]) == ("gone", "hi")
    client.chat_update(channel=sent["channel"], ts=sent["ts"], text="gone", blocks=[])
    (message,) = ws.messages(alice)
    assert (message.blocks, [one.text for one in message.history]) == ((), ["secret", "gone"])
    assert message.edited is not None
    client.chat_delete(channel=sent["channel"], ts=sent["ts"])
    assert ws.messages(alice) == []
    assert ws.messages(alice, deleted=True)[0].deleted
    assert code(lambda: client.chat_update(channel=sent["channel"], ts=sent["ts"], text="x")) == "message_not_found"


def test_what_others_wrote_cannot_be_edited_or_deleted(ws: Workspace, client: WebClient, alice: User) -> None:
    said = ws.say(alice, "hello")
    assert code(lambda: client.chat_update(channel=said.channel, ts=said.ts, text="x")) == "cant_update_message"
    assert code(lambda: client.chat_delete(channel=said.channel, ts=said.ts)) == "cant_delete_message"
    assert code(lambda: client.chat_update(channel=alice.id, ts=said.ts, text="x")) == "channel_not_found"
    assert ws.messages(alice)[0].text == "hello"


def test_an_ephemeral_is_seen_by_one_and_cannot_be_edited(ws: Workspace, client: WebClient, alice: User) -> None:
    bob = ws.add_user("bob")
    channel = ws.add_channel("general", [alice])
    sent = client.chat_postEphemeral(channel=channel.id, user=alice.id, text="psst")
    assert [one.text for one in ws.ephemerals(alice)] == ["psst"]
    assert ws.messages(channel) == []
    assert ws.ephemerals(bob) == []
    ts = sent["message_ts"]
    assert code(lambda: client.chat_update(channel=channel.id, ts=ts, text="x")) == "message_not_found"
    to_bob = refusal(lambda: client.chat_postEphemeral(channel=channel.id, user=bob.id, text="x"))
    assert to_bob["error"] == "user_not_in_channel"


def test_people_are_found_by_id_and_mail_and_page(ws: Workspace, client: WebClient, alice: User) -> None:
    gone = ws.add_user("gone", deleted=True)
    found = client.users_info(user=alice.id)["user"]
    assert (found["tz"], found["profile"]["email"]) == ("Europe/Paris", "alice@example.com")
    assert client.users_info(user=gone.id)["user"]["deleted"] is True
    assert client.users_lookupByEmail(email="Alice@Example.com")["user"]["id"] == alice.id
    assert code(lambda: client.users_lookupByEmail(email=gone.email)) == "users_not_found"
    assert code(lambda: client.users_info(user="U0")) == "user_not_found"
    assert code(lambda: client.users_list(cursor="?")) == "invalid_cursor"
    pages = [[user["name"] for user in page["members"]] for page in client.users_list(limit=2)]
    assert pages == [["es-access", "alice"], ["gone"]]
    ws.revoke_scope("users:read.email")
    assert "email" not in client.users_info(user=alice.id)["user"]["profile"]


def test_groups_list_their_members_on_a_paid_plan_alone(ws: Workspace, client: WebClient, alice: User) -> None:
    group = ws.add_group("oncall", [alice])
    (found,) = client.usergroups_list(include_users=True)["usergroups"]
    assert (found["handle"], found["users"]) == ("oncall", [alice.id])
    ws.set_group("oncall", [])
    assert client.usergroups_users_list(usergroup=group.id)["users"] == []
    assert "users" not in client.usergroups_list()["usergroups"][0]
    assert code(lambda: client.usergroups_users_list(usergroup="S0")) == "no_such_subteam"
    ws.set_paid_plan(paid=False)
    assert code(client.usergroups_list) == "plan_upgrade_required"


def test_a_trigger_is_good_once_and_for_three_seconds(
    ws: Workspace, client: WebClient, clock: Clock, alice: User
) -> None:
    first, second = trigger(ws, alice), trigger(ws, alice)
    opened = client.views_open(trigger_id=first, view=MODAL)["view"]
    assert [view.id for view in ws.views(alice)] == [opened["id"]]
    assert code(lambda: client.views_open(trigger_id=first, view=MODAL)) == "exchanged_trigger_id"
    assert code(lambda: client.views_open(trigger_id="1.2.3", view=MODAL)) == "invalid_arguments"
    clock.now += 3.1
    assert code(lambda: client.views_open(trigger_id=second, view=MODAL)) == "expired_trigger_id"


def test_views_are_updated_by_id_and_refused_on_a_stale_hash(ws: Workspace, client: WebClient, alice: User) -> None:
    opened = client.views_open(trigger_id=trigger(ws, alice), view=MODAL | {"external_id": "e"})["view"]
    client.views_update(external_id="e", hash=opened["hash"], view=MODAL)
    stale = {"view_id": opened["id"], "hash": opened["hash"], "view": MODAL}
    assert code(lambda: client.api_call("views.update", json=stale)) == "hash_conflict"
    assert code(lambda: client.views_update(view_id="V0", view=MODAL)) == "not_found"
    home = {"type": "home", "blocks": HI}
    client.views_publish(user_id=alice.id, view=home)
    published = ws.home(alice)
    assert published is not None
    assert published.blocks[0]["text"]["text"] == "hi"
    assert code(lambda: client.views_publish(user_id=alice.id, view=MODAL)) == "invalid_arguments"


def test_a_response_url_takes_five_answers_for_thirty_minutes(ws: Workspace, clock: Clock, alice: User) -> None:
    hook = WebhookClient(ws.command(alice, "/es-access").payload["response_url"])
    channel = ws.direct_message(alice)
    invalid = hook.send(text="x", blocks=[{"type": "nonsense"}])
    assert (invalid.status_code, "invalid_blocks" in invalid.body) == (400, True)
    answers = [hook.send(text=str(at), response_type="in_channel" if at == 0 else None) for at in range(6)]
    assert [one.status_code for one in answers] == [200] * 5 + [404]
    assert "used_url" in answers[-1].body
    assert [one.text for one in ws.messages(channel)] == ["0"]
    assert [one.text for one in ws.ephemerals(alice)] == ["1", "2", "3", "4"]
    late = WebhookClient(ws.command(alice, "/es-access").payload["response_url"])
    clock.now += 30 * 60 + 1
    assert "expired_url" in late.send(text="x").body


def test_an_answer_to_a_forgotten_message_is_refused(ws: Workspace, client: WebClient, alice: User) -> None:
    client.chat_postMessage(channel=alice.id, text="old", blocks=BUTTON)
    (message,) = ws.messages(alice)
    hook = WebhookClient(ws.click(alice, message, "Press").payload["response_url"])
    client.chat_delete(channel=message.channel, ts=message.ts)
    assert hook.send(text="x", replace_original=True).status_code == 404
    assert ws.messages(alice) == []


def test_an_answer_deletes_what_was_clicked_when_asked(ws: Workspace, client: WebClient, alice: User) -> None:
    client.chat_postMessage(channel=alice.id, text="old", blocks=BUTTON)
    (message,) = ws.messages(alice)
    hook = WebhookClient(ws.click(alice, message, "Press").payload["response_url"])
    assert hook.send(delete_original=True).status_code == 200
    assert ws.messages(alice) == []
    assert ws.messages(alice, deleted=True)[0].text == "old"
