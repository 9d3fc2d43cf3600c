"""Explains database errors in one sentence without secrets."""

import re
from pathlib import Path

from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

_CAUSES = (
    (r"connection refused", "connection refused", "Start PostgreSQL, or correct host and port in DATABASE_URL."),
    (r"failed to resolve|name or service not known|could not translate host", "there is no host of this name",
     "Correct the host in DATABASE_URL."),
    (r"timeout|timed out", "no answer in time", "Correct host and port in DATABASE_URL, or look at the firewall."),
    (r"no such file or directory|no route|unreachable", "the server cannot be reached",
     "Start PostgreSQL, or correct host and port in DATABASE_URL."),
    (r"authentication failed|no password supplied", "the user or the password is refused",
     "Correct DATABASE_URL: postgresql://USER:PASSWORD@HOST:5432/NAME, with special characters of the password"
     " percent-encoded (@ is %40)."),
    (r"role .* does not exist", "there is no user of this name",
     "Create it, or correct the user in DATABASE_URL: postgresql://USER:PASSWORD@HOST:5432/NAME"),
    (r"database .* does not exist", "there is no database of this name",
     "Create it: createdb NAME   or correct the name in DATABASE_URL."),
)  # fmt: skip
"""A pattern for the error of PostgreSQL or its driver, on any of its lines; the cause; and what to do."""

_DEFAULT_FIX = "Correct DATABASE_URL: postgresql://USER:PASSWORD@HOST:5432/NAME"


def postgres_cause(error: DBAPIError, url: URL) -> tuple[str, str]:
    """The cause of a PostgreSQL error, and what to do about it."""
    said = str(error.orig)
    for words, cause, to_do in _CAUSES:
        if re.search(words, said, re.IGNORECASE):
            return cause, to_do
    first = next((line.strip() for line in said.splitlines() if line.strip()), "no reason given")
    return (first.replace(str(url.password), "[secret]") if url.password else first), _DEFAULT_FIX


def cause(error: Exception, url: URL) -> str:
    """Why a database could not be opened or migrated, as a text to follow “DATABASE_URL: ”."""
    if isinstance(error, DBAPIError):
        if url.drivername == "sqlite":
            return f"SQLite cannot use {url.database}: {error.orig}"
        found, to_do = postgres_cause(error, url)
        return f"PostgreSQL at {url.host or 'this machine'}: {found}. {to_do}"
    if isinstance(error, ModuleNotFoundError):
        return "the PostgreSQL driver is not installed: pip install 'es-access[postgres]'"
    if isinstance(error, OSError):
        folder = Path(url.database or "").absolute().parent
        return f"{url.database}: {error.strerror}" if folder.is_dir() else f"there is no folder {folder}"
    text = str(error)
    return text[:1].lower() + text[1:]
