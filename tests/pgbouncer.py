"""The real PgBouncer in transaction mode, in front of a test's PostgreSQL server."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from tests.debian import install

SECONDS = 10.0
"""Longest wait for its first answer."""

SERVER_CONNECTIONS = 4
"""Fewer than the threads of any test, so that connections to the server change hands all the time."""

_CONFIGURATION = """
[databases]
* = host={host} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {connections}
max_client_conn = 500
logfile = {folder}/pgbouncer.log
"""


class NoPgBouncerError(Exception):
    """There is no PgBouncer; the message says why none could be installed."""


def pgbouncer_program() -> Path:
    """The path of the program, installed now if need be. Raises `NoPgBouncerError`."""
    if found := _found():
        return found
    why = install("pgbouncer")
    if found := _found():
        return found
    raise NoPgBouncerError(f"there is no PgBouncer, and installing one failed: {why}")


@contextmanager
def pgbouncer(server: str) -> Iterator[Callable[[str], str]]:
    """Runs it in front of the server that the URL `server` is on. Yields the URL of a database by its name."""
    program = pgbouncer_program()
    host = parse_qs(urlsplit(server).query)["host"][0]
    folder = Path(tempfile.mkdtemp(prefix="pgbouncer-"))
    port = _free_port()
    configuration = folder / "pgbouncer.ini"
    configuration.write_text(
        _CONFIGURATION.format(host=host, port=port, connections=SERVER_CONNECTIONS, folder=folder), encoding="utf-8"
    )
    as_somebody: list[str] = []
    if os.geteuid() == 0:  # both refuse to run as root, and the server's socket is open to its user alone
        shutil.chown(folder, Path(host).owner())
        as_somebody = ["--user", Path(host).owner()]
    process = subprocess.Popen([str(program), "--quiet", *as_somebody, str(configuration)])
    try:
        _wait(process, f"postgresql://postgres@127.0.0.1:{port}/postgres", folder / "pgbouncer.log")
        yield lambda name: f"postgresql://postgres@127.0.0.1:{port}/{name}"
    finally:
        process.terminate()
        process.wait(SECONDS)
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def bounced_postgres(postgres: Callable[[str], str]) -> Iterator[Callable[[str], str]]:
    """Returns the URL of a database by name, on the run's server behind PgBouncer."""
    try:
        pgbouncer_program()
    except NoPgBouncerError as error:
        pytest.skip(str(error))
    with pgbouncer(postgres("postgres")) as url:
        yield url


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    until = time.monotonic() + SECONDS
    while True:
        try:
            psycopg.connect(url, connect_timeout=2).close()
        except psycopg.OperationalError:
            if process.poll() is None and time.monotonic() < until:
                time.sleep(0.05)
                continue
            said = log.read_text(encoding="utf-8")[-1000:] if log.exists() else ""
            raise AssertionError(f"PgBouncer does not answer: {said}") from None
        return


def _found() -> Path | None:
    # Debian's is in /usr/sbin, which is on the path of root alone.
    found = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    return Path(found) if found else None


def _free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port: int = server.getsockname()[1]
        return port
