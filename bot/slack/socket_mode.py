"""Socket Mode: receives Slack's payloads over a WebSocket that the application opens."""

import json
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from queue import Queue

import structlog
from pydantic import SecretStr
from slack_bolt import App, BoltRequest
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_bolt.adapter.socket_mode.internals import send_response
from slack_sdk.errors import SlackClientNotConnectedError
from slack_sdk.socket_mode.builtin import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse

from bot.access.errors import Outage, Refusal
from bot.slack.ack_queue import AckQueue
from bot.slack.app import LISTENER_THREADS
from bot.slack.errors import domain_errors, slack_proxy
from bot.slack.intake.intake import Intake

PING_SECONDS = 3.0
"""Between our pings. The client replaces a connection at the first ping after four intervals without a pong: within 16
seconds (slack_sdk 3.44, builtin/connection.py), or 26 with its default of 5 seconds."""

SILENCE_SECONDS = 30.0
"""After this time without a life sign the connection does not count as ready, even if the client says so."""

QUIET_SECONDS = 1.0
"""How long to wait, before disconnecting, for a moment in which no envelope waits for its acknowledgement."""

QUIET_FOR_SECONDS = 0.02
"""The length of that moment: longer than a frame takes from the socket to the queue."""

LEAVE_SECONDS = 5.0
"""The timeout for closing the connection, which takes about one. Slack then sends to another connection."""

RECONNECT_SECONDS = 5.0
"""Between attempts to reach Slack at the start."""

LATE_SECONDS, LATE_PAUSE_SECONDS = 3.0, 0.02
"""How long to try to acknowledge a stored payload while the connection is replaced, and how often. Slack waits three
seconds."""

READ_BYTES = 65536
"""Bytes in one read. Other threads run between reads, so a burst should take few. The client's default is 1,024."""

log = structlog.get_logger(__name__)


class _ArrivalQueue(Queue[str]):
    """The queue of received messages, without the requests for which `handled` returns true."""

    def __init__(self, handled: Callable[[SocketModeRequest], bool]) -> None:
        super().__init__()
        self._handled = handled

    def put(self, item: str, block: bool = True, timeout: float | None = None) -> None:
        """See `Queue.put`."""
        request = SocketModeRequest.from_dict(json.loads(item)) if item.startswith("{") else None
        if request is None or not self._handled(request):
            super().put(item, block, timeout)


class EnvelopeHandler(SocketModeHandler):
    """Handles envelopes. Those that need no answer are taken in by the thread that reads the socket."""

    def __init__(self, app: App, app_token: str, ack_queue: AckQueue, intake: Intake) -> None:
        super().__init__(
            app, app_token, concurrency=LISTENER_THREADS, ping_interval=PING_SECONDS, receive_buffer_size=READ_BYTES
        )
        self._ack_queue = ack_queue
        self._intake = intake
        self._guard = threading.Lock()
        self._leaving = False
        self._arrived_at: dict[str, float] = {}
        self.heard_at: float | None = None
        self.client.message_queue = _ArrivalQueue(self._take)
        self.client.on_message_listeners.append(self._record_life_sign)
        self._ask_for_url = self.client.issue_new_wss_url
        self.client.issue_new_wss_url = self._new_url  # type: ignore[method-assign]

    def _new_url(self) -> str:
        """Asks Slack where to connect, and chooses the way there. The SDK would ignore `NO_PROXY`."""
        url = self._ask_for_url()
        proxy = slack_proxy(url)
        # User and password apart: the SDK logs the address of a proxy that refuses.
        self.client.proxy = proxy.bare_url if proxy else None
        self.client.proxy_headers = proxy.headers if proxy else None
        return url

    def finish(self) -> None:
        """Returns when every acknowledged envelope is processed. Takes in no more."""
        with self._guard:
            self._leaving = True
        self._intake.finish()

    def _record_life_sign(self, _message: str) -> None:
        self.heard_at = time.time()

    def _take(self, request: SocketModeRequest) -> bool:
        """Counts the request and, if it needs no answer, takes it in. Called by the reading thread."""
        arrived_at = time.monotonic()
        at_once = self._intake.takes(request.payload)
        self._ack_queue.record_arrival()

        def acknowledge() -> None:
            sent = self._acknowledge(request)
            self._ack_queue.record_acknowledgement(time.monotonic() - arrived_at)
            if not sent:  # the next connection sends it
                threading.Thread(target=self._acknowledge_later, args=(request,), daemon=True).start()

        with self._guard:
            if at_once and not self._leaving:
                self._intake.take(request.payload, acknowledge)
                return True
        self._arrived_at[str(request.envelope_id)] = arrived_at
        return False

    def _acknowledge_later(self, request: SocketModeRequest) -> None:
        until = time.monotonic() + LATE_SECONDS
        while not self._acknowledge(request) and time.monotonic() < until:
            time.sleep(LATE_PAUSE_SECONDS)

    def _acknowledge(self, request: SocketModeRequest) -> bool:
        session = self.client.current_session
        try:
            if session is not None:
                session.send(json.dumps(SocketModeResponse(envelope_id=request.envelope_id).to_dict()))
        except (SlackClientNotConnectedError, OSError):
            return False
        return session is not None

    def handle(self, client: SocketModeClient, req: SocketModeRequest) -> None:  # type: ignore[override]
        began = time.time()
        arrived_at = self._arrived_at.pop(str(req.envelope_id), time.monotonic())
        try:
            answer = self._intake.dispatch(BoltRequest(mode="socket_mode", body=req.payload))
            send_response(client, req, answer, began)
        finally:
            self._ack_queue.record_acknowledgement(time.monotonic() - arrived_at)


def _is_drained(open_socket: socket.socket | None) -> bool:
    """Whether the client has read all bytes that have arrived."""
    if open_socket is None or open_socket.fileno() < 0:
        return True
    if isinstance(open_socket, ssl.SSLSocket) and open_socket.pending():
        return False
    return not select.select([open_socket], [], [], 0)[0]


@contextmanager
def _typed_errors() -> Iterator[None]:
    """The SDK raises `Exception` itself when a proxy refuses (slack_sdk 3.48, builtin/internals.py)."""
    try:
        yield
    except Exception as error:
        if type(error) is not Exception:
            raise
        raise ConnectionRefusedError from error


class SocketMode:
    """The connection to Slack. The first connect is retried until it succeeds; then the client reconnects by itself."""

    def __init__(self, app: App, app_token: SecretStr, ack_queue: AckQueue, intake: Intake) -> None:
        self._handler = EnvelopeHandler(app, app_token.get_secret_value(), ack_queue, intake)
        self._ack_queue = ack_queue
        self._stopping = threading.Event()
        self._first = threading.Thread(target=self._connect, name="slack-connect", daemon=True)

    def start(self) -> None:
        """Connects. Returns after the first attempt; if it fails, a thread keeps trying."""
        if not self._try_to_connect():
            self._first.start()

    def check(self) -> None:
        """Raises `Outage` if there is no connection or it is silent."""
        if not self._handler.client.is_connected():
            raise Outage("there is no connection to Slack")
        silence = self.silence()
        if silence is not None and silence > SILENCE_SECONDS:
            raise Outage(f"nothing was heard from Slack for {silence:.0f} s")

    def silence(self) -> float | None:
        """The seconds since the last life sign, which is a pong or an envelope. `None` before the first."""
        session = self._handler.client.current_session
        pong = session.last_ping_pong_time if session is not None else None
        signs = [each for each in (pong, self._handler.heard_at) if each is not None]
        return max(time.time() - max(signs), 0.0) if signs else None

    def stop(self) -> None:
        """Disconnects from Slack. No more envelopes come to this process."""
        self._stopping.set()
        if self._first.is_alive():
            self._first.join()
        self._disconnect()
        # The client joins its own threads, and one of them may be waiting for Slack.
        leaving = threading.Thread(target=self._handler.close, name="slack-leave", daemon=True)
        leaving.start()
        leaving.join(LEAVE_SECONDS)

    def _disconnect(self) -> None:
        """Shuts the socket down at once, between two envelopes.

        The client closes the socket only after reading the next frame, perhaps seconds later. It would read an envelope
        until then but never acknowledge it, and the person would see an error (slack_sdk 3.44, builtin client).
        """
        client = self._handler.client
        client.auto_reconnect_enabled = client.default_auto_reconnect_enabled = False
        open_socket = client.current_session.sock if client.current_session is not None else None
        until, busy = time.monotonic() + QUIET_SECONDS, time.monotonic()
        # Quiet for a while, not at one instant: an envelope counts only once its last byte has been read.
        while busy + QUIET_FOR_SECONDS > time.monotonic() < until:
            if not (_is_drained(open_socket) and self._ack_queue.is_quiet()):
                busy = time.monotonic()
            time.sleep(0.001)
        client.current_session_runner.event.set()  # or it goes on reading, from the closed socket or a new one
        client.current_session_state.terminated = True
        if open_socket is not None:
            with suppress(OSError):
                # An SSLSocket's own shutdown would remove the encryption while the other thread reads.
                socket.socket.shutdown(open_socket, socket.SHUT_RDWR)
        self._handler.finish()

    def _connect(self) -> None:
        while not self._stopping.wait(RECONNECT_SECONDS) and not self._try_to_connect():
            pass

    def _try_to_connect(self) -> bool:
        try:
            with domain_errors(self._handler.app.client), _typed_errors():
                self._handler.connect()  # type: ignore[no-untyped-call]
        except (Outage, Refusal) as error:
            log.warning("cannot connect to Slack yet", error=str(error))
            return False
        return True
