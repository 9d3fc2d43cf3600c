"""The interface of secret stores, and their shared functions."""

import importlib
from typing import Any, Protocol

from pydantic import SecretStr

from bot.access.errors import Refusal
from bot.release import how_to_install

TIMEOUT_SECONDS = 5
"""For one call to a store. All stores normally answer in a fraction of a second."""


class SecretStore(Protocol):
    """One secret in a store. Nothing is cached: each call asks the store.

    Every call raises `Outage` when the store does not answer and `Refusal` when it refuses. The text of both is for
    the operator, and holds no secret. Two stores are equal when they name the same secret.
    """

    @property
    def location(self) -> str:
        """Where the secret is, in words for people."""
        ...

    def read(self) -> SecretStr:
        """The present secret, which is never empty."""
        ...

    def previous(self) -> SecretStr | None:
        """The secret before the last write; `None` when there was none, or the store no longer has it."""
        ...

    def write(self, secret: SecretStr) -> None:
        """Replaces the present secret, which becomes the previous one."""
        ...

    def check_writable(self) -> None:
        """Raises when `write` is not allowed, as far as that is visible without changing the secret."""
        ...


def import_library(name: str, extra: str) -> Any:
    """Imports a client library when it is first needed. Raises `Refusal`, which names the missing extra."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        raise Refusal(f"needs more packages: {how_to_install(extra)}") from None


def require_value(secret: str | None, location: str) -> SecretStr:
    """The secret. Raises `Refusal` when it is empty."""
    if not secret:
        raise Refusal(f"{location} is empty")
    return SecretStr(secret)
