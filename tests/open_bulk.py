"""A `_bulk` request over a socket of its own, whose body is sent bit by bit."""

import base64
import socket
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from bot.sandbox.node import Node

QUIET_SECONDS = 3
"""After this long without a byte, the answer is complete."""


def basic(username: str, password: str) -> str:
    """The header for a password."""
    return f"Basic {base64.b64encode(f'{username}:{password}'.encode()).decode()}"


class OpenBulk:
    """Begins when it is made, and is open until `end`. A context manager."""

    def __init__(self, node: Node, authorization: str, index: str, client: str = "nightly-import") -> None:
        where = urlsplit(node.url)
        self.sent = 0
        self._index = index
        self._socket = socket.create_connection((where.hostname, where.port), timeout=30)
        head = (
            f"POST /_bulk HTTP/1.1\r\nHost: {where.netloc}\r\nAuthorization: {authorization}\r\n"
            f"Content-Type: application/x-ndjson\r\nX-Opaque-Id: {client}\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        self._socket.sendall(head.encode())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def send(self, documents: int = 500) -> None:
        """Sends that many documents."""
        lines = f'{{"create":{{"_index":"{self._index}"}}}}\n{{"n":{self.sent}}}\n'
        body = lines.encode() * documents
        self._socket.sendall(b"%x\r\n%s\r\n" % (len(body), body))
        self.sent += documents

    def end(self) -> dict[int, int]:
        """Ends the body, and returns how often each status stands in the answer."""
        self._socket.sendall(b"0\r\n\r\n")
        answer = b""
        try:
            while part := self._socket.recv(1 << 20):
                answer += part
                self._socket.settimeout(QUIET_SECONDS)
        except TimeoutError:
            pass
        return {status: count for status in (201, 400, 403) if (count := answer.count(b'"status":%d' % status))}


def stored(node: Node, index: str) -> int:
    """The documents in an index, refreshed."""
    node.client().indices.refresh(index=index)
    return int(node.client().count(index=index)["count"])
