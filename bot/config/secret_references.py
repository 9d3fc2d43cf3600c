"""Variables that name a secret store instead of holding the secret itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from bot.access.errors import Outage, Refusal
from bot.config.settings_error import SettingsProblem
from bot.secret_stores import SecretStore, is_reference, open_secret_store
from bot.secret_stores.environment import EnvironmentStore

READ_AT_START = ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET", "DATABASE_URL")
"""Variables that are read only at the start."""

PASSWORD_VARIABLE = "ELASTICSEARCH_PASSWORD"  # noqa: S105 (the name of the variable)
"""Read for each connection, because the password may be rotated while the application runs."""


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
    password = present.get(PASSWORD_VARIABLE, "")
    if is_reference(password):
        try:
            open_secret_store(password, variables)
        except ValueError as error:
            problems[PASSWORD_VARIABLE] = SettingsProblem(f"{PASSWORD_VARIABLE}: {error}", (PASSWORD_VARIABLE,))
    return Resolved(values, problems)


def password_store(text: SecretStr, variables: Mapping[str, str]) -> SecretStore:
    """The store of the connector account's password: the one that the variable names, or the variable itself.

    Raises `ValueError`, whose text is the end of a sentence.
    """
    if is_reference(text.get_secret_value()):
        return open_secret_store(text.get_secret_value(), variables)
    return EnvironmentStore(PASSWORD_VARIABLE, text)
