"""PostgreSQL problems are explained by observation, whatever the wording of driver and server."""

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, OperationalError

from bot.storage.connection_errors import cause, postgres_cause
from bot.storage.engine import database_url, open_engine

WORDS = ["connection refused", "FATAL: Passwort-Authentifizierung für Benutzer fehlgeschlagen", "timed out"]
"""Servers speak the language of their lc_messages, so words of any kind may come with any cause."""


def failed(words: str) -> DBAPIError:
    return OperationalError("SELECT 1", {}, psycopg.OperationalError(words))


def at(host: str, port: int) -> URL:
    return database_url(f"postgresql://user:hunter2-hunter2@{host}:{port}/x")


@pytest.fixture
def closed() -> int:
    """A port on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.fixture
def hangs_up() -> Iterator[int]:
    """A port that closes each connection, as a server may that refuses one."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    listener.accept()[0].close()
                except OSError:
                    return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield int(listener.getsockname()[1])
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()


@pytest.mark.parametrize("words", WORDS)
def test_nothing_listens(closed: int, words: str) -> None:
    found, to_do = postgres_cause(failed(words), at("127.0.0.1", closed))
    assert (found, to_do[:17]) == ("connection refused", "Start PostgreSQL,")


@pytest.mark.parametrize("words", WORDS)
def test_no_such_host(words: str) -> None:
    found, _ = postgres_cause(failed(words), at("nowhere.invalid", 5432))
    assert found == "there is no host of this name"


@pytest.mark.parametrize("words", WORDS)
def test_no_socket_in_the_folder(tmp_path: Path, words: str) -> None:
    found, _ = postgres_cause(failed(words), database_url(f"postgresql:///x?host={tmp_path}"))
    assert found == "the server cannot be reached"


@pytest.mark.parametrize("words", WORDS)
def test_no_answer(monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    def expires(*_: object) -> None:
        raise TimeoutError

    monkeypatch.setattr(socket, "create_connection", expires)
    assert postgres_cause(failed(words), at("127.0.0.1", 5432))[0] == "no answer in time"


@pytest.mark.parametrize("words", WORDS)
def test_a_server_that_refuses_is_quoted_without_the_password(hangs_up: int, words: str) -> None:
    found, to_do = postgres_cause(failed(f"\n{words} hunter2-hunter2\nmore"), at("127.0.0.1", hangs_up))
    assert found == f"the server refuses the connection: {words} [secret]"
    assert "postgresql://USER:PASSWORD@HOST:5432/NAME" in to_do


@pytest.mark.parametrize("words", WORDS)
def test_a_database_that_is_not_there(postgres: Callable[[str], str], words: str) -> None:
    found, to_do = postgres_cause(failed(words), database_url(postgres("nowhere")))
    assert found == "there is no database of this name"
    assert to_do.startswith("Create it: createdb NAME")


def test_a_user_who_is_not_there_and_a_statement_that_fails(postgres: Callable[[str], str]) -> None:
    url = database_url(postgres("postgres"))
    with pytest.raises(DBAPIError) as caught:
        open_engine(url.set(username="nobody")).connect()
    assert cause(caught.value, url.set(username="nobody")).endswith("percent-encoded (@ is %40).")
    engine = open_engine(url)
    with pytest.raises(DBAPIError) as caught, engine.connect() as connection:
        connection.exec_driver_sql("SELECT 1 FROM timeout_expired")
    engine.dispose()
    assert postgres_cause(caught.value, url)[0] == 'relation "timeout_expired" does not exist'
