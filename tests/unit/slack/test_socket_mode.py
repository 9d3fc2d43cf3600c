"""Envelopes are acknowledged as soon as they are read only if they need no answer and come from our workspace."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from slack_bolt import BoltResponse
from slack_sdk import WebClient
from slack_sdk.errors import SlackClientNotConnectedError
from slack_sdk.socket_mode.request import SocketModeRequest

from bot.access.audit.refusals import Refusals
from bot.slack.ack_queue import AckQueue
from bot.slack.app import bolt_app
from bot.slack.membership import Team
from bot.slack.middleware import WorkspaceMiddleware
from bot.slack.responder import Responder
from bot.slack.socket_mode import EnvelopeHandler, has_no_answer
from tests.fakes import World


@pytest.mark.parametrize(
    ("kind", "payload", "at_once"),
    [
        ("slash_commands", {"command": "/es-access"}, True),
        ("slash_commands", {"command": "/something-else"}, False),
        ("interactive", {"type": "block_actions"}, True),
        ("interactive", {"type": "shortcut"}, True),
        ("interactive", {"type": "message_action"}, True),
        ("interactive", {"type": "view_submission"}, False),
        ("interactive", {"type": "block_suggestion"}, False),
        ("interactive", {}, False),
        ("events_api", {"event": {"type": "subteam_updated"}}, True),
        ("hello", {}, False),
    ],
)
def test_what_may_be_answered_is_not_acknowledged_before_it_was_dealt_with(
    kind: str, payload: dict[str, Any], at_once: bool
) -> None:
    assert has_no_answer(SocketModeRequest(kind, "e1", payload)) is at_once


class Client:
    """Slack's answer about the token."""

    retry_handlers: tuple[object, ...] = ()

    def auth_test(self) -> Any:
        return type("Answer", (), {"data": {"team_id": "T1", "enterprise_id": "E1"}})()


def test_whose_payload_it_is_is_known_without_asking_or_not_at_all() -> None:
    team = Team(Client())  # type: ignore[arg-type]
    assert not team.recognizes({"team_id": "T1"}), "nobody has asked Slack yet"
    team.identify()
    assert team.recognizes({"team_id": "T1"})
    assert team.recognizes({"team": {"id": "T1"}, "user": {"team_id": "E1"}})
    assert not team.recognizes({"team_id": "T1", "user": {"team_id": "T2"}})
    assert not team.recognizes({"text": "of nobody"})


class Session:
    """A connection that records sent messages, or refuses them."""

    def __init__(self, *, up: bool) -> None:
        self.up = up
        self.sent: list[dict[str, Any]] = []

    def send(self, text: str) -> None:
        if not self.up:
            raise SlackClientNotConnectedError("being replaced")
        self.sent.append(json.loads(text))


class Bench:
    """A handler with a fake connection, and with a Bolt app that records its requests."""

    def __init__(self, handler: EnvelopeHandler) -> None:
        self.handler = handler
        self.dealt_with: list[dict[str, Any]] = []
        self.may_deal = threading.Event()
        self.answer = BoltResponse(status=200)
        handler.app.dispatch = self._dispatch  # type: ignore[method-assign, assignment]

    def _dispatch(self, request: Any) -> BoltResponse:
        assert self.may_deal.wait(10)
        self.dealt_with.append(request.body)
        return self.answer

    def session(self, *, up: bool) -> Session:
        """Replaces the handler's connection."""
        session = Session(up=up)
        self.handler.client.current_session = session  # type: ignore[assignment]
        return session

    def arrives(self, kind: str = "slash_commands", **payload: Any) -> None:
        """Enqueues a message, as the reading thread does."""
        body = {"command": "/es-access", "team_id": "T1"} | payload
        self.handler.client.enqueue_message(json.dumps({"type": kind, "envelope_id": "e1", "payload": body}))


@pytest.fixture
def bench(world: World) -> Iterator[Bench]:
    team = Team(Client())  # type: ignore[arg-type]
    team.identify()
    client = WebClient(token="xoxb-none", base_url="http://127.0.0.1:1/")
    with ThreadPoolExecutor(2) as threads:
        ack_queue = AckQueue(threads)
        responder = Responder(ack_queue, world.directory, Refusals(world.store, world.clock))
        app = bolt_app(client, None, threads, [], WorkspaceMiddleware(team, responder), verified=False)
        handler = EnvelopeHandler(app, "xapp-none", ack_queue, team)
        made = Bench(handler)
        yield made
        made.may_deal.set()
        handler.client.current_session = None
        handler.finish()
        handler.client.close()


def test_a_command_is_acknowledged_before_it_is_dealt_with(bench: Bench) -> None:
    session = bench.session(up=True)
    bench.arrives()
    assert session.sent == [{"envelope_id": "e1"}]
    assert bench.dealt_with == []
    bench.may_deal.set()
    bench.handler.finish()
    assert len(bench.dealt_with) == 1
    assert session.sent == [{"envelope_id": "e1"}], "and not once more"


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("interactive", {"type": "view_submission"}),
        ("slash_commands", {"team_id": "T2"}),
        ("slash_commands", {"command": "/x"}),
    ],
)
def test_what_needs_an_answer_is_answered_by_bolt(bench: Bench, kind: str, payload: dict[str, Any]) -> None:
    session = bench.session(up=True)
    bench.arrives(kind, **payload)
    assert session.sent == []


def test_without_a_connection_it_is_acknowledged_by_the_next_one(bench: Bench) -> None:
    bench.session(up=False)
    bench.arrives()
    session = bench.session(up=True)
    bench.may_deal.set()
    bench.handler.finish()
    assert len(bench.dealt_with) == 1
    assert session.sent == [{"envelope_id": "e1"}]


def test_after_the_end_nothing_is_acknowledged_that_nobody_would_deal_with(bench: Bench) -> None:
    session = bench.session(up=True)
    bench.handler.finish()
    bench.arrives()
    assert session.sent == []


def test_a_payload_that_came_to_nothing_is_in_the_log(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.session(up=True)
    bench.answer = BoltResponse(status=500)
    bench.may_deal.set()
    bench.arrives()
    bench.handler.finish()
    assert "a payload was not processed" in capsys.readouterr().out
