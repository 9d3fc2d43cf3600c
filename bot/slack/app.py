"""The Bolt app, and its two ways to hear from Slack."""

import json
import select
import socket
import ssl
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Executor
from contextlib import suppress
from http.client import HTTPException
from queue import Queue
from typing import Protocol

import structlog
from pydantic import SecretStr
from slack_bolt import App
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_bolt.error import BoltError
from slack_sdk import WebClient
from slack_sdk.socket_mode.builtin import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest

from bot.access.errors import Outage, Refusal
from bot.slack.afterwards import Afterwards
from bot.slack.errors import domain_errors
from bot.slack.gate import Carrying, Gate

TIMEOUT_SECONDS = 10
"""For one call of Slack's Web API."""

LISTENERS = 32
"""Threads that acknowledge, of Bolt and of Socket Mode each."""

ANSWERERS = 16
"""Threads that do what was asked for and answer: each waits for the database, the cluster or Slack."""

PING_SECONDS = 3.0
"""Between our pings. Its client takes a connection for dead, and opens another, when no pong has come for four of these
and the next ping is due: within 16 seconds (slack_sdk 3.44, builtin/connection.py; 26 with its own 5 seconds)."""

SILENCE_SECONDS = 30.0
"""Without a life sign the connection is not called ready any more, whatever its client thinks of it."""

QUIET_SECONDS = 1.0
"""For a moment in which no envelope waits for its acknowledgement, before the connection is ended."""

QUIET_FOR_SECONDS = 0.02
"""That moment: longer than a frame takes from the socket to the queue."""

LEAVE_SECONDS = 5.0
"""For closing the connection: it takes about one. What Slack sends after that, it sends to another connection."""

RECONNECT_SECONDS = 5.0
"""Between attempts to reach Slack at the start."""

log = structlog.get_logger(__name__)


def web_client(token: SecretStr, api_url: str) -> WebClient:
    """A client without retries of its own: what is worth retrying is a row, and is tried again as one."""
    return WebClient(
        token=token.get_secret_value(), base_url=api_url, timeout=TIMEOUT_SECONDS, retry_handlers=[],
        ssl=ssl.create_default_context() if api_url.startswith("https:") else None,
    )  # fmt: skip


class Registers(Protocol):
    """Listeners for some of what Slack sends."""

    def register(self, app: App) -> None:
        """Hands them to Bolt."""
        ...


def bolt_app(
    client: WebClient,
    signing_secret: SecretStr | None,
    executor: Executor,
    listeners: Sequence[Registers],
    gate: Gate,
    *,
    verified: bool,
) -> App:
    """The app with every listener.

    `verified`: Slack has just taken the token, so that Bolt may ask it who we are once, now, and not at the first
    event; otherwise it asks then, since Slack may be down at the start and be back by then.
    """

    def made(*, asking: bool) -> App:
        return App(
            client=client,
            # Socket Mode needs no signature: Bolt wants a value all the same, and never uses it there.
            signing_secret=signing_secret.get_secret_value() if signing_secret else "socket-mode",
            token_verification_enabled=asking,
            listener_executor=Carrying(executor),
            raise_error_for_unhandled_request=False,
        )

    try:
        app = made(asking=verified)
    except (BoltError, OSError, HTTPException) as error:
        # Slack took the token a moment ago, so it is Slack that went away since: no reason not to start.
        log.warning("Slack did not say again who we are", error=type(error).__name__)
        app = made(asking=False)
    app.use(gate)
    for each in listeners:
        each.register(app)
    return app


class _Arrivals(Queue[str]):
    """What Socket Mode has read: an envelope counts from here on, and not from when a thread takes it up."""

    def __init__(self, afterwards: Afterwards) -> None:
        super().__init__()
        self._afterwards = afterwards

    def put(self, item: str, block: bool = True, timeout: float | None = None) -> None:
        """As every queue does."""
        if item.startswith("{") and SocketModeRequest.from_dict(json.loads(item)) is not None:
            self._afterwards.arrived()
        super().put(item, block, timeout)


class _Handler(SocketModeHandler):
    def __init__(self, app: App, app_token: str, afterwards: Afterwards) -> None:
        super().__init__(app, app_token, concurrency=LISTENERS, ping_interval=PING_SECONDS)
        self._afterwards = afterwards
        self.heard_at: float | None = None
        self.client.message_queue = _Arrivals(afterwards)
        self.client.on_message_listeners.append(self._heard)

    def _heard(self, _message: str) -> None:
        self.heard_at = time.time()

    def handle(self, client: SocketModeClient, req: SocketModeRequest) -> None:  # type: ignore[override]
        began = time.monotonic()
        try:
            super().handle(client, req)
        finally:
            self._afterwards.acknowledged(time.monotonic() - began)


def _all_is_read(open_socket: socket.socket | None) -> bool:
    """Whether nothing has come that the client has not read yet."""
    if open_socket is None or open_socket.fileno() < 0:
        return True
    if isinstance(open_socket, ssl.SSLSocket) and open_socket.pending():
        return False
    return not select.select([open_socket], [], [], 0)[0]


class SocketMode:
    """Hears from Slack over its WebSocket. The first connection is tried until it stands; its client keeps it up."""

    def __init__(self, app: App, app_token: SecretStr, afterwards: Afterwards) -> None:
        self._handler = _Handler(app, app_token.get_secret_value(), afterwards)
        self._afterwards = afterwards
        self._stopping = threading.Event()
        self._first = threading.Thread(target=self._connect, name="slack-connect", daemon=True)

    def start(self) -> None:
        """Connects, at once where Slack is up: returns when connected, or when the first attempt has failed."""
        if not self._try():
            self._first.start()

    def check(self) -> None:
        """Raises `Outage` while there is no connection, or nothing is heard on it."""
        if not self._handler.client.is_connected():
            raise Outage("there is no connection to Slack")
        silence = self.silence()
        if silence is not None and silence > SILENCE_SECONDS:
            raise Outage(f"nothing was heard from Slack for {silence:.0f} s")

    def silence(self) -> float | None:
        """The seconds since the last life sign: a pong to our ping, or an envelope. `None` before the first."""
        session = self._handler.client.current_session
        pong = session.last_ping_pong_time if session is not None else None
        signs = [each for each in (pong, self._handler.heard_at) if each is not None]
        return max(time.time() - max(signs), 0.0) if signs else None

    def stop(self) -> None:
        """Leaves Slack: no more envelopes come to this process."""
        self._stopping.set()
        if self._first.is_alive():
            self._first.join()
        self._hang_up()
        # Its client waits for threads of its own, one of which may be waiting for Slack.
        leaving = threading.Thread(target=self._handler.close, name="slack-leave", daemon=True)
        leaving.start()
        leaving.join(LEAVE_SECONDS)

    def _hang_up(self) -> None:
        """Ends the connection between two envelopes, and at once.

        Its client closes the socket only when the next frame was read, seconds later perhaps, and an envelope that
        comes until then is taken and never acknowledged: its person sees an error. (slack_sdk 3.44, builtin client.)
        """
        client = self._handler.client
        client.auto_reconnect_enabled = client.default_auto_reconnect_enabled = False
        open_socket = client.current_session.sock if client.current_session is not None else None
        until, busy = time.monotonic() + QUIET_SECONDS, time.monotonic()
        # For a moment, and not at one: what was read from the socket is an envelope only once its last byte was.
        while busy + QUIET_FOR_SECONDS > time.monotonic() < until:
            if not (_all_is_read(open_socket) and self._afterwards.wait_until_quiet(0)):
                busy = time.monotonic()
            time.sleep(0.001)
        client.current_session_state.terminated = True
        if open_socket is not None:
            with suppress(OSError):
                # Not an SSLSocket's own way, which would take the encryption away from under the thread that reads.
                socket.socket.shutdown(open_socket, socket.SHUT_RDWR)

    def _connect(self) -> None:
        while not self._stopping.wait(RECONNECT_SECONDS) and not self._try():
            pass

    def _try(self) -> bool:
        try:
            with domain_errors():
                self._handler.connect()  # type: ignore[no-untyped-call]
        except (Outage, Refusal) as error:
            log.warning("cannot connect to Slack yet", error=str(error))
            return False
        return True
