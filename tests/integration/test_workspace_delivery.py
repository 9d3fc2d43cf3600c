"""The local workspace delivers as Slack does, to a real Bolt app: Socket Mode and signed HTTP."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from slack_bolt.adapter.wsgi import SlackRequestHandler

from bot.sandbox.workspace import NotShownError, PayloadDelivery, User, View, Workspace
from tests.integration.bolt_app import bolt_app, by_http, by_socket
from tests.integration.wider_manifest import wider


@pytest.fixture
def ws(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.start(wider(tmp_path), retry_seconds=(0.0, 0.05, 0.1)) as workspace:
        yield workspace


@pytest.fixture
def alice(ws: Workspace) -> User:
    return ws.add_user("alice")


@pytest.fixture(params=["socket", "http"])
def running(request: pytest.FixtureRequest, ws: Workspace) -> Iterator[str]:
    app = bolt_app(ws)
    how = by_socket(ws, app) if request.param == "socket" else by_http(ws, SlackRequestHandler(app))
    with how:
        yield request.param


def open_form(ws: Workspace, user: User) -> View:
    before = {each.id for each in ws.views(user)}  # one that is still open is not the one that is awaited
    ws.command(user, "/es-access", "form")
    return ws.wait_for(lambda: [each for each in ws.views(user) if each.id not in before], what="the form")[-1]


@pytest.mark.usefixtures("running")
def test_a_command_is_acknowledged_and_its_text_arrives_escaped(ws: Workspace, alice: User) -> None:
    delivery = ws.command(alice, "/es-access", "echo <!channel> & co")
    assert delivery.error is None
    assert delivery.ack_seconds is not None
    assert delivery.ack_seconds < 3
    assert delivery.payload["text"] == "echo &lt;!channel&gt; &amp; co"
    (answer,) = ws.ephemerals(alice)
    assert ws.render(answer, alice) == "you typed echo <!channel> & co"


@pytest.mark.usefixtures("running")
def test_a_click_reaches_the_app_and_its_answer_replaces_the_message(ws: Workspace, alice: User) -> None:
    ws.command(alice, "/es-access", "post")
    (message,) = ws.wait_for(lambda: ws.messages(alice), what="the message")
    clicked = ws.click(alice, message, "Approve")
    assert clicked.payload["actions"][0]["value"] == "REQ-1"
    assert clicked.payload["message"]["ts"] == message.ts
    ws.wait_for(lambda: ws.messages(alice)[0].text == "approved REQ-1", what="the replacement")
    with pytest.raises(NotShownError, match="no 'Approve' to press"):
        ws.click(alice, message, "Approve")
    stale = ws.click_raw(alice, message, "Approve", {"actions": [{"value": "forged"}]})
    assert stale.acknowledged
    ws.wait_for(lambda: ws.messages(alice)[0].text == "approved forged", what="the stale click")
    with pytest.raises(NotShownError, match="bob is not in"):
        ws.click(ws.add_user("bob"), message, "Approve")


@pytest.mark.usefixtures("running")
def test_a_click_on_a_private_answer_replaces_it_for_its_reader(ws: Workspace, alice: User) -> None:
    ws.command(alice, "/es-access", "private")
    (message,) = ws.wait_for(lambda: ws.ephemerals(alice), what="the private answer")
    clicked = ws.click(alice, message, "approve")
    assert clicked.payload["container"]["is_ephemeral"] is True
    ws.wait_for(lambda: ws.ephemerals(alice)[0].text == "approved REQ-1", what="the replacement")


@pytest.mark.usefixtures("running")
def test_a_form_obeys_what_its_submission_is_answered(ws: Workspace, alice: User) -> None:
    view = open_form(ws, alice)
    with pytest.raises(ValueError, match="Reason is required"):
        ws.submit(alice, view)
    with pytest.raises(ValueError, match="takes 0 to 5 characters"):
        ws.submit(alice, view, {"reason": "too long"})
    with pytest.raises(NotShownError, match="no field nothing"):
        ws.submit(alice, view, {"reason": "x", "nothing": "y"})
    ws.submit(alice, view, {"reason": "bad"})
    assert ws.views(alice)[0].errors == {"reason": "say more"}
    assert "! say more" in ws.render(ws.views(alice)[0], alice)
    assert ws.submit(alice, view, {"reason": "wrong"}).shown is not None
    ws.submit(alice, view, {"reason": ("why", "more")})
    assert [one.title for one in ws.views(alice)] == ["Ask", "Next"]
    ws.submit(alice, view, {"reason": "clear"})
    assert ws.views(alice) == []
    view = open_form(ws, alice)
    ws.submit(alice, view, {"reason": "other"})
    assert [(one.id, one.title) for one in ws.views(alice)] == [(view.id, "Next")]
    view = open_form(ws, alice)
    (option,) = ws.suggest(alice, view, "index", "logs")
    assert option["text"]["text"] == "logs-app"
    submitted = ws.submit(alice, view, {"reason": "fine", "pick": option})
    chosen = submitted.payload["view"]["state"]["values"]["pick"]["index"]
    assert (chosen["selected_option"], ws.views(alice)) == (option, [])


@pytest.mark.usefixtures("running")
def test_closing_a_form_is_told_to_the_app(ws: Workspace, alice: User) -> None:
    told = ws.close_view(alice, open_form(ws, alice))
    assert told is not None
    assert told.acknowledged
    assert ws.views(alice) == []


@pytest.mark.usefixtures("running")
def test_opening_home_lets_the_app_publish_it(ws: Workspace, alice: User) -> None:
    opened = ws.open_home(alice)
    assert opened is not None
    assert opened.acknowledged
    home = ws.wait_for(lambda: ws.home(alice), what="the home tab")
    assert ws.click(alice, home, "Approve").acknowledged


@pytest.mark.usefixtures("running")
def test_a_late_acknowledgement_is_an_error_to_the_person_and_still_recorded(ws: Workspace, alice: User) -> None:
    delivery = ws.command(alice, "/es-access", "late echo")
    assert (delivery.error, delivery.ack_seconds) == ("operation_timeout", None)
    assert ws.notices(alice) == ['/es-access failed with the error "operation_timeout"']
    ws.wait_for(lambda: delivery.late_ack_seconds, what="the late acknowledgement")
    assert ws.ephemerals(alice) == []


def test_a_command_nobody_listens_to_fails_at_once(ws: Workspace, alice: User) -> None:
    delivery = ws.command(alice, "/es-access", "x")
    assert delivery.shown == '/es-access failed with the error "dispatch_failed"'
    assert ws.command(alice, "/other").error == "invalid_command"
    ws.deliver_by_http("http://127.0.0.1:1/slack/events")
    assert ws.command(alice, "/es-access", "x").error == "dispatch_failed"


def test_a_wrong_signature_is_refused_by_the_app(ws: Workspace, alice: User) -> None:
    app = bolt_app(ws, secret="not-the-secret")
    with by_http(ws, SlackRequestHandler(app)):
        delivery = ws.command(alice, "/es-access", "echo")
    assert (delivery.status, delivery.error) == (401, "http_client_error")


def test_an_event_is_sent_again_three_times_and_a_command_never(ws: Workspace, alice: User) -> None:
    seen: list[tuple[str | None, str | None]] = []

    def failing(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        seen.append((environ.get("HTTP_X_SLACK_RETRY_NUM"), environ.get("HTTP_X_SLACK_RETRY_REASON")))
        start_response("500 Internal Server Error", [("Content-Length", "0")])
        return [b""]

    with by_http(ws, failing):
        assert ws.command(alice, "/es-access").error == "http_service_error"
        opened = ws.open_home(alice)
        assert isinstance(opened, PayloadDelivery)
        ws.wait_for(lambda: opened.attempts == 4 and len(seen) == 5, what="three retries")
    assert seen == [(None, None), (None, None), *((str(at), "http_error") for at in (1, 2, 3))]


def test_several_connections_share_the_envelopes_and_each_goes_to_one(ws: Workspace, alice: User) -> None:
    with by_socket(ws, bolt_app(ws), connections=3), ThreadPoolExecutor(12) as people:
        sent = list(people.map(lambda at: ws.command(alice, "/es-access", f"echo {at}"), range(30)))
    assert all(one.acknowledged for one in sent)
    assert sorted(one.text for one in ws.ephemerals(alice)) == sorted(f"you typed echo {at}" for at in range(30))
    shares = [sum(one.connection == name for one in sent) for name in {one.connection for one in sent}]
    assert shares == [10, 10, 10]


@pytest.mark.parametrize("abrupt", [False, True])
def test_the_app_comes_back_after_its_connections_are_dropped(ws: Workspace, alice: User, abrupt: bool) -> None:
    with by_socket(ws, bolt_app(ws)):
        ws.drop_connections(abrupt=abrupt)
        assert ws.command(alice, "/es-access", "echo").error == "dispatch_failed"
        ws.wait_for(lambda: ws.connections, timeout=15, what="a new connection")
        assert ws.command(alice, "/es-access", "echo").acknowledged


def test_a_refreshed_connection_is_replaced_and_loses_nothing(ws: Workspace, alice: User) -> None:
    with by_socket(ws, bolt_app(ws)):
        before = ws.command(alice, "/es-access", "echo").connection
        ws.refresh_connections()
        after = ws.command(alice, "/es-access", "echo")
        assert after.acknowledged
        assert after.connection != before


def test_a_half_open_connection_swallows_until_the_app_notices(ws: Workspace, alice: User) -> None:
    with by_socket(ws, bolt_app(ws)):
        ws.half_open()
        swallowed = ws.command(alice, "/es-access", "echo")
        assert (swallowed.error, swallowed.late_ack_seconds) == ("operation_timeout", None)
        # The client drops a connection after four ping intervals without an answer.
        ws.wait_for(lambda: ws.command(alice, "/es-access", "echo").acknowledged, timeout=30, what="recovery")


def test_the_eleventh_connection_is_refused_and_a_ticket_is_good_once(ws: Workspace) -> None:
    app = bolt_app(ws)
    with by_socket(ws, app, connections=10):
        url = app.client.apps_connections_open(app_token=ws.app_token)["url"].replace("ws://", "http://")
        assert refused(url) == 429
    ws.wait_for(lambda: ws.connections == 0, what="the connections end")
    assert refused(url.replace("ticket=", "ticket=no")) == 403


def refused(url: str) -> int:
    """The HTTP status of a WebSocket handshake that is refused."""
    with pytest.raises(HTTPError) as caught:
        urlopen(url)  # noqa: S310 - an http address of the workspace
    with caught.value:
        return int(caught.value.code)
