"""Variables that name a secret store instead of holding the secret itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from bot.access.errors import Outage, Refusal
from bot.secret_stores import SecretStore, is_reference, open_store
from bot.secret_stores.environment import EnvironmentStore

AT_ONCE = ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET", "DATABASE_URL")
"""Read at the start, and not again."""

WHEN_NEEDED = "ELASTICSEARCH_PASSWORD"
"""Read for each connection: it may be rotated while the application runs."""


@dataclass(frozen=True)
class Resolved:
    """`values` are secrets by the variable that names their store; `problems` are sentences by the variable."""

    values: Mapping[str, SecretStr]
    problems: Mapping[str, str]

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments of `Settings` that take the place of references."""
        return {name.lower(): value for name, value in self.values.items()}


def resolve(variables: Mapping[str, str]) -> Resolved:
    """Reads the secrets whose stores are named in `variables`; an unreachable store is one of the problems."""
    values: dict[str, SecretStr] = {}
    problems: dict[str, str] = {}
    present = {name.upper(): value for name, value in variables.items()}
    for name in AT_ONCE:
        if not is_reference(present.get(name, "")):
            continue
        try:
            values[name] = open_store(present[name], variables).read()
        except (ValueError, Outage, Refusal) as error:
            problems[name] = f"{name}: {error}"
    password = present.get(WHEN_NEEDED, "")
    if is_reference(password):
        try:
            open_store(password, variables)
        except ValueError as error:
            problems[WHEN_NEEDED] = f"{WHEN_NEEDED}: {error}"
    return Resolved(values, problems)


def password_store(text: SecretStr, variables: Mapping[str, str]) -> SecretStore:
    """Where the connector account's password is: the store that the variable names, or the variable itself.

    Raises `ValueError` with the end of a sentence.
    """
    if is_reference(text.get_secret_value()):
        return open_store(text.get_secret_value(), variables)
    return EnvironmentStore(WHEN_NEEDED, text)
