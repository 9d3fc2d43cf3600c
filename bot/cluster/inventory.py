"""Lists the users, roles and live API keys that an installation has made and that still exist, by name."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from heapq import merge
from itertools import groupby, islice
from operator import itemgetter
from typing import Any, Literal

from elasticsearch import Elasticsearch

from bot.access.ports import InventoryItem, Privileges
from bot.cluster.ownership import METADATA_KEY, Installation, mark_of
from bot.cluster.pages import PAGE, pages
from bot.cluster.roles import asked_patterns, names_and_privileges

_MARK = f"metadata.{METADATA_KEY}"

_HELD = (
    "indices.names", "indices.privileges", "indices.allow_restricted_indices", "indices.field_security",
    "indices.query", "applications", "cluster", "run_as",
)  # fmt: skip
"""The parts of a role that an access can consist of. See `role_body`."""

_Finding = tuple[str, Literal["user", "key"], Mapping[str, Any]]
"""A user or a key, with the name that they share."""


@dataclass(slots=True)
class _Role:
    mark: Mapping[str, Any]
    patterns: tuple[str, ...]
    privileges: Privileges
    excluded: tuple[str, ...] = ()


@dataclass(slots=True)
class _Name:
    """The user, role and keys of one name, as far as they may be ours."""

    name: str
    user: Mapping[str, Any] | None = None
    role: _Role | None = None
    keys: list[Mapping[str, Any]] = field(default_factory=list)
    foreign: bool = False


@dataclass(frozen=True)
class Inventory:
    """Searches for objects marked with this installation whose names begin with `prefix`.

    Roles are read first and kept in memory. Users and keys are then read in parallel in the order of their names, so
    10,000 grants need a few megabytes. `manage_security` permits every search.
    """

    client: Elasticsearch
    installation: Installation
    prefix: str

    def found(self) -> Iterator[Sequence[InventoryItem]]:
        """Everything found, in pages of about a thousand. Raises `Outage`, `Refusal`."""
        self.installation.require_id()
        everything = self._everything()
        while page := list(islice(everything, PAGE)):
            yield page

    def _everything(self) -> Iterator[InventoryItem]:
        roles = {name: role for name, role in self._roles() if name.startswith(self.prefix)}
        parts: Iterable[_Finding] = merge(self._users(), self._keys(), key=itemgetter(0))
        for name, some in groupby(parts, key=itemgetter(0)):
            found = self._item_of(self._join(_Name(name, role=roles.pop(name, None)), some))
            if found is not None:
                yield found
        for name, role in roles.items():
            only = self._item_of(_Name(name, role=role))
            if only is not None:
                yield only

    def _join(self, name: _Name, parts: Iterable[_Finding]) -> _Name:
        for _, kind, part in parts:
            mark = mark_of(part)
            if mark is not None and not self.installation.owns(part):
                name.foreign = name.foreign or kind == "user"
            elif kind == "user":
                name.user = part
            else:
                name.keys.append(part)
        return name

    def _item_of(self, name: _Name) -> InventoryItem | None:
        if name.foreign or not (name.user or name.role or name.keys):
            return None
        marks = [mark_of(each) for each in ([name.user] if name.user else []) + name.keys[::-1]]
        # An extension rewrites the marks of users and makes new keys; a role's mark is as old as the grant.
        said = [each for each in (*marks, name.role and name.role.mark) if each]
        mark = said[0] if said else {}
        held = name.role or _role_of(name.keys)
        return InventoryItem(
            username=name.name,
            grant_id=_text(mark.get("grant")),
            requester=_text(mark.get("requester")),
            expires_at=_time(mark.get("expires_at")),
            user=name.user is not None,
            enabled=name.user is not None and bool(name.user["enabled"]),
            role=name.role is not None,
            key_ids=tuple(each["id"] for each in name.keys),
            patterns=held.patterns if held else (),
            privileges=held.privileges if held else Privileges(()),
            excluded=held.excluded if held else (),
            marked=any("installation" in each for each in said),
        )

    def _users(self) -> Iterator[_Finding]:
        query = {"prefix": {"username": self.prefix}}
        shown = ("username", "enabled", _MARK)
        for user in pages(self.client, "users", shown, query, ["username"], self.client.security.query_user):
            yield user["username"], "user", user

    def _keys(self) -> Iterator[_Finding]:
        query = {
            "bool": {
                "filter": [{"prefix": {"username": self.prefix}}, {"term": {"invalidated": False}}],
                "must_not": {"range": {"expiration": {"lte": "now"}}},
            }
        }
        shown = ("id", "username", _MARK, *(f"limited_by.*.{each}" for each in _HELD))
        order = ["username", "creation"]

        search = partial(self.client.security.query_api_keys, with_limited_by=True)
        for key in pages(self.client, "api_keys", shown, query, order, search):
            yield key["username"], "key", key

    def _roles(self) -> Iterator[tuple[str, _Role]]:
        # Not by name: Elasticsearch computes a role's name with a script, and a cluster may have scripts disabled.
        ours: dict[str, Any] = {
            "bool": {
                "filter": {"term": {f"{_MARK}.installation": self.installation.require_id()}},
                "must_not": {"exists": {"field": f"{_MARK}.person"}},  # personal roles are no grants
            }
        }
        unnamed: dict[str, Any] = {
            "bool": {
                "filter": {"exists": {"field": f"{_MARK}.grant"}},
                "must_not": {"exists": {"field": f"{_MARK}.installation"}},
            }
        }
        query = {"bool": {"should": [ours, unnamed], "minimum_should_match": 1}}
        shown = ("name", _MARK, *_HELD)
        order = [f"{_MARK}.grant", f"{_MARK}.expires_at"]
        for role in pages(self.client, "roles", shown, query, order, self.client.security.query_role):
            yield role["name"], _role(mark_of(role) or {}, [role])


def _role_of(keys: Sequence[Mapping[str, Any]]) -> _Role | None:
    """The privileges of the newest key, which are those of its user at the time it was made."""
    for key in reversed(keys):
        for roles in key.get("limited_by", ()):
            return _role(mark_of(key) or {}, list(roles.values()))
    return None


def _role(mark: Mapping[str, Any], bodies: Sequence[Mapping[str, Any]]) -> _Role:
    names, privileges = names_and_privileges(bodies)
    patterns, excluded = asked_patterns(mark, names, hidden=privileges.restricted_indices)
    return _Role(mark, patterns, privileges, excluded)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _time(value: object) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        time = datetime.fromisoformat(value)
    except ValueError:
        return None
    return time.astimezone(UTC) if time.tzinfo is not None else None
