"""Opens the database: one set of rules for SQLite, one for PostgreSQL."""

import sqlite3

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import URL, make_url
from sqlmodel import create_engine

BUSY_SECONDS = 10
"""How long SQLite waits for a lock that another process holds, such as a `bot` command beside `bot run`."""

POOL_SIZE = 20
"""Connections: as many as there are threads that may use the database at once, and a few more."""


def database_url(text: str) -> URL:
    """The URL with its driver named; `postgres://` is taken for `postgresql://`. Raises `ValueError`."""
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
    """An engine whose write transactions never fail for having begun as reads. Nothing is connected yet."""
    if url.drivername != "sqlite":
        return create_engine(url, pool_size=POOL_SIZE, max_overflow=POOL_SIZE, pool_pre_ping=True)
    # A row that was claimed by a thread is worked on by another: SQLite's own check must not forbid that.
    engine = create_engine(
        url, pool_size=POOL_SIZE, max_overflow=POOL_SIZE,
        connect_args={"check_same_thread": False, "timeout": BUSY_SECONDS},
    )  # fmt: skip
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # transactions are begun below, not by the driver's guess
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    # FULL: what was committed survives a power cut, not only a crash of the process.
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
