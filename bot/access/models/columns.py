"""Column types and values that several tables share."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, TypeAlias, TypedDict

from sqlalchemy import Enum

Json: TypeAlias = "str | int | float | bool | Sequence[Json] | Mapping[str, Json] | None"
"""A detail of an audit event: plain data, as the database and the audit chain store it."""


def names_of(enum: type[StrEnum]) -> Any:
    """The column type of an enum."""
    # Stored as the value that is shown everywhere else, in a plain text column: the same on SQLite and PostgreSQL.
    return Enum(enum, native_enum=False, length=32, values_callable=lambda kind: [each.value for each in kind])


def added(default: Any) -> dict[str, Any]:
    # A column that came with a later schema: what was stored before has this value.
    return {"server_default": default}


LONGEST_CHANNEL = 90
"""Characters of where a message goes: the name of a channel has up to 80 (Slack, "Rename a channel")."""


class Unclaimed(TypedDict):
    """The claim of a row that no process works on."""

    claimed_by: None
    claimed_until: None


FREE: Unclaimed = {"claimed_by": None, "claimed_until": None}
"""Ends the claim on a grant or a message."""


class CredentialKind(StrEnum):
    """What a grant is in the cluster."""

    PASSWORD = "password"  # noqa: S105 (the name of a kind); a native user: for Kibana and people
    API_KEY = "api_key"  # for scripts: the server itself ends it


class Delivery(StrEnum):
    """How a secret reaches its requester."""

    MESSAGE = "message"  # it stands in a direct message until the grant ends
    REVEAL = "reveal"  # it is made at a click, and shown once in a window
