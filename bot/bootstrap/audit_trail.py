"""The audit trail alone, for `bot audit`."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.engine import URL

from bot.access.audit.trail import AuditTrail
from bot.config.audit_settings import DatabaseSettingError
from bot.storage.engine import open_engine
from bot.storage.migrate import HEAD, stored_version


@contextmanager
def open_audit_trail(url: URL) -> Iterator[AuditTrail]:
    """Reads the events of a database, which must have the schema of this version.

    Raises `DatabaseSettingError` for another schema, and what the driver raises.
    """
    engine = open_engine(url)
    try:
        with engine.connect() as connection:
            version = stored_version(connection)
        if version != HEAD:
            raise DatabaseSettingError(
                f"the database is at schema version {version}, and not at {HEAD}: `bot run` brings it there"
            )
        yield AuditTrail(engine)
    finally:
        engine.dispose()
