"""Column types and values that several tables share."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, TypeAlias, TypedDict

from sqlalchemy import Enum

Json: TypeAlias = "str | int | float | bool | Sequence[Json] | Mapping[str, Json] | None"
"""A detail of an audit event: plain data, as the database and the audit chain store it."""


def names_of(enum: type[StrEnum]) -> Any:
    """The column type of an enum."""
    # The value is stored as text, as it is shown everywhere else: the same on SQLite and PostgreSQL.
    return Enum(enum, native_enum=False, length=32, values_callable=lambda kind: [each.value for each in kind])


def added(default: Any) -> dict[str, Any]:
    # For a column added by a later migration: earlier rows get this value.
    return {"server_default": default}


LONGEST_CHANNEL = 90
"""Characters. The longest name of a Slack channel has 80 (Slack, "Rename a channel")."""


class Unclaimed(TypedDict):
    """The claim of a row that no process works on."""

    claimed_by: None
    claimed_until: None


FREE: Unclaimed = {"claimed_by": None, "claimed_until": None}
"""Ends the claim on a grant or a message."""


class CredentialKind(StrEnum):
    """The kind of credential of a grant, in the order in which a flow that names none prefers them."""

    OWN_ACCOUNT = "own_account"  # none: the requester's own account in the cluster has the access for a while
    PASSWORD = "password"  # noqa: S105 (the name of a kind); a native user: for Kibana and people
    API_KEY = "api_key"  # for scripts: Elasticsearch itself expires it

    @property
    def option(self) -> str:
        """The option of a command that asks for it."""
        return {"own_account": "--own", "password": "--password", "api_key": "--key"}[self.value]

    @property
    def stops_open_requests(self) -> bool:
        """Whether its end stops requests that are open: an API key carries its rights inside them (measured)."""
        return self is not CredentialKind.API_KEY


class Delivery(StrEnum):
    """How a secret reaches its requester."""

    MESSAGE = "message"  # in a direct message until the grant ends
    REVEAL = "reveal"  # created on a click and shown once in a window
