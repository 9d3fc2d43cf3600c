"""Checks that each secret store can be read, and written when its password is rotated."""

from bot.access.errors import Outage, Refusal
from bot.checks.configuration import Setup
from bot.checks.report import Report
from bot.cluster.client import ClusterConnection
from bot.cluster.connector.account import NOT_ROTATED
from bot.config.secret_references import READ_AT_START
from bot.config.settings import variables
from bot.runtime.connector_rotation import check_rotatable, secret_setting
from bot.secret_stores import is_reference, open_secret_store
from bot.secret_stores.environment import EnvironmentStore

TO_READ = "Start the store, let this account read there, or correct the address: .env.example has each form."
TO_WRITE = "Let this account write there, keep the password in another store, or take credential_rotation_days out."
TO_LEAVE_OUT = "Take credential_rotation_days out."


def check_stores(report: Report, setup: Setup) -> None:
    """Reports on each secret in a store."""
    every = variables() if setup.env_file_readable else {}
    present = {name.upper(): value for name, value in every.items()}
    for name in READ_AT_START:
        # A secret that cannot be read is already reported as a problem of the settings.
        if name not in setup.unusable and is_reference(present.get(name, "")):
            report.ok(f"secret store: {name} is read from {open_secret_store(present[name], every).location}")
    if setup.configuration is None:
        return
    for integration, connection in setup.configuration.connections.items():
        upkeep = setup.configuration.upkeep.get(integration)
        rotated = upkeep is not None and upkeep.credential_rotation_days is not None
        if rotated or not isinstance(connection.store, EnvironmentStore | None):
            setting = secret_setting(setup.settings.access_config, integration, connection)
            _check_password(report, setting, connection, rotated=rotated)


def _check_password(report: Report, setting: str, connection: ClusterConnection, *, rotated: bool) -> None:
    store = connection.store
    if rotated and not connection.rotatable:
        report.fail(f"secret store: {setting} cannot be rotated: {NOT_ROTATED}", TO_LEAVE_OUT)
    if store is None:
        return
    try:
        report.hide(connection.sign_in().known)
    except (Outage, Refusal) as error:
        report.fail(f"secret store: {setting}: {error}", TO_READ)
        return
    if not rotated or not connection.rotatable:
        report.ok(f"secret store: {setting} is read from {store.location}")
        return
    try:
        check_rotatable(connection)
    except (Outage, Refusal) as error:
        report.fail(f"secret store: {setting} cannot be rotated: {error}", TO_WRITE)
    else:
        report.ok(f"secret store: {setting} is read from {store.location}, which can be written")
