"""The page when something stops: the application, the page's own server, the cluster."""

import http.client
from contextlib import suppress

from playwright.sync_api import expect

from bot.sandbox.page import PageServer
from bot.sandbox.workspace import SlackMessage
from tests.browser.conftest import Open, PersonColumn, Sandbox


def test_the_application_restarts_and_people_go_on(sandbox: Sandbox, open_page: Open) -> None:
    tab = open_page(sandbox.page.url)
    alice, bob = PersonColumn(tab, "alice"), PersonColumn(tab, "bob")
    request = alice.asks("logs-web 1h")
    sandbox.stage.app.stop()
    try:
        expect(tab.locator("#about")).to_contain_text("es-access is not connected")
        bob.presses("Approve", request)
        expect(bob.node.get_by_role("alert")).to_contain_text("We had some trouble connecting")
        alice.types("/es-access list")
        expect(alice.node.get_by_role("alert")).to_contain_text("/es-access failed with the error")
    finally:
        sandbox.stage.app.start()
    expect(tab.locator("#about")).not_to_contain_text("not connected")
    bob.presses("Approve", request)
    expect(alice.message(f"Access {request}", "Password:")).to_be_visible()


def test_a_dropped_stream_is_said_and_comes_back_with_what_was_missed(sandbox: Sandbox, open_page: Open) -> None:
    with PageServer(sandbox.stage, port=0) as first:
        tab = open_page(f"{first.url}?as=alice", may_err=True)
        alice = PersonColumn(tab, "alice")
        expect(alice.node.get_by_label("Write to ES Access")).to_be_visible()
        alice.node.get_by_label("Write to ES Access").fill("half a sentence")
    expect(tab.get_by_text("The sandbox does not answer. Trying again")).to_be_visible()
    workspace = sandbox.stage.workspace
    workspace.say(sandbox.stage.alice, "said in another tab")
    with PageServer(sandbox.stage, port=first.port) as second:
        assert second.port == first.port
        expect(tab.get_by_text("The sandbox does not answer. Trying again")).to_be_hidden()
        expect(alice.message("said in another tab")).to_be_visible()
        expect(alice.node.get_by_label("Write to ES Access")).to_have_value("half a sentence")


def test_a_block_that_the_page_does_not_know_is_an_error_that_is_seen(sandbox: Sandbox, open_page: Open) -> None:
    tab = open_page(sandbox.page.url)
    workspace = sandbox.stage.workspace
    channel = workspace.direct_message(sandbox.stage.alice)
    text = {"type": "mrkdwn", "text": "<!date^1700000000^{moon}|x> and <!nobody>"}
    shown = (
        {"type": "hologram", "block_id": "b1"},
        {"type": "actions", "block_id": "b2", "elements": [{"type": "lever", "action_id": "a"}]},
        {"type": "rich_text", "block_id": "b3", "elements": [{"type": "rich_text_ring", "elements": []}]},
        {"type": "section", "block_id": "b4", "text": text},
    )
    # Bypasses the workspace's validation, which would refuse these.
    workspace._state.put_message(SlackMessage(channel.id, workspace._state.new_ts(), workspace.bot_user_id, "", shown))
    errors = PersonColumn(tab, "alice").node.locator(".unknown")
    for at, words in enumerate(
        (
            "a block of type “hologram”",
            "an element of type “lever”",
            "a part of type “rich_text_ring”",
            "the date token {moon}",
            "the token <!nobody>",
        )
    ):
        expect(errors.nth(at)).to_contain_text(f"This page cannot draw {words}")


def test_a_quiet_sandbox_says_nothing(sandbox: Sandbox) -> None:
    _heard(sandbox)  # the cluster is looked at while somebody listens, so the first stream may still bring news
    lines = _heard(sandbox)
    assert lines[0].startswith(b"retry: ")
    assert lines.count(b'data: "person:%s"\n' % sandbox.stage.alice.id.encode()) == 1
    assert lines.count(b'data: "all"\n') == 1, "told once, and not again while nothing changes"


def _heard(sandbox: Sandbox) -> list[bytes]:
    """The lines of a stream until it has been silent for two seconds."""
    connection = http.client.HTTPConnection("127.0.0.1", sandbox.page.port, timeout=2)
    connection.request("GET", "/api/live?people=alice,bob")
    stream = connection.getresponse()
    lines: list[bytes] = []
    with suppress(TimeoutError):
        while len(lines) < 10_000:
            lines.append(stream.readline())
    connection.close()
    return lines
