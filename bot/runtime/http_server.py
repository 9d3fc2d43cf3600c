"""An HTTP server that slow, hostile or many clients cannot deafen.

Waitress reads requests in one thread, so that a slow client holds none of those that answer. The rest is here: how many
connections there may be, how long a request may take to arrive, and how long it may be.
"""

import socket
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

import structlog
from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.server import TcpWSGIServer
from waitress.task import ErrorTask, ThreadedTaskDispatcher

MOST_CONNECTIONS = 500
"""Connections at the same time. One more closes the one that has waited longest without a whole request. Two servers
with this many, and everything else, stay within the 1,024 open files that a process often may have."""

REQUEST_SECONDS = 10.0
"""From the first byte of a request to its last. Slack's arrive in milliseconds."""

IDLE_SECONDS = 120
"""How long a connection may be idle: longer than load balancers keep theirs, or they would use one that was closed."""

MOST_BODY_BYTES = 1024 * 1024
"""Bytes in the body of a request. Slack's largest payloads are a tenth of it."""

MOST_HEADER_BYTES = 32 * 1024

DISCARDED_BYTES, DISCARD_SECONDS = 4 * MOST_BODY_BYTES, 2.0
"""How much of a refused request is still taken from its client, and for how long, so that it can read the answer."""

BYTES_IN_MEMORY = 128 * 1024
"""Bytes of one body that are kept in memory while it arrives. The rest goes to a temporary file."""

STOP_SECONDS = 10.0
"""How long a stop waits for requests in progress. Each is acknowledged within three seconds."""

StartResponse = Callable[..., Any]
WsgiApp = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]

log = structlog.get_logger(__name__)


class WebServer:
    """Serves a WSGI app in threads. The constructor binds the port, and raises `OSError` when it is in use."""

    def __init__(self, app: WsgiApp, host: str, port: int, threads: int, name: str) -> None:
        """`threads` is how many requests are answered at the same time."""
        self._connections: dict[int, Any] = {}
        settings = Adjustments(
            host=host, port=port, ident=None, clear_untrusted_proxy_headers=True,
            # A request as long as waitress' limit is too long already.
            max_request_body_size=MOST_BODY_BYTES + 1, max_request_header_size=MOST_HEADER_BYTES,
            inbuf_overflow=BYTES_IN_MEMORY, channel_timeout=IDLE_SECONDS, cleanup_interval=1,
            connection_limit=MOST_CONNECTIONS + threads,
            asyncore_use_poll=True,  # `select` knows no file beyond the 1,024th
        )  # fmt: skip
        self._dispatcher = ThreadedTaskDispatcher()
        self._dispatcher.set_thread_count(threads)
        # A name such as `localhost` may be several addresses.
        self._listeners = [
            _Listener(app, self._connections, dispatcher=self._dispatcher, adj=settings, sockinfo=address)
            for address in settings.listen
        ]
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    def port(self) -> int:
        """The port that the server listens on; useful when port 0 asked for any free one."""
        return int(self._listeners[0].effective_port)

    def start(self) -> None:
        """Starts serving."""
        self._thread.start()

    def stop(self) -> None:
        """Accepts no more requests, and finishes those in progress."""
        self._dispatcher.shutdown(timeout=STOP_SECONDS)
        # Runs in the server's own thread, between two polls. Otherwise keep-alive connections block for minutes.
        self._listeners[0].trigger.pull_trigger(lambda: wasyncore.close_all(self._connections))
        self._thread.join()

    def _run(self) -> None:
        wasyncore.loop(timeout=1, use_poll=True, map=self._connections)


class _LoggedError(ErrorTask):  # type: ignore[misc]  # waitress has no types
    """The answer to a request that cannot be served: malformed, too long, or a bug."""

    def execute(self) -> None:
        # Not the error's own text, which repeats what the client sent.
        error = self.request.error
        log.warning("an HTTP request was refused", status=error.code, why=error.reason, sender=self.channel.addr[0])
        self.channel.refused = True
        super().execute()


class _Connection(HTTPChannel):  # type: ignore[misc]  # waitress has no types
    """A connection that knows since when it has been waiting for a whole request."""

    error_task_class = _LoggedError
    began: float | None = None
    """When the first byte of a request came that is not whole yet (`time.monotonic`)."""
    refused = False
    """Whether a request was refused before it was read to its end."""
    discarding_since: float | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.waiting_since = time.monotonic()

    def handle_close(self) -> None:
        """Closes; after a refusal, only our side at first: to close on unread bytes would take the answer back."""
        if self.refused and self.discarding_since is None:
            self.discarding_since, self.discarded = time.monotonic(), 0
            self.will_close = False
            with suppress(OSError):
                self.socket.shutdown(socket.SHUT_WR)
                return
        super().handle_close()

    def received(self, data: bytes) -> bool:
        if self.discarding_since is not None:
            self.discarded += len(data)
            if self.discarded > DISCARDED_BYTES:
                self.handle_close()
            return False
        began = self.began if self.request is not None else None
        more: bool = super().received(data)
        self.began = None if self.request is None else began or time.monotonic()
        return more

    def service(self) -> None:
        super().service()
        self.waiting_since = time.monotonic()

    @property
    def is_waiting(self) -> bool:
        """Whether the client has the next move."""
        return not self.requests and not self.will_close


class _Listener(TcpWSGIServer):  # type: ignore[misc]  # waitress has no types
    """Closes connections whose request does not arrive, and the oldest of those that wait when there are too many."""

    channel_class = _Connection

    def bind_server_socket(self) -> None:
        """Binds the port. `::` is every address of this machine, those of IPv4 included."""
        if self.adj.host.strip("[]") == "::":
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().bind_server_socket()

    def handle_accept(self) -> None:
        if len(self.active_channels) >= MOST_CONNECTIONS:
            waiting = [each for each in self.active_channels.values() if each.is_waiting]
            if waiting:
                min(waiting, key=lambda each: each.waiting_since).handle_close()
        super().handle_accept()

    def maintenance(self, now: float) -> None:
        """Called by the server's thread every second."""
        super().maintenance(now)
        latest = time.monotonic() - REQUEST_SECONDS
        for each in self.active_channels.values():
            if each.is_waiting and each.began is not None and each.began < latest:
                each.will_close = True
            if each.discarding_since is not None and time.monotonic() - each.discarding_since > DISCARD_SECONDS:
                each.will_close = True
