"""The passwords of the connector accounts: reading them at the start, and rotating them."""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from bot.access.errors import AccessError, Outage, Refusal
from bot.access.intervals import LOOK_AT_ROTATION_EVERY
from bot.access.notifications.owner_notices import OwnerNotices
from bot.access.ports import Clock
from bot.access.rotation import Rotation
from bot.access.store.store import Store
from bot.cluster.client import ClusterConnection
from bot.cluster.connector.account import NOT_ROTATED, ElasticsearchAccount
from bot.cluster.connector.password import ConnectorPassword
from bot.config.configuration import Configuration
from bot.config.secret_references import KEY_VARIABLE, PASSWORD_VARIABLE
from bot.config.settings import SettingsError, SettingsProblem
from bot.observability.logs import Scrubber
from bot.runtime.scheduler import Scheduler
from bot.secret_stores.environment import EnvironmentStore

COMMAND = "bot rotate"
"""The actor in the audit trail."""


def secret_setting(file: Path | None, integration: str, connection: ClusterConnection) -> str:
    """The setting that holds the connector's password or API key, or names its store."""
    key, variable = ("password", PASSWORD_VARIABLE) if connection.api_key is None else ("api_key", KEY_VARIABLE)
    return f"{file.name} > {integration} > {key}" if file else variable


def read_passwords(configuration: Configuration, file: Path | None, scrubber: Scrubber) -> dict[str, ConnectorPassword]:
    """Reads the password of each integration from its store, and hides it in what `scrubber` cleans.

    Raises `SettingsError` with all that cannot be read, certificates included.
    """
    found: dict[str, ConnectorPassword] = {}
    problems = []
    for integration, connection in configuration.connections.items():
        wrong = connection.wrong_file()
        if wrong:
            variable = f"ELASTICSEARCH_{wrong.setting}".upper()
            named = f"{file.name} > {integration} > {wrong.setting}" if file else variable
            problems.append(SettingsProblem(f"{named}: {wrong.problem}. {wrong.to_do}"))
        try:
            found[integration] = connection.sign_in()
            scrubber.hide(found[integration].known)
        except (Outage, Refusal) as error:
            problems.append(SettingsProblem(f"{secret_setting(file, integration, connection)}: {error}"))
    if problems:
        raise SettingsError(problems)
    return found


def check_rotation(configuration: Configuration) -> None:
    """Raises `SettingsError` for each account that has to be rotated, and has no password in a store to be written."""
    problems = []
    for integration in _periods(configuration):
        try:
            check_rotatable(configuration.connections[integration])
        except (Outage, Refusal) as error:
            problems.append(
                SettingsProblem(f"credential_rotation_days of {integration}: the password cannot be rotated: {error}")
            )
    if problems:
        raise SettingsError(problems)


def check_rotatable(connection: ClusterConnection) -> None:
    """Raises `Refusal` if the account has no password or its store cannot be written, and `Outage`."""
    if not connection.rotatable:
        raise Refusal(NOT_ROTATED)
    if connection.store is not None:
        connection.store.check_writable()


def rotation_of(
    configuration: Configuration,
    accounts: Mapping[str, ElasticsearchAccount],
    store: Store,
    clock: Clock,
    notices: OwnerNotices | None = None,
) -> Rotation:
    """The rotation of all accounts. `notices` tells the owners about failures; a command prints them instead."""
    rotation = Rotation(store, accounts, _periods(configuration), clock)
    return rotation if notices is None else replace(rotation, notify=partial(_notify, notices))


def _notify(notices: OwnerNotices, integration: str, error: str) -> None:
    notices.tell(
        integration,
        f"The password of es-access's own account in {integration} could not be rotated: {error}.\n"
        "Access is given and ends as before, and I try again. bot check says more.",
    )


def start_rotation(
    configuration: Configuration,
    accounts: Mapping[str, ElasticsearchAccount],
    store: Store,
    clock: Clock,
    notices: OwnerNotices,
    running: ExitStack,
) -> None:
    """Finishes interrupted rotations, and rotates when it is due. Starts nothing when no secret store is used."""
    rotatable = {
        name: account
        for name, account in accounts.items()
        if configuration.connections[name].rotatable
        and not isinstance(configuration.connections[name].store, EnvironmentStore | None)
    }
    if not rotatable:
        return
    scheduler = Scheduler()
    scheduler.every(
        LOOK_AT_ROTATION_EVERY, rotation_of(configuration, rotatable, store, clock, notices).run_once, "rotation"
    )
    scheduler.start()
    running.callback(scheduler.stop)


def rotate_now(
    rotation: Rotation, accounts: Mapping[str, ElasticsearchAccount], cluster: str | None
) -> tuple[bool, list[str]]:
    """Rotates one account or all of them. Returns whether all succeeded, and a line about each."""
    if cluster is not None and cluster not in accounts:
        return False, [f"{cluster}: there is no such cluster. There is {', '.join(accounts)}."]
    lines, succeeded = [], True
    for integration in [cluster] if cluster else accounts:
        try:
            accounts[integration].check_writable()
            place = rotation.rotate(integration, COMMAND)
            lines.append(f"{integration}: the connector account has a new password, which is in {place}")
        except (AccessError, Outage, Refusal, SQLAlchemyError) as error:
            succeeded = False
            lines.append(f"{integration}: not rotated: {_sentence(error)}")
    return succeeded, lines


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
