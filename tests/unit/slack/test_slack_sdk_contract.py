"""The undocumented parts of slack_sdk and slack_bolt that `bot.slack.socket_mode` uses.

An upgrade that renames or changes one of them fails here, by name. Then read `bot/slack/socket_mode.py` anew.
"""

import inspect
import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_bolt.adapter.socket_mode.internals import run_bolt_app, send_response
from slack_sdk.socket_mode.builtin import SocketModeClient
from slack_sdk.socket_mode.builtin.connection import Connection, ConnectionState
from slack_sdk.socket_mode.client import BaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse


@pytest.fixture(scope="module")  # closing one takes a second
def client() -> Iterator[SocketModeClient]:
    made = SocketModeClient(app_token="xapp-none")
    yield made
    made.close()


@pytest.fixture
def connection() -> Connection:
    return Connection(url="ws://127.0.0.1:1/", logger=logging.getLogger(__name__))


@pytest.mark.parametrize(
    ("function", "parameters"),
    [
        (run_bolt_app, ["app", "req"]),
        (send_response, ["client", "req", "bolt_resp", "start_time"]),
        (SocketModeHandler.handle, ["self", "client", "req"]),
        (SocketModeHandler.connect, ["self"]),
        (SocketModeHandler.close, ["self"]),
        (BaseSocketModeClient.enqueue_message, ["self", "message"]),
        (SocketModeClient.is_connected, ["self"]),
        (Connection.send, ["self", "payload"]),
        (SocketModeRequest.from_dict, ["message"]),
    ],
)
def test_functions_take_what_we_pass(function: Callable[..., Any], parameters: list[str]) -> None:
    assert list(inspect.signature(function).parameters) == parameters


def test_handler_takes_our_settings_and_registers_its_own_method() -> None:
    settings = inspect.signature(SocketModeHandler.__init__).parameters
    assert {"app", "app_token", "concurrency", "ping_interval", "receive_buffer_size"} <= set(settings)
    assert list(settings)[1:3] == ["app", "app_token"]
    assert "self.client.socket_mode_request_listeners.append(self.handle)" in inspect.getsource(SocketModeHandler)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("on_message_listeners", list),
        ("auto_reconnect_enabled", bool),
        ("default_auto_reconnect_enabled", bool),
        ("current_session", type(None)),
        ("current_session_state", ConnectionState),
    ],
)
def test_client_has_the_attributes_that_we_read_and_set(client: SocketModeClient, name: str, kind: type) -> None:
    assert isinstance(getattr(client, name), kind)


def test_connection_has_the_attributes_that_we_read(connection: Connection) -> None:
    assert (connection.sock, connection.last_ping_pong_time) == (None, None)
    assert ConnectionState().terminated is False  # type: ignore[no-untyped-call]
    assert "state.terminated" in inspect.getsource(Connection.run_until_completion)


def test_client_puts_each_message_into_its_queue_and_tells_its_listeners(client: SocketModeClient) -> None:
    heard: list[str] = []
    put: list[str] = []
    client.on_message_listeners.append(heard.append)
    client.message_queue.put = put.append  # type: ignore[method-assign, assignment]
    client._on_message("{}")
    assert (heard, put) == (["{}"], ["{}"])


def test_envelopes_are_read_and_acknowledged_as_json() -> None:
    request = SocketModeRequest.from_dict({"type": "interactive", "envelope_id": "e1", "payload": {"type": "shortcut"}})
    assert request is not None
    assert (request.type, request.envelope_id, request.payload) == ("interactive", "e1", {"type": "shortcut"})
    assert SocketModeResponse(envelope_id="e1").to_dict() == {"envelope_id": "e1"}


def test_client_stops_reading_at_the_event_of_its_runner(client: SocketModeClient) -> None:
    """Last, since this client reads nothing afterwards."""
    assert isinstance(client.current_session_runner.event, threading.Event)
    client.current_session_runner.event.set()
    client.current_session_runner.thread.join(10)
    assert not client.current_session_runner.is_alive()
