"""HTTP mode against clients that are slow, hostile or many, on raw sockets, while the cluster hangs."""

import json
import os
import re
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from bot.runtime.http_server import MOST_CONNECTIONS, REQUEST_SECONDS
from bot.sandbox.application import ApplicationProcess
from bot.sandbox.workspace import User, Workspace
from bot.sandbox.workspace.delivery.signed_http import signature
from tests.stage import MANIFEST

OK, BAD_REQUEST, UNAUTHORIZED, TOO_LARGE, UNAVAILABLE = 200, 400, 401, 413, 503

AT_ONCE = 1.0
"""Seconds within which Slack is answered, whatever else goes on. Slack waits three."""

MEGABYTE = 1024 * 1024

PROBES = 40
HALF_OPEN = 105

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


@dataclass(frozen=True)
class SilentCluster:
    """Accepts connections and never answers: a cluster that hangs."""

    url: str
    ca_certs: Path | None = None


@dataclass
class Served:
    """`bot run` in HTTP mode."""

    app: ApplicationProcess
    workspace: Workspace
    alice: User

    @property
    def health(self) -> tuple[str, int]:
        """The address of its probes and metrics."""
        return "127.0.0.1", self.app.health_port

    @property
    def slack(self) -> tuple[str, int]:
        """The address that Slack calls."""
        return "127.0.0.1", self.app.port

    def signed(self, body: bytes, content_type: str = FORM) -> dict[str, str]:
        """The headers of Slack for that body."""
        return {"Content-Type": content_type} | signature(self.workspace.signing_secret, int(time.time()), body)

    def command(self, text: str = "help") -> bytes:
        """A command of alice's, as Slack sends it."""
        return urlencode({
            "token": "unused", "team_id": self.workspace._state.team_id, "team_domain": "sandbox",
            "channel_id": "C0GENERAL", "user_id": self.alice.id, "user_name": "alice", "command": "/es-access",
            "text": text, "response_url": self.workspace.api_url + "nowhere", "trigger_id": "1.2.3",
        }).encode()  # fmt: skip

    def acknowledged(self) -> float:
        """The seconds until a command is acknowledged."""
        body = self.command()
        began = time.monotonic()
        status, _ = ask(self.slack, "POST", "/slack/events", body, self.signed(body))
        assert status == OK
        return time.monotonic() - began

    def lines(self) -> list[str]:
        """The log so far, with everything that went wrong printed at the first traceback."""
        text = self.app.log.read_text(encoding="utf-8")
        assert "Traceback" not in text, text[-4000:]
        return text.splitlines()


def ask(
    where: tuple[str, int], method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> tuple[int, bytes]:
    """One request on a connection of its own: status and body."""
    with closing(HTTPConnection(*where, timeout=60)) as connection:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read()


def page(where: tuple[str, int], path: str) -> tuple[int, dict[str, Any]]:
    status, body = ask(where, "GET", path)
    return status, json.loads(body)


@contextmanager
def half_open(where: tuple[str, int], count: int) -> Iterator[list[socket.socket]]:
    """Connections that begin a request and never end it."""
    with ExitStack() as stack:
        opened = []
        for _ in range(count):
            opened.append(stack.enter_context(socket.create_connection(where, timeout=30)))
            opened[-1].sendall(b"POST /slack/events HTTP/1.1\r\nHost: a\r\n")
        yield opened


@contextmanager
def serving(directory: Path, **settings: str) -> Iterator[Served]:
    """A process whose cluster hangs, and everything that it needs."""
    with ExitStack() as stack:
        silent = stack.enter_context(closing(socket.create_server(("127.0.0.1", 0), backlog=512)))
        workspace = stack.enter_context(Workspace.start(MANIFEST))
        alice, bob = workspace.add_user("alice"), workspace.add_user("bob")
        cluster = SilentCluster(f"http://127.0.0.1:{silent.getsockname()[1]}")
        app = ApplicationProcess(
            workspace, cluster, ("connector", "a long enough password"), directory,
            owners=bob.email, http=True, settings=settings,
        )  # fmt: skip
        stack.callback(app.stop)
        app.start(ready=False)
        workspace.wait_for(lambda: _listens(app), 20, "the application")
        yield Served(app, workspace, alice)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One process for all tests: it stops only when its calls to the silent cluster have given up."""
    with serving(tmp_path_factory.mktemp("http")) as running:
        yield running


def _listens(app: ApplicationProcess) -> bool:
    try:
        return ask(("127.0.0.1", int(app.environment["PORT"])), "GET", "/healthz")[0] == OK
    except OSError:
        return False


# --- probes -------------------------------------------------------------------------------------------------------


def test_slack_is_answered_at_once_however_many_probes_ask_while_a_cluster_hangs(served: Served) -> None:
    with ThreadPoolExecutor(2 * PROBES) as threads:
        asked = [
            threads.submit(_timed, where, path)
            for _ in range(PROBES)
            for where, path in ((served.health, "/readyz?deep"), (served.slack, "/readyz?deep"))
        ]
        time.sleep(0.2)
        waited = [served.acknowledged() for _ in range(10)]
        probes = [each.result() for each in asked]
    assert max(waited) < AT_ONCE, waited
    assert max(probes) < 2 * AT_ONCE, probes


def _timed(where: tuple[str, int], path: str) -> float:
    began = time.monotonic()
    ask(where, "GET", path)
    return time.monotonic() - began


def test_readiness_is_of_this_process_and_deep_readiness_of_all_it_depends_on(served: Served) -> None:
    status, body = page(served.health, "/readyz")
    assert (status, body["database"]) == (OK, "ok")
    assert "elasticsearch elasticsearch" not in body

    def hanging() -> dict[str, Any] | None:
        status, body = page(served.health, "/readyz?deep")
        return body if status == UNAVAILABLE and body["elasticsearch elasticsearch"] == "no answer within 2 s" else None

    deep: dict[str, Any] = served.workspace.wait_for(hanging, 10, "a cluster that is late")
    assert (deep["database"], deep["slack"]) == ("ok", "ok")
    assert page(served.slack, "/healthz") == page(served.health, "/healthz") == (OK, {"status": "ok"})
    assert page(served.slack, "/readyz")[0] == OK
    assert b"es_access_database_up 1.0" in ask(served.health, "GET", "/metrics")[1]


def test_a_revoked_bot_token_is_not_ready_and_a_line_in_the_log_within_half_a_minute(served: Served) -> None:
    served.workspace.faults.add("auth.test", "token_revoked", times=None)
    began = time.monotonic()
    served.workspace.wait_for(lambda: "token_revoked" in "\n".join(served.lines()), 30, "a line in the log")
    status, body = page(served.health, "/readyz?deep")
    assert (status, "token_revoked" in body["slack"]) == (UNAVAILABLE, True), body
    assert page(served.health, "/readyz")[0] == OK
    assert time.monotonic() - began < 30
    served.workspace.faults.clear()
    served.workspace.wait_for(lambda: page(served.health, "/readyz?deep")[1]["slack"] == "ok", 30, "a token that works")


def test_one_number_for_both_ports_is_one_port_and_a_name_may_be_two_addresses(tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = str(free.getsockname()[1])
    with serving(tmp_path, HEALTH_PORT=port, PORT=port, HOST="localhost") as both:
        both.app.port = both.app.health_port = int(port)
        assert both.acknowledged() < AT_ONCE
        assert page(both.health, "/readyz")[0] == OK


# --- connections --------------------------------------------------------------------------------------------------


def test_half_open_connections_deafen_nothing_and_are_closed(served: Served) -> None:
    with half_open(served.slack, HALF_OPEN) as opened, half_open(served.health, HALF_OPEN):
        began = time.monotonic()
        assert served.acknowledged() < AT_ONCE
        assert _timed(served.health, "/healthz") < AT_ONCE
        for each in opened:
            each.settimeout(REQUEST_SECONDS + 5)
            assert _is_closed(each)
        assert time.monotonic() - began < REQUEST_SECONDS + 5


def test_more_half_open_connections_than_are_kept_deafen_nothing(served: Served) -> None:
    with half_open(served.slack, MOST_CONNECTIONS + 20):
        assert max(served.acknowledged() for _ in range(5)) < AT_ONCE


def test_a_request_that_trickles_in_is_cut_off(served: Served) -> None:
    with half_open(served.slack, 1) as (slow,):
        began = time.monotonic()
        slow.settimeout(0.5)
        while not _is_closed(slow):
            slow.sendall(b"X")
            assert time.monotonic() - began < REQUEST_SECONDS + 5


def _is_closed(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True


# --- bodies -------------------------------------------------------------------------------------------------------


def _send_without_end(where: tuple[str, int], head: bytes, chunk: bytes, total: int) -> tuple[int, bytes]:
    """Sends up to `total` bytes of body, whatever is answered: how many went, and the beginning of the answer."""
    with closing(socket.create_connection(where, timeout=10)) as connection:
        connection.sendall(head)
        sent, answer = 0, b""
        with suppress(ConnectionError):
            while sent < total:
                connection.sendall(chunk)
                sent += len(chunk)
        with suppress(ConnectionError):
            answer = connection.recv(100)
        return sent, answer


def test_a_body_of_300_megabytes_is_refused_by_its_length_alone(served: Served) -> None:
    body_length = 300 * MEGABYTE
    head = f"POST /slack/events HTTP/1.1\r\nHost: a\r\nContent-Length: {body_length}\r\n\r\n".encode()
    with closing(socket.create_connection(served.slack, timeout=10)) as connection:
        connection.sendall(head)
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")
    before = _memory(served.app.pid)
    sent, _ = _send_without_end(served.slack, head, b"x" * 65536, body_length)
    assert sent < 20 * MEGABYTE, "only what the kernel holds"
    assert _memory(served.app.pid) < before + 20 * MEGABYTE


@pytest.mark.parametrize("megabytes", [1.1, 2, 4])
def test_who_sends_too_much_reads_why(served: Served, megabytes: float) -> None:
    body = b"x" * int(megabytes * MEGABYTE)
    assert [ask(served.slack, "POST", "/slack/events", body)[0] for _ in range(10)] == [TOO_LARGE] * 10


def test_a_body_without_a_length_is_refused_at_the_first_byte_too_many(served: Served) -> None:
    head = b"POST /slack/events HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    sent, _ = _send_without_end(served.slack, head, b"10000\r\n" + b"x" * 65536 + b"\r\n", 300 * MEGABYTE)
    assert sent < 20 * MEGABYTE
    with closing(socket.create_connection(served.slack, timeout=10)) as connection:
        connection.sendall(head + b"100001\r\n" + b"x" * (MEGABYTE + 1))
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")
    assert served.acknowledged() < AT_ONCE


def test_a_body_of_one_megabyte_is_read(served: Served) -> None:
    body = served.command() + b"&more="
    body += b"x" * (MEGABYTE - len(body))
    assert ask(served.slack, "POST", "/slack/events", body, served.signed(body))[0] == OK


def _memory(pid: int) -> int:
    """Bytes of memory that the process holds."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


MALFORMED: dict[str, tuple[bytes, str]] = {
    "no JSON in the payload": (b"payload={not json", FORM),
    "null": (b"payload=null", FORM),
    "a number": (b"payload=1", FORM),
    "a list in the payload": (b"payload=[1]", FORM),
    "a list": (b"[1]", JSON),
    "a list without its type": (b"[1]", FORM),
    "half an object": (b"{bad", JSON),
    "half an object without its type": (b"{bad", FORM),
    "not UTF-8": (b"payload=%7B%7D&\xff\xfe", FORM),
    "not UTF-8 in JSON": (b'{"a": "\xff"}', JSON),
    "an escape that is no UTF-8": (b"payload=%ff%fe", FORM),
    "deep": (b"[" * 200_000, JSON),
    "deep in the payload": (b"payload=" + b"[" * 200_000, FORM),
    "a long number": (b'{"a": ' + b"1" * 5000 + b"}", JSON),
    "a team that is a number": (b'payload={"team": 5}', FORM),
    "authorizations that are a number": (b'{"authorizations": 5}', JSON),
    "response urls of a number": (b'{"response_urls": [1]}', JSON),
    "actions of a number": (b'payload={"type": "block_actions", "user": {"id": "U1"}, "actions": [1]}', FORM),
    "an event that is a list": (b'{"type": "event_callback", "event": [1]}', JSON),
    "half a surrogate": (b'payload={"type": "\\ud800", "user": "\\ud800"}', FORM),
    "nothing": (b"", FORM),
}


@pytest.mark.parametrize("signed", [True, False], ids=["signed", "unsigned"])
def test_a_malformed_body_is_refused_in_one_line(served: Served, signed: bool) -> None:
    for name, (body, content_type) in MALFORMED.items():
        before = len(served.lines())
        headers = served.signed(body, content_type) if signed else {"Content-Type": content_type}
        status, answer = ask(served.slack, "POST", "/slack/events", body, headers)
        assert status == (BAD_REQUEST if signed and "not UTF-8" not in name else UNAUTHORIZED), (name, answer)
        assert len(served.lines()) == before + 1, (name, served.lines()[before:])


HEADERS: dict[str, dict[str, str]] = {
    "no time": {"X-Slack-Signature": "v0=" + "0" * 64},
    "a time that is none": {"X-Slack-Request-Timestamp": "now", "X-Slack-Signature": "v0=" + "0" * 64},
    "a time that is long": {"X-Slack-Request-Timestamp": "9" * 5000, "X-Slack-Signature": "v0=" + "0" * 64},
    "a signature of other letters": {"X-Slack-Signature": "v0=\xe9"},
    "two signatures": {"X-Slack-Signature": "v0=" + "0" * 64 + ", v0=" + "0" * 64},
}


def test_a_signature_that_cannot_be_read_is_refused_in_one_line(served: Served) -> None:
    for name, headers in HEADERS.items():
        before = len(served.lines())
        body = served.command()
        status, _ = ask(served.slack, "POST", "/slack/events", body, served.signed(body) | headers)
        assert status == UNAUTHORIZED, name
        assert len(served.lines()) == before + 1, (name, served.lines()[before:])


def test_a_request_that_is_no_http_is_refused_in_one_line(served: Served) -> None:
    for sent in (b"\x16\x03\x01\x02\x00 not HTTP\r\n\r\n", b"GET / HTTP/1.1\r\nA\x00: b\r\n\r\n"):
        before = len(served.lines())
        with closing(socket.create_connection(served.slack, timeout=10)) as connection:
            connection.sendall(sent)
            assert re.match(rb"HTTP/1.[01] 400 ", connection.recv(100))
        assert len(served.lines()) == before + 1


def test_slack_asks_for_the_certificate_without_a_signature_and_is_answered(served: Served) -> None:
    assert ask(served.slack, "POST", "/slack/events", b"token=a&ssl_check=1", {"Content-Type": FORM}) == (OK, b"")
