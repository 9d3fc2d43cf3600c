"""A newcomer who sets es-access up and runs `bot check`, and servers that stand in for Slack and the cluster."""

import json
import os
import re
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import trustme

from bot.sandbox.node import Node
from bot.sandbox.workspace import Workspace
from tests.forked import run_forked
from tests.http_servers import serving
from tests.stage import Stage, set_stage

LONGEST_SECONDS = 90
"""Nothing hangs: each outside call is limited to ten seconds, and after a failed one its dependents are skipped."""


SECRETS = (
    "SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET", "ELASTICSEARCH_PASSWORD", "CONNECTOR_PASSWORD",
)  # fmt: skip
"""The variables whose values are never printed."""


@dataclass(frozen=True)
class Checked:
    """The output and exit code of `bot check`."""

    text: str
    code: int

    def line(self, start: str) -> str:
        """The only line with that start."""
        (found,) = [line for line in self.text.splitlines() if line.startswith(start)]
        return found

    def fix(self, start: str) -> str:
        """The lines below that line."""
        lines = self.text.splitlines()
        rest = lines[lines.index(self.line(start)) + 1 :]
        below = next((count for count, line in enumerate(rest) if not line.startswith("      ")), len(rest))
        return "\n".join(line.strip() for line in rest[:below])

    def fails_with(self, start: str) -> str:
        """Checks that this is the only problem, and returns its fix."""
        assert self.text.splitlines()[-1] == "1 problem.", self.text
        assert self.code == 1
        fix = self.fix(f"FAIL  {start}")
        assert fix, self.text
        return fix


@dataclass
class Newcomer:
    """A workspace, a node and an environment that is correct until a test changes it."""

    stage: Stage
    folder: Path

    def check(self, **changed: str | None) -> Checked:
        """Runs `bot check` with these variables changed, or (`None`) not set."""
        environment = self._environment(changed)
        ended = self._bot("check", environment)
        assert ended.stderr == ""
        for name in SECRETS:
            secret = environment.get(name)
            assert not secret or secret not in ended.stdout, f"{name} is printed"
        assert all(re.match(r"(ok {4}|FAIL  |warn  |skip  | {6})\S", line) for line in ended.stdout.splitlines()[:-1])
        return Checked(ended.stdout, ended.returncode)

    def run(self, **changed: str | None) -> Checked:
        """Runs `bot run` with an error at which it exits by itself."""
        ended = self._bot("run", self._environment(changed))
        return Checked(ended.stdout + ended.stderr, ended.returncode)

    def write(self, change: Callable[[str], str]) -> None:
        """Changes the `access.yaml`."""
        file = self.stage.app.access_config
        file.write_text(change(file.read_text(encoding="utf-8")), encoding="utf-8")

    def _environment(self, changed: Mapping[str, str | None]) -> dict[str, str]:
        every = {"PATH": os.environ["PATH"]} | self.stage.app.environment | dict(changed)
        return {name: value for name, value in every.items() if value is not None}

    def _bot(self, command: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
        return run_forked([command], environment, self.folder, LONGEST_SECONDS)


@contextmanager
def arrived(
    node: Node, folder: Path, *, http: bool = False, policy: Callable[[Workspace], str] | None = None
) -> Iterator[Newcomer]:
    """A newcomer with a correct configuration. `policy` writes the access flows of an `access.yaml`."""
    with ExitStack() as stack:
        yield Newcomer(set_stage(node, folder, stack, http=http, policy=policy), folder)


# --- what answers in the place of something else ---


@contextmanager
def silent() -> Iterator[int]:
    """A port that accepts connections and never answers; after the block it is closed."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@contextmanager
def responder(answers: dict[str, dict[str, object]]) -> Iterator[str]:
    """An HTTP server that answers `{"ok": true}`, or the given answer for the last part of a path."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            body = json.dumps(answers.get(self.path.rpartition("/")[2], {"ok": True})).encode()  # "" is the root
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815 (the base class's name)

        def log_message(self, *_: object) -> None:
            """Keeps the test's output clean."""

    with serving(Handler) as url:
        yield url


@contextmanager
def tls(authority: trustme.CA) -> Iterator[int]:
    """A TLS port with that authority's certificate for 127.0.0.1; it closes after the handshake."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            try:
                context.wrap_socket(connection, server_side=True).close()
            except OSError:
                connection.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
