"""References: the URLs by which secrets are named in `access.yaml` and in variables."""

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
    begins: str
    """What no secret begins with, so that it may stand in a secret's place."""
    shape: str
    """A regular expression of the whole, in what Python and JSON Schema have in common."""
    like: str
    """For people."""
    build: Callable[..., SecretStore]
    """From what the groups of the shape have matched."""


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

SCHEMES = ("env:", *(each.begins for each in _KINDS))
"""What a reference begins with."""

REFERENCE = "|".join((ENVIRONMENT, *(each.shape for each in _KINDS)))
"""A regular expression of every reference."""

A_VARIABLE = re.compile(r"[A-Z]+[0-9]?(_[A-Z]+[0-9]?)*")
"""A name that is shown again: anything else could be a password that somebody has put behind `env:`."""


def is_reference(text: str) -> bool:
    """Whether it is meant as a reference. It may still be a wrong one."""
    return text.startswith(SCHEMES)


def wrong_with(reference: str) -> str | None:
    """What is wrong with its shape, as the end of a sentence without the value; `None` when it is right."""
    if re.fullmatch(REFERENCE, reference):
        return None
    kind = next((each for each in _KINDS if reference.startswith(each.begins)), None)
    return f"must be like {kind.like if kind else 'env:NAME_OF_THE_VARIABLE'}"


def variable_of(reference: str) -> str | None:
    """The name of the variable that a reference names; `None` when it names none."""
    found = re.fullmatch(ENVIRONMENT, reference)
    return found.group(1) if found else None


def open_store(reference: str, variables: Mapping[str, str]) -> SecretStore:
    """The store of that secret; nothing is asked of it yet. `variables` is where `env:NAME` is looked up.

    A variable may hold the reference of another store. Raises `ValueError` with the end of a sentence.
    """
    wrong = wrong_with(reference)
    if wrong:
        raise ValueError(wrong)
    name = variable_of(reference)
    if name is None:
        return _opened(reference)
    # Shown only where it cannot be a password that somebody has put behind “env:”.
    shown = name if A_VARIABLE.fullmatch(name) else "of this name"
    value = variables.get(name)
    if not value:
        raise ValueError(f"the environment variable {shown} is not set")
    if not is_reference(value):
        return EnvironmentStore(name, SecretStr(value))
    wrong = "leads to another variable" if value.startswith("env:") else wrong_with(value)
    if wrong:
        raise ValueError(f"the environment variable {shown} {wrong}")
    return _opened(value)


def _opened(reference: str) -> SecretStore:
    for each in _KINDS:
        found = re.fullmatch(each.shape, reference)
        if found:
            return each.build(*found.groups())
    raise ValueError("names no secret store")
