"""Limits of fields and documents: whether a cluster's licence has them, and whether a role or key has kept them.

Without such a licence, Elasticsearch refuses a role with limits, and ignores one that exists ("Field and document level
security"). So nothing is given more than was approved; it is read back all the same.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from elasticsearch import Elasticsearch

from bot.access.errors import Fault, Refusal, Unusable
from bot.access.models.limits import Limits
from bot.cluster.client import ask, ask_if_exists
from bot.cluster.roles import limits_of

Entries = Sequence[Mapping[str, Any]]
"""Index entries in the body of a role."""

_WITH_LIMITS = frozenset({"trial", "platinum", "enterprise"})
"""Types of licences with field and document level security ("Subscriptions", Elastic)."""


@dataclass(frozen=True)
class Licence:
    """A cluster's licence, by its type and status as `GET _license` names them."""

    type: str
    status: str

    @property
    def has_limits(self) -> bool:
        """Whether it has field and document level security."""
        return self.type in _WITH_LIMITS and self.status == "active"


def read_licence(client: Elasticsearch) -> Licence | None:
    """The licence; `None` if the cluster does not tell. Raises `Outage`."""
    try:
        found = ask_if_exists(client, client.license.get).get("license")
    except Refusal:
        return None
    return Licence(str(found.get("type")), str(found.get("status"))) if isinstance(found, Mapping) else None


def check_licence(client: Elasticsearch) -> None:
    """Raises `Unusable` if the licence has no limits, and `Outage`."""
    licence = read_licence(client)
    if licence is not None and not licence.has_limits:
        said = f"{licence.type}, {licence.status}"
        raise Unusable(f"the licence ({said}) has no field and document level security", Fault.NOT_LIMITED)


def check_role(client: Elasticsearch, name: str, entries: Entries) -> None:
    """Raises `Unusable` if the role does not have the limits of these index entries, and `Outage`, `Refusal`."""
    _check(ask(client, lambda: client.security.get_role(name=name)).values(), entries)


def check_key(client: Elasticsearch, key_id: str | None, entries: Entries) -> None:
    """Raises `Unusable` if the API key does not have the limits of these index entries, and `Outage`, `Refusal`."""
    keys = ask(client, lambda: client.security.get_api_key(id=key_id, with_limited_by=True))["api_keys"]
    _check([role for key in keys for roles in key.get("limited_by", ()) for role in roles.values()], entries)


def _check(roles: Iterable[Mapping[str, Any]], entries: Entries) -> None:
    found = list(roles)
    ignored = any((each.get("transient_metadata") or {}).get("enabled") is False for each in found)
    if ignored or _each(entry for each in found for entry in each.get("indices", ())) != _each(entries):
        raise Unusable("the cluster did not keep the limits of fields and documents", Fault.NOT_LIMITED)


def _each(entries: Iterable[Mapping[str, Any]]) -> list[tuple[list[str], Limits]]:
    """The names of each entry with their limits."""
    return sorted(((sorted(each["names"]), limits_of([each])) for each in entries), key=repr)
