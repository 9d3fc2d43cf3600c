"""Opens the database, for `bot run` and for the other commands."""

import os
import secrets
import socket
from contextlib import ExitStack
from pathlib import Path

import structlog
from sqlalchemy import Engine
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from bot.access.store.store import Store
from bot.config.settings import Settings, SettingsError, SettingsProblem
from bot.storage.connection_errors import cause
from bot.storage.engine import database_url, open_engine
from bot.storage.migrate import is_current, migrate
from bot.storage.sqlite_files import close_to_others
from bot.storage.sqlite_lock import DatabaseInUseError, lock_sqlite

log = structlog.get_logger(__name__)


def open_store(settings: Settings, running: ExitStack) -> Store:
    """The store of `bot run`, migrated to the current schema and open until `running` ends. Raises `SettingsError`."""
    url = database_url(settings.database_url.get_secret_value())
    try:
        return _open(url, running)
    except (DatabaseInUseError, OSError, ValueError, ModuleNotFoundError, DBAPIError) as error:
        raise SettingsError([SettingsProblem(f"DATABASE_URL: {cause(error, url)}")]) from None


def _open(url: URL, running: ExitStack) -> Store:
    lock = lock_sqlite(url)
    if lock is not None:
        running.callback(lock.close)
    engine = open_engine(url)
    running.callback(engine.dispose)
    _close_to_others(url)
    migrate(engine)
    store = Store(engine, _process())
    if lock is not None:
        store.release_all_claims()
    return store


def open_command_store(settings: Settings, running: ExitStack) -> Store:
    """The store of a command. Migrates the schema first, unless the application is running on the same SQLite file.

    Raises `SettingsError`.
    """
    url = database_url(settings.database_url.get_secret_value())
    engine = open_engine(url)
    running.callback(engine.dispose)
    _close_to_others(url)
    try:
        with ExitStack() as while_migrating:
            try:
                lock = lock_sqlite(url)
            except DatabaseInUseError:
                if not is_current(engine):
                    raise ValueError("it is in use by another version of es-access. Restart that one first") from None
            else:
                if lock is not None:
                    while_migrating.callback(lock.close)
                migrate(engine)
    except (OSError, ValueError, ModuleNotFoundError, DBAPIError) as error:
        raise SettingsError([SettingsProblem(f"DATABASE_URL: {cause(error, url)}")]) from None
    return Store(engine, _process())


def _close_to_others(url: URL) -> None:
    for file in close_to_others(url):
        log.warning("other users of this machine can read the database: chmod 600 it, as its owner", file=str(file))


def _process() -> str:
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"


def has_tables(engine: Engine) -> bool:
    """Whether the database is there with the tables of this version. Creates no file."""
    url = engine.url
    if url.drivername == "sqlite" and not Path(url.database or "").exists():
        return False
    try:
        return is_current(engine)
    except (ValueError, DBAPIError):
        return False
