"""Migrates the database to the schema of this version of the application."""

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

HEAD = "0018"
"""The newest step in `migrations/versions`. Named here, so that a start on a current database need not load Alembic."""

_KNOWN = frozenset({
    "0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009", "0010", "0011", "0012", "0013", "0014",
    "0015", "0016", "0017", "0018",
})  # fmt: skip
"""All schema versions so far, `HEAD` included. Each of them can be migrated to `HEAD`."""

_LOCK = 0x6573_2D61_6363_6573
"""The key of PostgreSQL's advisory lock: a number that no other application uses ("es-acces" in ASCII)."""


def migrate(engine: Engine) -> None:
    """Runs the missing steps in one transaction, in one process at a time.

    Raises `ValueError`, which says what to do, when another version made the database.
    """
    with engine.connect() as connection:
        if stored_version(connection) == HEAD:
            return
    # A write transaction of SQLite admits one process at a time.
    with engine.execution_options(writes=True).begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        if stored_version(connection) != HEAD:  # another process may have been first
            _upgrade(connection)


def is_current(engine: Engine) -> bool:
    """Whether the database has the schema of this version. Raises `ValueError` as `migrate` does."""
    with engine.connect() as connection:
        return stored_version(connection) == HEAD


def stored_version(connection: Connection) -> str | None:
    """The schema version of the database; `None` for an empty one. Raises `ValueError` for an unknown version."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    version: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    if version is not None and version not in _KNOWN:
        raise ValueError(
            f"The database is at schema version {version!r}, and this version of es-access knows none newer than "
            f"{HEAD}. Install the version of es-access that made it, or set DATABASE_URL to another database."
        )
    return version


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    # A percent sign in the path would mean an interpolation.
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    command.upgrade(config, HEAD)
