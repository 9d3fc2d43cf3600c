"""Variables that name a secret store instead of holding the secret itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypedDict

from pydantic import SecretStr

from bot.access.errors import Outage, Refusal
from bot.config.settings_error import SettingsProblem
from bot.secret_stores import SecretStore, is_reference, open_secret_store
from bot.secret_stores.environment import EnvironmentStore

READ_AT_START = ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET", "DATABASE_URL")
"""Variables that are read only at the start."""

PASSWORD_VARIABLE = "ELASTICSEARCH_PASSWORD"  # noqa: S105 (the name of the variable)
KEY_VARIABLE = "ELASTICSEARCH_API_KEY"
"""Read for each connection, because they may change while the application runs."""


@dataclass(frozen=True)
class Resolved:
    """The secrets, and the problems, by the variable that names the store."""

    values: Mapping[str, SecretStr]
    problems: Mapping[str, SettingsProblem]

    @property
    def arguments(self) -> dict[str, Any]:
        """Arguments for `Settings`, with secrets instead of references."""
        return {name.lower(): value for name, value in self.values.items()}


def resolve(variables: Mapping[str, str]) -> Resolved:
    """Reads the secrets that `variables` refer to. An unreachable store is one of the problems."""
    values: dict[str, SecretStr] = {}
    problems: dict[str, SettingsProblem] = {}
    present = {name.upper(): value for name, value in variables.items()}
    for name in READ_AT_START:
        if not is_reference(present.get(name, "")):
            continue
        try:
            values[name] = open_secret_store(present[name], variables).read()
        except (ValueError, Outage, Refusal) as error:
            problems[name] = SettingsProblem(f"{name}: {error}", (name,))
    for name in (PASSWORD_VARIABLE, KEY_VARIABLE):
        if is_reference(present.get(name, "")):
            try:
                open_secret_store(present[name], variables)
            except ValueError as error:
                problems[name] = SettingsProblem(f"{name}: {error}", (name,))
    return Resolved(values, problems)


def connector_store(variable: str, text: SecretStr, variables: Mapping[str, str]) -> SecretStore | None:
    """The store of the connector's password or key: the one that the variable names, or the variable itself.

    `None` if the variable is empty. Raises `ValueError`, whose text is the end of a sentence.
    """
    if is_reference(text.get_secret_value()):
        return open_secret_store(text.get_secret_value(), variables)
    return EnvironmentStore(variable, text) if text.get_secret_value() else None


class ConnectorSecret(TypedDict):
    """The fields of a `ClusterConnection` about its secret."""

    password: SecretStr
    api_key: SecretStr | None
    store: SecretStore | None


def connector_secret(store: SecretStore | None, *, is_key: bool) -> ConnectorSecret:
    """The fields for a password or a key in that store. Only the value of a variable is known before it is needed."""
    known = store.value if isinstance(store, EnvironmentStore) else SecretStr("")
    return ConnectorSecret(password=SecretStr("") if is_key else known, api_key=known if is_key else None, store=store)
