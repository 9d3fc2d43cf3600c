"""What every secret store can do, and what they have in common."""

import importlib
from typing import Any, Protocol

from pydantic import SecretStr

from bot.access.errors import Refusal

TIMEOUT_SECONDS = 5
"""For one call to a store: all of them answer in a fraction of a second, or are in trouble."""


class SecretStore(Protocol):
    """One secret in a store. Nothing is kept in memory: each call asks the store.

    Every call raises `Outage` when the store does not answer and `Refusal` when it says no; both with a sentence for
    whoever runs the application, which holds no secret. Two stores are equal when they name the same secret.
    """

    @property
    def place(self) -> str:
        """Where it is, for people: never the secret itself."""
        ...

    def read(self) -> SecretStr:
        """The secret as it is now, which is never empty."""
        ...

    def previous(self) -> SecretStr | None:
        """What was there before the last write; `None` when there was nothing, or it is not known any more."""
        ...

    def write(self, secret: SecretStr) -> None:
        """Puts a new secret in the place of the present one, which becomes the previous one."""
        ...

    def check_writable(self) -> None:
        """Returns when `write` is allowed, as far as can be told without changing the secret."""
        ...


def library(name: str, extra: str) -> Any:
    """A client library, which is loaded where it is used and nowhere else. Raises `Refusal` naming the extra."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        raise Refusal(f"needs more packages: pip install 'es-access[{extra}]'") from None


def filled(secret: str | None, place: str) -> SecretStr:
    """The secret. Raises `Refusal` when there is nothing in its place."""
    if not secret:
        raise Refusal(f"{place} is empty")
    return SecretStr(secret)
