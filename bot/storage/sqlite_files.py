"""The files of an SQLite database, which are for this user alone."""

from contextlib import suppress
from pathlib import Path

from sqlalchemy.engine import URL

_SUFFIXES = ("", "-wal", "-shm", "-journal")
"""SQLite's files beside the database, which hold parts of it ("Temporary Files Used By SQLite")."""

_OTHERS = 0o007
"""Not the group: an administrator gives a file to a group on purpose, and so does Kubernetes (`fsGroup`)."""

_PRIVATE = 0o600


def open_to_others(url: URL) -> list[Path]:
    """The files of the database that every user of this machine may read or write. None for PostgreSQL."""
    if url.drivername != "sqlite":
        return []
    files = [Path(f"{url.database}{suffix}") for suffix in _SUFFIXES]
    return [each for each in files if _mode(each) & _OTHERS]


def close_to_others(url: URL) -> list[Path]:
    """Makes these files 0600. Returns those that stay open to others, since they belong to somebody else."""
    for each in open_to_others(url):
        with suppress(OSError):
            each.chmod(_PRIVATE)
    return open_to_others(url)


def _mode(file: Path) -> int:
    try:
        return file.stat().st_mode
    except OSError:
        return 0  # there is none, or it cannot be seen, which the lock or SQLite explains
