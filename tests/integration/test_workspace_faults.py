"""The local workspace injects the configured faults, and installs only manifests that Slack accepts."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler
from slack_sdk.webhook import WebhookClient

from bot.sandbox.workspace import ManifestError, SlackError, SlackMessage, User, Workspace
from tests.integration.workspace_calls import Clock, code, refusal

MANIFEST = Path(__file__).parents[2] / "manifest.yml"


@pytest.fixture
def ws(clock: Clock) -> Iterator[Workspace]:
    with Workspace.start(MANIFEST, clock=clock) as workspace:
        yield workspace


def test_429_carries_retry_after_and_the_sdk_comes_back(ws: Workspace, client: WebClient, alice: User) -> None:
    ws.faults.add(method="chat.postMessage", answer=429, retry_after=1)
    answer = refusal(lambda: client.chat_postMessage(channel=alice.id, text="x"))
    assert answer["error"] == "ratelimited"
    ws.faults.add(method="chat.postMessage", answer=429, retry_after=1)
    client.retry_handlers.append(RateLimitErrorRetryHandler(max_retry_count=1))
    started = time.monotonic()
    client.chat_postMessage(channel=alice.id, text="x")
    assert time.monotonic() - started >= 1
    assert [call.status for call in ws.calls("chat.postMessage")] == [429, 429, 200]
    assert len(ws.messages(alice)) == 1


@pytest.mark.parametrize("after", [False, True])
def test_nothing_is_answered_before_or_after_the_message_is_posted(
    ws: Workspace, client: WebClient, alice: User, after: bool
) -> None:
    ws.faults.add(method="chat.postMessage", answer="nothing", after=after)
    with pytest.raises(ConnectionError):
        client.chat_postMessage(channel=alice.id, text="x")
    assert len(ws.messages(alice)) == int(after)
    assert ws.calls("chat.postMessage")[0].status is None


def test_500_is_answered_as_often_as_ordered(ws: Workspace, client: WebClient, alice: User) -> None:
    fault = ws.faults.add(method="*", answer=500, times=2, when=lambda args: args.get("text") == "x")
    client.chat_postMessage(channel=alice.id, text="other")
    for _ in range(2):
        with pytest.raises(SlackApiError):
            client.chat_postMessage(channel=alice.id, text="x")
    client.chat_postMessage(channel=alice.id, text="x")
    assert (fault.hits, len(ws.messages(alice))) == (2, 2)


def test_a_hanging_call_is_let_go_when_faults_are_cleared(ws: Workspace, client: WebClient) -> None:
    ws.faults.add(method="auth.test", answer="hang")
    client.timeout = 1
    with pytest.raises(TimeoutError):
        client.auth_test()
    ws.faults.clear()
    ws.wait_for(lambda: ws.calls("auth.test"), what="the hanging call is let go")
    client.auth_test()


def test_hooks_see_each_call_before_and_after_and_may_drop_it(ws: Workspace, client: WebClient, alice: User) -> None:
    seen: list[tuple[str, str, int]] = []

    def hook(method: str, payload: dict[str, Any], phase: str) -> Any:
        seen.append((method, phase, len(ws.messages(alice))))
        return "drop" if payload.get("text") == "drop me" and phase == "before" else None

    off = ws.on_call(hook)
    client.chat_postMessage(channel=alice.id, text="x")
    with pytest.raises(ConnectionError):
        client.chat_postMessage(channel=alice.id, text="drop me")
    off()
    client.auth_test()
    assert seen == [
        ("chat.postMessage", "before", 0),
        ("chat.postMessage", "after", 1),
        ("chat.postMessage", "before", 1),
    ]


def test_rate_limits_are_enforced_when_asked(ws: Workspace, client: WebClient, alice: User, clock: Clock) -> None:
    bob = ws.add_user("bob")
    ws.enforce_rate_limits()
    client.chat_postMessage(channel=alice.id, text="1")
    client.chat_postMessage(channel=bob.id, text="another channel")
    assert code(lambda: client.chat_postMessage(channel=alice.id, text="2")) == "ratelimited"
    clock.now += 1
    client.chat_postMessage(channel=alice.id, text="2")
    for _ in range(20):
        client.usergroups_list()
    assert code(client.usergroups_list) == "ratelimited"


def test_waiting_wakes_at_a_change_and_fails_with_what_people_see(
    ws: Workspace, client: WebClient, alice: User
) -> None:
    thread = threading.Timer(0.1, lambda: client.chat_postMessage(channel=alice.id, text="here I am"))
    thread.start()
    (message,) = ws.wait_for(lambda: ws.messages(alice), what="a message")
    thread.join()
    assert isinstance(message, SlackMessage)
    with pytest.raises(AssertionError, match=r"(?s)the moon.*== alice.*here I am.*chat\.postMessage → 200"):
        ws.wait_for(lambda: None, timeout=0.1, what="the moon")


def test_a_reset_forgets_what_was_said_but_not_the_people(ws: Workspace, client: WebClient, alice: User) -> None:
    client.chat_postMessage(channel=alice.id, text="x")
    ws.revoke_scope("chat:write")
    ws.faults.add(method="*", answer=500, times=None)
    ws.reset()
    assert (ws.messages(alice), ws.traffic) == ([], [])
    client.chat_postMessage(channel=alice.id, text="y")
    assert ws.user(alice.id) == alice


@pytest.mark.parametrize(
    ("before", "after", "complaint"),
    [
        ("command: /es-access", "command: es-access", "starts with /"),
        ("      - commands\n", "", "`commands`"),
        ("should_escape: false", "should_escape: true", "should_escape"),
        ("  name: ES Access\n", "", "name is missing"),
        ("name: ES Access", "name: &anchor", "name is missing"),
        ("name: ES Access", "name: *unknown", "line 8"),
    ],
)
def test_a_manifest_slack_would_not_take_is_not_installed(
    tmp_path: Path, before: str, after: str, complaint: str
) -> None:
    text = MANIFEST.read_text()
    assert before in text
    broken = tmp_path / "manifest.yml"
    broken.write_text(text.replace(before, after, 1))
    with pytest.raises(ManifestError, match=complaint):
        Workspace.start(broken)


def test_a_manifest_is_a_mapping(tmp_path: Path) -> None:
    broken = tmp_path / "manifest.yml"
    broken.write_text("- a list\n")
    with pytest.raises(ManifestError, match="must be a mapping"):
        Workspace.start(broken)


def test_a_private_answer_suffers_faults_too(ws: Workspace, alice: User) -> None:
    hook = WebhookClient(ws.command(alice, "/es-access").payload["response_url"])
    ws.faults.add("response_url", 500, after=True)
    assert [hook.send(text=text).status_code for text in ("one", "two")] == [500, 200]
    assert [one.text for one in ws.ephemerals(alice)] == ["one", "two"]
    with pytest.raises(ValueError, match="400 to 599"):
        ws.faults.add("*", 200)


def test_people_cannot_write_where_the_messages_tab_is_off(ws: Workspace, alice: User) -> None:
    ws.set_messages_tab(enabled=False)
    with pytest.raises(SlackError, match="messages_tab_disabled"):
        ws.say(alice, "hello")


def test_a_taken_port_is_an_error_and_closing_twice_is_not(ws: Workspace) -> None:
    port = int(ws.api_url.split(":")[2].split("/")[0])
    with pytest.raises(OSError, match="address already in use"):
        Workspace.start(MANIFEST, port=port)
    ws.close()
    ws.close()
    with Workspace.start(MANIFEST, port=port) as again:
        assert again.api_url == ws.api_url
