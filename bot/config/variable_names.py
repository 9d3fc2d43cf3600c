"""Variables that nothing reads: their names are misspelt, or their values are in `access.yaml`."""

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

from dotenv import dotenv_values

from bot.config.audit_settings import ENV_FILE
from bot.config.configuration import is_file
from bot.config.settings_error import ProblemKind, SettingsProblem

LIKENESS = 0.8
"""The similarity, from 0 to 1, above which a name counts as misspelt. `RESOURCE_OWNER` must be found."""

IN_FILE = (
    "ELASTICSEARCH_URL", "ELASTICSEARCH_CLOUD_ID", "ELASTICSEARCH_USERNAME", "ELASTICSEARCH_CA_CERTS",
    "ELASTICSEARCH_CLIENT_CERTIFICATE", "ELASTICSEARCH_CLIENT_KEY", "ELASTICSEARCH_PUBLIC_URL",
    "ELASTICSEARCH_CA_HINT", "KIBANA_URL", "KIBANA_SPACE", "INTEGRATION_NAME", "INTEGRATION_OWNER",
    "RESOURCE_OWNER_KEY", "CUSTOM_ACCESS_DETAILS", "CREDENTIAL_ROTATION_DAYS", "USER_CLEANUP_DAYS", "MAX_DURATION",
    "PENDING_DURATION", "ELASTICSEARCH_ACCOUNT_REALM", "ELASTICSEARCH_ACCOUNT_USERNAME",
    "ELASTICSEARCH_ACCOUNT_ADD_ROLE",
)  # fmt: skip
"""Settings that belong in `access.yaml` when there is one. Not password and key: the file may refer to these."""


def misspelt(present: Mapping[str, str], known: Sequence[str]) -> Iterable[SettingsProblem]:
    """Variables in `.env` whose names resemble one of `known`."""
    # Only in `.env`: most variables of the environment belong to other programs.
    config = Path(present.get("ACCESS_CONFIG", ""))
    named = _named_in(config) if is_file(config) else frozenset()
    for name in dotenv_values(ENV_FILE):
        if name.upper() not in known and name not in named:
            near = get_close_matches(name.upper(), known, n=1, cutoff=LIKENESS)
            # When the right one is set as well, this one belongs to another program.
            if near and near[0] not in present:
                text = f"{name} in .env: did you mean {near[0]}?"
                yield SettingsProblem(text, kind=ProblemKind.MISSPELT)


def _named_in(file: Path) -> frozenset[str]:
    """The variables that an `access.yaml` takes passwords from, even when the file has errors."""
    try:
        return frozenset(re.findall(r"env:([A-Za-z_][A-Za-z0-9_]*)", file.read_text(encoding="utf-8")))
    except (OSError, UnicodeError):
        return frozenset()


def superseded(present: Mapping[str, str]) -> Iterable[SettingsProblem]:
    """Settings that are in `access.yaml` now."""
    # Refused and not ignored, because someone who sets it relies on it.
    for name in IN_FILE:
        if name in present:
            yield SettingsProblem(f"{name}: is in access.yaml now, remove it", (name,), ProblemKind.SUPERSEDED)
