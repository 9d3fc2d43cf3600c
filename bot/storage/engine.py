"""Opens SQLite and PostgreSQL with the settings that each of them needs."""

import sqlite3

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import URL, make_url
from sqlmodel import create_engine

BUSY_SECONDS = 10
"""How long SQLite waits for a lock of another process, such as a `bot` command during `bot run`."""

POOL_SIZE = 20
"""Connections: one for each thread that may use the database at the same time, and a few more."""


def database_url(text: str) -> URL:
    """The URL with its driver. `postgres://` means `postgresql://`. Raises `ValueError`."""
    try:
        url = make_url(text)
    except Exception as error:
        raise ValueError("is not a database URL") from error
    if url.drivername in {"postgres", "postgresql"}:
        url = url.set(drivername="postgresql+psycopg")
    if url.drivername not in {"sqlite", "postgresql+psycopg"}:
        raise ValueError("names neither sqlite:/// nor postgresql://")
    if url.drivername == "sqlite" and url.database in {None, "", ":memory:"}:
        raise ValueError("names no file: what is in memory is lost with the process, and access would not end")
    return url


def open_engine(url: URL) -> Engine:
    """An engine that is not connected yet. Its write transactions lock SQLite from the beginning.

    So they never fail while they upgrade from reading to writing.
    """
    if url.drivername != "sqlite":
        # Prepared statements belong to a session of the server, and behind PgBouncer each transaction may have another.
        return create_engine(
            url, pool_size=POOL_SIZE, max_overflow=POOL_SIZE, pool_pre_ping=True,
            connect_args={"prepare_threshold": None},
        )  # fmt: skip
    # Connections are shared between threads, one at a time, which SQLite's own check would forbid.
    engine = create_engine(
        url, pool_size=POOL_SIZE, max_overflow=POOL_SIZE,
        connect_args={"check_same_thread": False, "timeout": BUSY_SECONDS},
    )  # fmt: skip
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # `_begin_sqlite` begins transactions, not the driver
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    # FULL: commits survive a power cut, and not only a crash of the process.
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
