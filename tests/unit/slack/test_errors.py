"""An answer that is not Slack's, or only half of one, is an outage: no queued message is given up for it."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from pydantic import SecretStr
from slack_bolt import App, BoltRequest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.access.errors import Outage, Refusal
from bot.access.models.messages import Message, MessageKind
from bot.access.policy.access_flow import AccessFlow
from bot.access.policy.current import CurrentPolicy
from bot.access.policy.model import Integration, Policy
from bot.slack.app import web_client
from bot.slack.errors import TokenRefused, domain_errors
from bot.slack.notifier import SlackNotifier

SECRET = "of-somebody-else"


class Responder(HTTPServer):
    """A server with the same answer to every call."""

    status = 200
    body = b""
    headers: tuple[tuple[str, str], ...] = ()


class _Handler(BaseHTTPRequestHandler):
    server: Responder

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"] or 0))
        self.send_response(self.server.status)
        for name, value in self.server.headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (its name there)
        """Logs nothing."""


@pytest.fixture
def server() -> Iterator[Responder]:
    with Responder(("127.0.0.1", 0), _Handler) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def call(server: Responder) -> None:
    client = web_client(SecretStr("xoxb-none"), f"http://127.0.0.1:{server.server_port}/api/")
    with domain_errors(client):
        client.auth_test()


@pytest.mark.parametrize("status", [200, 404, 500])
@pytest.mark.parametrize(
    "body",
    [
        "", "null", "[]", "[1]", "7", '"text"', "<html>sign in</html>", '{"ok": true, "ts": "17', '{"ok": false}',
        '{"ok": false, "error": 5}', '{"ok": false, "error": "Not a name"}', f'{{"password": "{SECRET}"',
        '\ufeff{"ok": true}',
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_an_outage_and_is_not_repeated(
    server: Responder, status: int, body: str, caplog: pytest.LogCaptureFixture
) -> None:
    server.status, server.body = status, body.encode()
    with pytest.raises(Outage) as raised:
        call(server)
    assert SECRET not in str(raised.value)
    assert "html" not in str(raised.value)
    assert not [each for each in caplog.records if each.name != "slack_sdk.web.base_client"]


def test_bytes_that_are_no_text_are_an_outage(server: Responder) -> None:
    server.body = b"\xff\xfe\x00"
    with pytest.raises(Outage):
        call(server)


def test_a_pause_that_is_asked_for_is_kept_whatever_stands_in_the_answer(server: Responder) -> None:
    server.status, server.headers, server.body = 429, (("Retry-After", "7"),), b"slow down"
    with pytest.raises(Outage) as raised:
        call(server)
    assert raised.value.retry_after == 7


def test_what_slack_itself_refuses_is_named(server: Responder) -> None:
    server.body = b'{"ok": false, "error": "channel_not_found"}'
    with pytest.raises(Refusal, match="Slack answered channel_not_found") as refused:
        call(server)
    assert refused.value.code == "channel_not_found"
    server.body = b'{"ok": false, "error": "invalid_auth"}'
    with pytest.raises(TokenRefused) as token:
        call(server)
    assert token.value.code == "invalid_auth"
    server.body = b'{"ok": false, "error": "internal_error"}'
    with pytest.raises(Outage) as outage:
        call(server)
    assert outage.value.code == "internal_error"


@pytest.mark.parametrize(
    "body", ['{"ok": true}', '{"ok": true, "ts": "17.1"}', '{"ok": true, "channel": "D1", "ts": 17.1}']
)
def test_a_message_that_stands_nowhere_is_not_taken_for_one_that_was_posted(server: Responder, body: str) -> None:
    server.body = body.encode()
    client = WebClient(token="xoxb-none", base_url=f"http://127.0.0.1:{server.server_port}/api/", retry_handlers=[])
    owed = Message(kind=MessageKind.NOTICE, recipient="U1", notice="something")
    somewhere = Integration(name="prod", owner=("@owners",), public_url="https://es.example.com")
    current = CurrentPolicy(Policy(integrations=(somewhere,), access_flows=(AccessFlow(name="all"),)))
    with pytest.raises(Outage, match="does not say where the message stands"):
        SlackNotifier(client, current).send(owed, None)


def test_a_failed_call_is_reported_also_by_the_client_that_bolt_makes_for_a_payload(server: Responder) -> None:
    server.status, server.body = 500, b""
    failures: list[tuple[str, type[Exception]]] = []
    ours = web_client(
        SecretStr("xoxb-none"), f"http://127.0.0.1:{server.server_port}/api/", lambda *failure: failures.append(failure)
    )
    request = BoltRequest(body="")
    App(client=ours, signing_secret="none", token_verification_enabled=False)._init_context(request)
    with pytest.raises(Outage), domain_errors(request.context["client"]):
        request.context["client"].auth_test()
    assert failures == [("slack", Outage)]


def test_bolt_gets_an_error_of_the_sdk_for_a_truncated_answer(server: Responder) -> None:
    server.body = b'{"ok": tr'
    ours = web_client(SecretStr("xoxb-none"), f"http://127.0.0.1:{server.server_port}/api/")
    request = BoltRequest(body="")
    App(client=ours, signing_secret="none", token_verification_enabled=False)._init_context(request)
    for client in (ours, request.context["client"]):
        with pytest.raises(SlackApiError):  # the only error that Bolt expects
            client.auth_test()
