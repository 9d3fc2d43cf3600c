"""A real forward proxy, and servers with TLS that are reached through it: at an address that is not this machine's own.

127.0.0.2 stands for elsewhere: no application takes it for itself, and every Linux answers there.
"""

import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

from bot.sandbox.node.node import free_port
from tests.debian import install

ELSEWHERE = "127.0.0.2"

SECONDS = 10.0

_CONFIGURATION = """
Port {port}
Listen 127.0.0.1
Timeout 60
LogLevel Connect
LogFile "{folder}/proxy.log"
MaxClients 100
{more}
"""


@dataclass
class Proxy:
    """A running tinyproxy."""

    port: int
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def connects(self) -> str:
        """The lines about opened ways."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(line for line in lines if "CONNECT" in line and ELSEWHERE in line)


def program() -> str:
    """The path of tinyproxy, installed now if need be. Skips the test if there is none."""
    found = shutil.which("tinyproxy", path="/usr/bin:/usr/sbin:/usr/local/bin")
    why = "" if found else install("tinyproxy-bin")
    found = found or shutil.which("tinyproxy", path="/usr/bin:/usr/sbin:/usr/local/bin")
    if found is None:
        pytest.skip(f"there is no tinyproxy, and installing one failed: {why}")
    return found


@contextmanager
def forward_proxy(folder: Path, more: str = "") -> Iterator[Proxy]:
    """Runs tinyproxy with these further lines of its configuration."""
    folder.mkdir()
    proxy = Proxy(free_port(), folder / "proxy.log")
    configuration = folder / "tinyproxy.conf"
    configuration.write_text(_CONFIGURATION.format(port=proxy.port, folder=folder, more=more), encoding="utf-8")
    process = subprocess.Popen([program(), "-d", "-c", str(configuration)], stdout=subprocess.DEVNULL)
    try:
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            with suppress(OSError):
                socket.create_connection(("127.0.0.1", proxy.port), 1).close()
                break
            time.sleep(0.05)
        yield proxy
    finally:
        process.terminate()
        process.wait(SECONDS)


def with_tls(authority: trustme.CA, port: int) -> AbstractContextManager[int]:
    """A port of `ELSEWHERE` that speaks TLS and passes everything on to `port` of this machine."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(ELSEWHERE).configure_cert(context)
    return relayed(port, lambda connection: context.wrap_socket(connection, server_side=True))


@contextmanager
def relayed(port: int, accept: Callable[[socket.socket], socket.socket] = lambda each: each) -> Iterator[int]:
    """A port of `ELSEWHERE` that passes everything on to `port` of this machine."""

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=relay, args=(connection,), daemon=True).start()

    def relay(connection: socket.socket) -> None:
        with (
            suppress(OSError),
            closing(accept(connection)) as outside,
            closing(socket.create_connection(("127.0.0.1", port))) as inside,
        ):
            back = threading.Thread(target=copy, args=(inside, outside), daemon=True)
            back.start()
            copy(outside, inside)
            back.join(SECONDS)

    def copy(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        with suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)

    with socket.create_server((ELSEWHERE, 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield int(listener.getsockname()[1])
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
