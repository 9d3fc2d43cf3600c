"""Allows one `bot run` on an SQLite file: a second one would take the claims of the first for abandoned."""

import fcntl
from pathlib import Path
from typing import IO

from sqlalchemy.engine import URL


class DatabaseInUseError(Exception):
    """Another process uses this SQLite file."""


def lock_sqlite(url: URL) -> IO[str] | None:
    """Locks an SQLite database for this process until the returned file is closed, or the process dies.

    `None` for PostgreSQL, which any number of processes may share. Raises `DatabaseInUseError`.
    """
    if url.drivername != "sqlite" or not url.database:
        return None
    lock = Path(f"{url.database}.lock").open("a", encoding="ascii")  # noqa: SIM115 (held as long as the process lives)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise DatabaseInUseError(
            f"another es-access runs on {url.database}. Stop it, or use PostgreSQL to run several"
        ) from None
    return lock
