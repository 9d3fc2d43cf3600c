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

from bot.access.audit.refusals import Refusals
from bot.slack.ack_queue import AckQueue
from bot.slack.app import bolt_app
from bot.slack.intake.intake import Intake
from bot.slack.intake.payloads import has_no_answer
from bot.slack.membership import Team
from bot.slack.middleware import WorkspaceMiddleware
from bot.slack.responder import Responder
from bot.slack.socket_mode import EnvelopeHandler
from tests.fakes import World
from tests.inboxes import open_inbox


@pytest.mark.parametrize(
    ("payload", "at_once"),
    [
        ({"command": "/es-access"}, True),
        ({"command": "/something-else"}, False),
        ({"type": "block_actions"}, True),
        ({"type": "shortcut"}, True),
        ({"type": "message_action"}, True),
        ({"type": "view_submission"}, False),
        ({"type": "block_suggestion"}, False),
        ({"type": "event_callback", "event": {"type": "subteam_updated"}}, True),
        ({}, False),
    ],
)
def test_what_may_be_answered_is_not_acknowledged_before_it_was_dealt_with(
    payload: dict[str, Any], at_once: bool
) -> None:
    assert has_no_answer(payload) is at_once


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


PATIENCE = 10.0


class Session:
    """A connection that records sent messages, or refuses them."""

    def __init__(self, *, up: bool) -> None:
        self.up = up
        self.sent: list[dict[str, Any]] = []
        self._change = threading.Condition()

    def is_active(self) -> bool:
        return self.up

    def send(self, text: str) -> None:
        if not self.up:
            raise SlackClientNotConnectedError("being replaced")
        with self._change:
            self.sent.append(json.loads(text))
            self._change.notify_all()

    def waits_for(self, count: int = 1) -> list[dict[str, Any]]:
        """The messages sent, once there are that many."""
        with self._change:
            assert self._change.wait_for(lambda: len(self.sent) >= count, PATIENCE)
            return list(self.sent)


class Bench:
    """A handler with a fake connection, and with a Bolt app that records its requests."""

    def __init__(self, handler: EnvelopeHandler) -> None:
        self.handler = handler
        self.dealt_with: list[dict[str, Any]] = []
        self.may_deal, self.dealt = threading.Event(), threading.Event()
        self.answer = BoltResponse(status=200)
        handler.app.dispatch = self._dispatch  # type: ignore[method-assign, assignment]

    def _dispatch(self, request: Any) -> BoltResponse:
        assert self.may_deal.wait(10)
        self.dealt_with.append(request.body)
        self.dealt.set()
        return self.answer

    def finishes(self) -> None:
        """Waits until one payload was dealt with."""
        assert self.dealt.wait(PATIENCE)
        self.handler.finish()
        assert len(self.dealt_with) == 1

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
    with open_inbox(world.store, world.clock) as inbox, ThreadPoolExecutor(2) as threads:
        ack_queue = AckQueue(threads)
        responder = Responder(ack_queue, world.directory, Refusals(world.store, world.clock), inbox)
        app = bolt_app(client, None, threads, [], WorkspaceMiddleware(team, responder))
        handler = EnvelopeHandler(app, "xapp-none", ack_queue, Intake(app, inbox, ack_queue, team, world.clock))
        made = Bench(handler)
        yield made
        made.may_deal.set()
        handler.client.current_session = None
        handler.finish()
        handler.client.close()


def test_a_command_is_acknowledged_before_it_is_dealt_with(bench: Bench) -> None:
    session = bench.session(up=True)
    bench.arrives()
    assert session.waits_for() == [{"envelope_id": "e1"}]
    assert bench.dealt_with == []
    bench.may_deal.set()
    bench.finishes()
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
    bench.may_deal.set()
    bench.finishes()
    session = bench.session(up=True)
    assert session.waits_for() == [{"envelope_id": "e1"}]


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
    bench.finishes()
    assert "a payload was not processed" in capsys.readouterr().out
