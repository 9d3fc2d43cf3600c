"""Explains database errors in one sentence without secrets."""

import errno
import os
import socket
from contextlib import suppress
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from bot.release import how_to_install
from bot.storage.engine import open_engine
from bot.storage.postgres_rights import missing_right

_LOOK_SECONDS = 5
"""The timeout of each look at why a connection failed."""

_NOT_WRITABLE = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
"""The system's codes for a folder or a file without permission, and for a file system that is read-only."""

_RIGHTS = frozenset({"42501", "3F000"})
"""PostgreSQL's codes `insufficient_privilege` and `invalid_schema_name`, for an account that may use no schema."""

_PORT = 5432
_SOCKET_FOLDER = "/var/run/postgresql"
"""PostgreSQL's defaults."""

_START_IT = "Start PostgreSQL, or correct host and port in DATABASE_URL."
_CORRECT_IT = "Correct DATABASE_URL: postgresql://USER:PASSWORD@HOST:5432/NAME"
_CORRECT_SIGN_IN = f"{_CORRECT_IT}, with special characters of the password percent-encoded (@ is %40)."


def postgres_cause(error: DBAPIError, url: URL) -> tuple[str, str]:
    """The cause of a PostgreSQL error, and what to do about it. May look at the server once more to find out.

    libpq keeps the server's code of a failed connection to itself, and its words depend on the server's language. So a
    failed connection is explained by what else can be seen: the socket, and another database of the same server.
    """
    said = _first_line(error, url)
    code = getattr(error.orig, "sqlstate", None)
    if code is not None:  # a statement failed, not the connection
        return (_missing_right(url) if code in _RIGHTS else None) or (said, _CORRECT_IT)
    why = _unreachable(url)
    if why is not None:
        return why
    if _lacks_database(url):
        return "there is no database of this name", "Create it: createdb NAME   or correct the name in DATABASE_URL."
    return f"the server refuses the connection: {said}", _CORRECT_SIGN_IN


def _unreachable(url: URL) -> tuple[str, str] | None:
    """Why nothing answers at the address, and what to do; `None` if something does."""
    try:
        _connect(url)
    except socket.gaierror:
        return "there is no host of this name", "Correct the host in DATABASE_URL."
    except ConnectionRefusedError:
        return "connection refused", _START_IT
    except TimeoutError:
        return "no answer in time", "Correct host and port in DATABASE_URL, or look at the firewall."
    except OSError:
        return "the server cannot be reached", _START_IT
    return None


def _connect(url: URL) -> None:
    host, port = url.host or url.query.get("host") or _SOCKET_FOLDER, url.port or _PORT
    if not isinstance(host, str) or "," in host:
        return  # several servers, of which libpq chooses
    if host.startswith("/"):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_LOOK_SECONDS)
            connection.connect(f"{host}/.s.PGSQL.{port}")
    else:
        socket.create_connection((host, port), _LOOK_SECONDS).close()


def _lacks_database(url: URL) -> bool:
    """Whether the same account can sign in to the database that every server has, and that has no such database."""
    engine = open_engine(url.set(database="postgres").update_query_dict({"connect_timeout": str(_LOOK_SECONDS)}))
    try:
        with suppress(DBAPIError), engine.connect() as connection:
            named = text("SELECT count(*) FROM pg_database WHERE datname = :name")
            return bool(connection.scalar(named, {"name": url.database}) == 0)
        return False
    finally:
        engine.dispose()


def _missing_right(url: URL) -> tuple[str, str] | None:
    engine = open_engine(url.update_query_dict({"connect_timeout": str(_LOOK_SECONDS)}))
    try:
        with suppress(DBAPIError), engine.connect() as connection:
            return missing_right(connection)
        return None
    finally:
        engine.dispose()


def _first_line(error: DBAPIError, url: URL) -> str:
    said = next((line.strip() for line in str(error.orig).splitlines() if line.strip()), "no reason given")
    return said.replace(str(url.password), "[secret]") if url.password else said


def cause(error: Exception, url: URL) -> str:
    """Why a database could not be opened or migrated, as a text to follow “DATABASE_URL: ”."""
    if isinstance(error, DBAPIError):
        if url.drivername == "sqlite":
            return f"SQLite cannot use {url.database}: {error.orig}"
        found, to_do = postgres_cause(error, url)
        return f"PostgreSQL at {url.host or 'this machine'}: {found}. {to_do}"
    if isinstance(error, ModuleNotFoundError):
        return f"the PostgreSQL driver is not installed: {how_to_install('postgres')}"
    if isinstance(error, OSError):
        return _file_cause(error, Path(url.database or "").absolute())
    said = str(error)
    return said[:1].lower() + said[1:]


def _file_cause(error: OSError, file: Path) -> str:
    folder = file.parent
    if not folder.is_dir():
        return f"there is no folder {folder}"
    if error.errno in _NOT_WRITABLE:
        return (
            f"{file} cannot be written by this user ({os.geteuid()}): {error.strerror}. Name a file in a folder that it"
            " may write, such as sqlite:////var/lib/es-access/es-access.db"
        )
    return f"{file}: {error.strerror}"
