"""Checks that the database opens, is writable and has the tables of this version. Changes nothing in it."""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from bot.checks.report import Report
from bot.release import how_to_install
from bot.storage.connection_errors import postgres_cause
from bot.storage.migrate import HEAD
from bot.storage.postgres_rights import missing_right
from bot.storage.sqlite_files import open_to_others
from bot.storage.sqlite_lock import DatabaseInUseError, lock_sqlite

TIMEOUT_SECONDS = 10
"""For a connection to PostgreSQL, and for each statement."""

OpenEngine = Callable[[URL], Engine]

_LOCKED = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_BROKEN = frozenset({sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT})
"""Result codes of SQLite: another connection holds the file, or it is no intact database."""


def check_database(report: Report, url: URL, open_engine: OpenEngine) -> None:
    """Reports on the database in one line."""
    if url.drivername == "sqlite":
        _check_sqlite(report, url, open_engine, Path(url.database or ""))
    else:
        _check_postgres(report, url, open_engine)


def _check_sqlite(report: Report, url: URL, open_engine: OpenEngine, file: Path) -> None:
    folder = file.absolute().parent
    if not folder.is_dir():
        report.fail(f"database: there is no folder {folder}", f"mkdir -p '{folder}'   or change DATABASE_URL.")
    elif not os.access(folder, os.W_OK | os.X_OK):
        report.fail(f"database: this user may not write into {folder}", _chown_hint(folder))
    elif not file.exists() or not file.stat().st_size:
        report.ok(f"database: SQLite, {file} is new, is created at start")
    elif not os.access(file, os.R_OK | os.W_OK):
        report.fail(f"database: this user may not write {file}", _chown_hint(file))
    else:
        _open_sqlite(report, url, open_engine, file)


def _open_sqlite(report: Report, url: URL, open_engine: OpenEngine, file: Path) -> None:
    used = ", in use by a running es-access" if _in_use(url) else ""
    engine = open_engine(url)
    try:
        with engine.execution_options(writes=True).connect() as connection:
            version = _version(connection)
    except DBAPIError as error:
        if used and _sqlite_code(error) in _LOCKED:
            report.ok(f"database: SQLite, {file} opens{used}")
        else:
            report.fail(f"database: SQLite cannot use {file}: {error.orig}", _sqlite_hint(file, _sqlite_code(error)))
        return
    finally:
        engine.dispose()
    _report_version(report, f"SQLite, {file} opens and is writable{used}", version)
    for each in open_to_others(url):
        report.warn(
            f"database: other users of this machine can read {each}",
            f"chmod 600 '{each}'   bot run does so at its start if the file belongs to its user.",
        )


def _chown_hint(path: Path) -> str:
    return f"chown {os.geteuid()} '{path}'   as an administrator, or change DATABASE_URL."


def _sqlite_code(error: DBAPIError) -> int | None:
    """The primary result code (https://sqlite.org/rescode.html); an extended one has it in its lowest byte."""
    code: int | None = getattr(error.orig, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def _sqlite_hint(file: Path, code: int | None) -> str:
    if code in _LOCKED:
        return f"Another program holds it. Find and end that one: fuser '{file}'"
    if code in _BROKEN:
        return "Put back your last backup of it, or name another file in DATABASE_URL."
    return _chown_hint(file)


def _in_use(url: URL) -> bool:
    # The lock is released at once.
    if not Path(f"{url.database}.lock").exists():
        return False
    try:
        lock = lock_sqlite(url)
    except DatabaseInUseError:
        return True
    except OSError:
        return False
    if lock is not None:
        lock.close()
    return False


def _check_postgres(report: Report, url: URL, open_engine: OpenEngine) -> None:
    name = f"PostgreSQL, {url.database} at {url.host or 'this machine'}"
    if "connect_timeout" not in url.query:
        url = url.update_query_dict({"connect_timeout": str(TIMEOUT_SECONDS)})
    try:
        engine = open_engine(url)
    except ModuleNotFoundError:
        report.fail("database: the PostgreSQL driver is not installed", how_to_install("postgres"))
        return
    try:
        _open_postgres(report, engine, name)
    except DBAPIError as error:
        found, to_do = postgres_cause(error, url)
        report.fail(f"database: {name} cannot be used: {found}", to_do)
    finally:
        engine.dispose()


def _open_postgres(report: Report, engine: Engine, name: str) -> None:
    with engine.connect() as connection:
        connection.exec_driver_sql(f"SET LOCAL statement_timeout = '{TIMEOUT_SECONDS}s'")
        read_only = connection.scalar(text("SELECT current_setting('transaction_read_only')")) == "on"
        lacks = missing_right(connection)
        version = _version(connection)
    if read_only:
        report.fail(f"database: {name} is read-only", "Name the primary server in DATABASE_URL, not a replica.")
    elif version != HEAD and lacks is not None:
        why, to_do = lacks
        report.fail(f"database: {name}: {why}", to_do)
    else:
        _report_version(report, f"{name} opens and is writable", version)


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    version: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return version


def _report_version(report: Report, opens: str, version: str | None) -> None:
    if version is None:
        report.ok(f"database: {opens}; it is new, tables are created at start")
    elif version == HEAD:
        report.ok(f"database: {opens}; tables are up to date")
    # Versions are ordered numbers with leading zeros.
    elif version.isdecimal() and version < HEAD:
        report.ok(f"database: {opens}; it is migrated at start, from schema {version} to {HEAD}")
    else:
        report.fail(
            f"database: {opens}; but its schema {version} is not known to this version of es-access ({HEAD})",
            "Install the version of es-access that made it, or name another database in DATABASE_URL.",
        )
