"""References: URLs in `access.yaml` and in variables that name secrets."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from pydantic import SecretStr

from bot.secret_stores.aws import AwsStore
from bot.secret_stores.azure import AzureStore
from bot.secret_stores.environment import EnvironmentStore
from bot.secret_stores.file import FileStore
from bot.secret_stores.google import GoogleStore
from bot.secret_stores.store import SecretStore
from bot.secret_stores.vault import VaultStore


class _Kind(NamedTuple):
    prefix: str
    """A prefix that no secret has, so that a reference can replace a secret."""
    shape: str
    """A regular expression for the whole, in the syntax that Python and JSON Schema share."""
    example: str
    """The form, for people."""
    build: Callable[..., SecretStore]
    """Makes the store from the groups of the match."""


_KINDS = (
    _Kind("file:", r"file:(?://)?(/[^\0]*[^\0/])", "file:/PATH", lambda path: FileStore(Path(path))),
    _Kind(
        "aws-sm://",
        r"aws-sm://([a-z0-9-]+)/([A-Za-z0-9/_+=.@:-]+)(?:#([^#\s]+))?",
        "aws-sm://REGION/SECRET or aws-sm://REGION/SECRET#KEY",
        AwsStore,
    ),
    _Kind("gcp-sm://", r"gcp-sm://([a-z0-9.:-]+)/([A-Za-z0-9_-]+)", "gcp-sm://PROJECT/SECRET", GoogleStore),
    _Kind("azure-kv://", r"azure-kv://([A-Za-z0-9.:-]+)/([A-Za-z0-9-]+)", "azure-kv://VAULT/SECRET", AzureStore),
    _Kind(
        "vault://",
        r"vault://([A-Za-z0-9.:-]+)/([^/#\s]+)/([^#\s]*[^#\s/])#([^#\s]+)",
        "vault://HOST:PORT/MOUNT/PATH#KEY",
        VaultStore,
    ),
)

ENVIRONMENT = r"env:([A-Za-z_][A-Za-z0-9_]*)"
"""A variable of the environment or of `.env`."""

SCHEMES = ("env:", *(each.prefix for each in _KINDS))
"""The prefixes of references."""

REFERENCE = "|".join((ENVIRONMENT, *(each.shape for each in _KINDS)))
"""A regular expression for all references."""

A_VARIABLE = re.compile(r"[A-Z]+[0-9]?(_[A-Z]+[0-9]?)*")
"""A name that a message may repeat. Anything else could be a password that somebody wrote after `env:`."""


def is_reference(text: str) -> bool:
    """Whether the text has the prefix of a reference. Its shape may still be wrong."""
    return text.startswith(SCHEMES)


def problem_with(reference: str) -> str | None:
    """The problem with its shape, as the end of a sentence without the value; `None` when it is valid."""
    if re.fullmatch(REFERENCE, reference):
        return None
    kind = next((each for each in _KINDS if reference.startswith(each.prefix)), None)
    return f"must be like {kind.example if kind else 'env:NAME_OF_THE_VARIABLE'}"


def variable_of(reference: str) -> str | None:
    """The variable that a reference names; `None` for other references."""
    found = re.fullmatch(ENVIRONMENT, reference)
    return found.group(1) if found else None


def open_secret_store(reference: str, variables: Mapping[str, str]) -> SecretStore:
    """The store of the secret, which is not called yet. `env:NAME` refers to `variables`.

    A variable may hold a reference to another store. Raises `ValueError`, whose text is the end of a sentence.
    """
    wrong = problem_with(reference)
    if wrong:
        raise ValueError(wrong)
    name = variable_of(reference)
    if name is None:
        return _open(reference)
    # Shown only if it cannot be a password that somebody wrote after “env:”.
    shown = name if A_VARIABLE.fullmatch(name) else "of this name"
    value = variables.get(name)
    if not value:
        raise ValueError(f"the environment variable {shown} is not set")
    if not is_reference(value):
        return EnvironmentStore(name, SecretStr(value))
    wrong = "leads to another variable" if value.startswith("env:") else problem_with(value)
    if wrong:
        raise ValueError(f"the environment variable {shown} {wrong}")
    return _open(value)


def _open(reference: str) -> SecretStore:
    for each in _KINDS:
        found = re.fullmatch(each.shape, reference)
        if found:
            return each.build(*found.groups())
    raise ValueError("names no secret store")
