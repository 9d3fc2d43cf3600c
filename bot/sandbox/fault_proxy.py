"""A reverse proxy in front of Elasticsearch that injects failures of the network and the cluster on demand."""

import http.client
import json
import socket
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import urlsplit

UPSTREAM_SECONDS = 30
"""Timeout for the node's answer: longer than the application's own."""

_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "content-length"})
"""Hop-by-hop headers, which a proxy does not forward (RFC 9110, 7.6.1)."""

PRODUCT = ("X-Elastic-Product", "Elasticsearch")
"""The header by which clients recognise an answer from Elasticsearch itself."""

Phase = Literal["before", "after"]
"""`before`: the request is not forwarded yet. `after`: the node has answered, and the answer is not returned yet."""


@dataclass(frozen=True)
class ProxyRequest:
    """One request without its body, which may hold a password."""

    method: str
    path: str


@dataclass(frozen=True)
class CutConnection:
    """Close the connection without sending a byte."""


@dataclass(frozen=True)
class HalfAnswer:
    """Send half of the answer, then close the connection. In phase `before`, the answer is made up."""


@dataclass(frozen=True)
class ProxyAnswer:
    """An answer of the proxy's own. With the header `PRODUCT` it looks like one from Elasticsearch."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


Verdict = CutConnection | HalfAnswer | ProxyAnswer | None
"""The fault to inject in a phase; `None` lets the request pass."""

ProxyHook = Callable[[ProxyRequest, Phase], Verdict]
"""Called in the request's thread, so it may block, or kill a process, before it answers."""


def failure(status: int, retry_after: int | None = None) -> ProxyAnswer:
    """An error in Elasticsearch's own format. `retry_after` is in seconds."""
    error = {"type": "es_rejected_execution_exception", "reason": "ordered by a test"}
    body = json.dumps({"error": error, "status": status}).encode()
    pause = () if retry_after is None else (("Retry-After", str(retry_after)),)
    return ProxyAnswer(status, body, (("Content-Type", "application/json"), PRODUCT, *pause))


class FaultProxy:
    """Forwards to `upstream` (plain HTTP), and calls `hook` for each request in both phases. A context manager.

    Thread-safe; `hook` may be replaced at any time.
    """

    ca_certs = None

    def __init__(self, upstream: str) -> None:
        where = urlsplit(upstream)
        if where.scheme != "http" or where.hostname is None or where.port is None:
            raise ValueError(f"{upstream} is not http://HOST:PORT")
        self.upstream = (where.hostname, where.port)
        self.hook: ProxyHook | None = None
        self._log: list[ProxyRequest] = []
        self._guard = threading.Lock()
        self._server = _Server(self)
        # A short poll interval, since a stop takes that long.
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="proxy", daemon=True)

    @property
    def url(self) -> str:
        """For ELASTICSEARCH_URL."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def log(self) -> list[ProxyRequest]:
        """Every request received, oldest first."""
        with self._guard:
            return list(self._log)

    def judge(self, request: ProxyRequest, phase: Phase) -> Verdict:
        """Logs the request, and asks the hook about it."""
        if phase == "before":
            with self._guard:
                self._log.append(request)
        hook = self.hook
        return hook(request, phase) if hook is not None else None

    def start(self) -> Self:
        """Starts to serve."""
        self._thread.start()
        return self

    def close(self) -> None:
        """Closes every connection and the port, after waiting for requests that a hook still holds back."""
        self._server.shutdown()
        self._thread.join()
        self._server.hang_up()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # so that closing waits for all of them
    request_queue_size = 128

    def __init__(self, proxy: FaultProxy) -> None:
        self.proxy = proxy
        self._connections: set[socket.socket] = set()
        self._guard = threading.Lock()
        super().__init__(("127.0.0.1", 0), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._guard:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._guard:
            self._connections.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """Wakes the threads that wait for the next request on a keep-alive connection."""
        with self._guard:
            for each in self._connections:
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def handle(self) -> None:
        with suppress(ConnectionError):  # the client is gone, perhaps killed
            super().handle()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the name in the standard library)
        """Logs nothing: the proxy keeps its own log."""

    def forward(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = ProxyRequest(self.command, urlsplit(self.path).path)
        verdict = self.server.proxy.judge(request, "before")
        if verdict is None:
            answer = self._upstream(body)
            verdict = self.server.proxy.judge(request, "after") if isinstance(answer, ProxyAnswer) else answer
            if verdict is None or isinstance(verdict, HalfAnswer):
                self._write(answer, half=verdict is not None)
                return
        if isinstance(verdict, HalfAnswer):
            self._write(failure(http.client.OK), half=True)
        else:
            self._write(verdict, half=False)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = forward  # noqa: N815 (names in the standard library)

    def _upstream(self, body: bytes) -> ProxyAnswer | CutConnection:
        node = http.client.HTTPConnection(*self.server.proxy.upstream, timeout=UPSTREAM_SECONDS)
        try:
            node.request(self.command, self.path, body or None, dict(_passed_on(self.headers.items())))
            answer = node.getresponse()
            return ProxyAnswer(answer.status, answer.read(), tuple(_passed_on(answer.getheaders())))
        except (OSError, http.client.HTTPException):
            return CutConnection()  # like a dead node, which cannot answer
        finally:
            node.close()

    def _write(self, answer: ProxyAnswer | CutConnection, *, half: bool) -> None:
        if isinstance(answer, CutConnection):
            self.close_connection = True
            return
        self.send_response_only(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if half:
            self.close_connection = True
        if self.command != "HEAD":
            self.wfile.write(answer.body[: len(answer.body) // 2] if half else answer.body)


def _passed_on(headers: Iterable[tuple[str, str]]) -> Iterable[tuple[str, str]]:
    return ((name, value) for name, value in headers if name.lower() not in _HOP)
