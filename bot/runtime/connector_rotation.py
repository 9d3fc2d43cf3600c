"""The connector accounts of all integrations, and their rotation: from the configuration to running."""

import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from bot.access.errors import AccessError, Outage, Refusal
from bot.access.notifications.owner_notices import OwnerNotices
from bot.access.ports import Clock
from bot.access.rotation import Rotation
from bot.access.store.store import Store
from bot.cluster.client import connect
from bot.cluster.connector_account import ElasticsearchAccount
from bot.cluster.connector_password import ConnectorPassword
from bot.config.configuration import Configuration
from bot.config.secret_references import WHEN_NEEDED
from bot.config.settings import Settings, SettingsError
from bot.observability import logs
from bot.runtime.scheduler import Ticker
from bot.secret_stores.environment import EnvironmentStore
from bot.storage.engine import database_url, open_engine

LOOK_AT_ROTATION_EVERY = timedelta(seconds=30)
"""How late a rotation may begin; its time is counted in days."""

COMMAND = "bot rotate"
"""Who did it, in the audit."""


def password_place(file: Path | None, integration: str) -> str:
    """Where people have written the connector account's password, or where it is."""
    return f"{file.name} > {integration} > password" if file else WHEN_NEEDED


def read_passwords(configuration: Configuration, file: Path | None) -> dict[str, ConnectorPassword]:
    """The password of each integration, from its store. Raises `SettingsError` with all that cannot be read."""
    found: dict[str, ConnectorPassword] = {}
    problems = []
    for integration, connection in configuration.connections.items():
        try:
            found[integration] = connection.sign_in()
            logs.hide(found[integration].known)
        except (Outage, Refusal) as error:
            problems.append(f"{password_place(file, integration)}: {error}")
    if problems:
        raise SettingsError(problems)
    return found


def check_rotation(configuration: Configuration) -> None:
    """Raises `SettingsError` for an account that is to be rotated and whose store cannot be written."""
    problems = []
    for integration in _periods(configuration):
        store = configuration.connections[integration].store
        try:
            if store is not None:
                store.check_writable()
        except (Outage, Refusal) as error:
            problems.append(f"credential_rotation_days of {integration}: the password cannot be rotated: {error}")
    if problems:
        raise SettingsError(problems)


def rotation_of(
    configuration: Configuration,
    accounts: Mapping[str, ElasticsearchAccount],
    store: Store,
    clock: Clock,
    notices: OwnerNotices | None = None,
) -> Rotation:
    """The rotation of all accounts. `notices`: the owners are told of a failure that nobody sees otherwise."""
    rotation = Rotation(store, accounts, _periods(configuration), clock)
    return rotation if notices is None else replace(rotation, tell=partial(_tell, notices))


def _tell(notices: OwnerNotices, integration: str, error: str) -> None:
    notices.tell(
        integration,
        f"The password of es-access's own account in {integration} could not be rotated: {error}.\n"
        "Access is given and ends as before, and I try again. bot check says more.",
    )


@contextmanager
def rotation_only(settings: Settings, clock: Clock) -> Iterator[tuple[Rotation, dict[str, ElasticsearchAccount]]]:
    """The rotation and the accounts for one command, beside whatever runs. Raises `SettingsError`."""
    with ExitStack() as running:
        configuration = settings.configuration()
        accounts = {}
        for integration, password in read_passwords(configuration, settings.access_config).items():
            client = connect(configuration.connections[integration], password)
            running.callback(client.close)
            accounts[integration] = ElasticsearchAccount(client, password)
        engine = open_engine(database_url(settings.database_url.get_secret_value()))
        running.callback(engine.dispose)
        store = Store(engine, f"rotate:{socket.gethostname()}:{os.getpid()}")
        yield rotation_of(configuration, accounts, store, clock), accounts


def start_rotation(
    configuration: Configuration,
    accounts: Mapping[str, ElasticsearchAccount],
    store: Store,
    clock: Clock,
    notices: OwnerNotices,
    running: ExitStack,
) -> None:
    """Mends what a crash interrupted, and rotates from time to time. Costs nothing where no secret store is used."""
    kept = {
        name: account
        for name, account in accounts.items()
        if not isinstance(configuration.connections[name].store, EnvironmentStore | None)
    }
    if not kept:
        return
    ticker = Ticker()
    ticker.every(LOOK_AT_ROTATION_EVERY, rotation_of(configuration, kept, store, clock, notices).run_once, "rotation")
    ticker.start()
    running.callback(ticker.stop)


def rotate_now(
    rotation: Rotation, accounts: Mapping[str, ElasticsearchAccount], cluster: str | None
) -> tuple[bool, list[str]]:
    """Rotates one account, or each. Returns whether all went well, and a line about each."""
    if cluster is not None and cluster not in accounts:
        return False, [f"{cluster}: there is no such cluster. There is {', '.join(accounts)}."]
    lines, well = [], True
    for integration in [cluster] if cluster else accounts:
        try:
            accounts[integration].check_writable()
            place = rotation.rotate(integration, COMMAND)
            lines.append(f"{integration}: the connector account has a new password, which is in {place}")
        except (AccessError, Outage, Refusal, SQLAlchemyError) as error:
            well = False
            lines.append(f"{integration}: not rotated: {_sentence(error)}")
    return well, lines


def _sentence(error: Exception) -> str:
    if isinstance(error, SQLAlchemyError):
        return (
            f"the database cannot be used ({type(error).__name__}). `bot check` says more; `bot run` makes its tables"
        )
    return str(error)


def _periods(configuration: Configuration) -> dict[str, timedelta]:
    return {
        integration: timedelta(days=upkeep.credential_rotation_days)
        for integration, upkeep in configuration.upkeep.items()
        if upkeep.credential_rotation_days is not None
    }
