"""A personal role as Elasticsearch stores it: what its parts give together, and metadata that says all of them.

Parts with different privileges keep index entries of their own, so that no part's privileges hold for the names of
another.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from bot.access.accounts.account import Account, FoundRole, PersonalRole
from bot.access.accounts.role_entries import entries_of
from bot.access.ports import CredentialSpec, Privileges
from bot.cluster.ownership import Installation, mark_of
from bot.cluster.roles import role_body

_NO_RIGHTS = frozenset({"name", "metadata", "transient_metadata", "description", "_sort"})
"""Parts of a role as it is read that give nothing."""

_UNREADABLE = (KeyError, TypeError, ValueError, AttributeError)
"""What metadata that somebody else has written can raise."""


def personal_body(role: PersonalRole, installation: Installation, opened_space: str | None) -> dict[str, Any]:
    """The body of a call that writes the role. Raises `Refusal` as `role_body`, and `Outage` without an id."""
    body: dict[str, Any] = {}
    for part in entries_of(role.parts):
        for key, values in role_body(part, opened_space).items():
            body[key] = _each_once([*body.get(key, ()), *values])
    mark = {
        "person": role.person,
        "account": role.account.username,
        "realm": role.account.realm,
        # A list: a bulk call leaves keys of an object that the new one does not have (measured on 8.19 and 9.5).
        "parts": [_stored(part) for part in role.parts],
    }
    return {**body, "metadata": installation.marked({**mark, "content": _digest(body, mark)})}


def found_role(name: str, role: Mapping[str, Any]) -> FoundRole:
    """The personal role that a cluster has under that name."""
    mark = dict(mark_of(role) or {})
    person = str(mark.get("person") or "")
    stored = mark.get("parts")
    listed = stored if isinstance(stored, list) else []
    parts = [part for each in listed if (part := _restored(name, person, each)) is not None]
    account = _account(mark)
    said = {key: value for key, value in mark.items() if key not in {"content", "installation"}}
    whole = account is not None and listed is stored and len(parts) == len(listed)
    as_written = whole and mark.get("content") == _digest(role, said)
    return FoundRole(name, person, account, tuple(parts), by_hand=not as_written)


def names_in(role: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of indices in a role, each once."""
    return tuple(dict.fromkeys(name for each in role.get("indices", ()) for name in each.get("names", ())))


def _stored(part: CredentialSpec) -> dict[str, Any]:
    given = {key: value for key, value in part.privileges.stored().items() if value}
    kept: dict[str, Any] = {"patterns": part.patterns, "withheld": part.withheld, "excluded": part.excluded}
    return {
        "grant": part.grant_id,
        "expires_at": part.expires_at.isoformat(),
        "privileges": given,
        **{key: list(value) for key, value in kept.items() if value},
        **({"opens_kibana": True} if part.opens_kibana else {}),
    }


def _restored(name: str, person: str, stored: Mapping[str, Any]) -> CredentialSpec | None:
    """The part as it was written; `None` if it is unreadable."""
    try:
        until = datetime.fromisoformat(stored["expires_at"])
        if until.tzinfo is None:
            return None
        return CredentialSpec(
            grant_id=stored["grant"],
            username=name,
            requester=person,
            patterns=tuple(stored["patterns"]),
            privileges=Privileges.restored({"indices": [], **stored["privileges"]}),
            expires_at=until.astimezone(UTC),
            withheld=tuple(stored.get("withheld", ())),
            excluded=tuple(stored.get("excluded", ())),
            opens_kibana=stored.get("opens_kibana") is True,
        )
    except _UNREADABLE:
        return None


def _account(mark: Mapping[str, Any]) -> Account | None:
    username, realm = mark.get("account"), mark.get("realm")
    return Account(username, realm) if isinstance(username, str) and isinstance(realm, str) else None


def _digest(role: Mapping[str, Any], mark: Mapping[str, Any]) -> str:
    """Of everything that the role gives and its metadata says, the same for the body sent and the role read."""
    rights = {key: value for key, value in role.items() if key not in _NO_RIGHTS}
    text = json.dumps([_plain(rights), _plain(mark)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _plain(value: object) -> object:
    """The value without empty and false parts, which Elasticsearch adds, and with lists in one order."""
    if isinstance(value, Mapping):
        shown = {key: _query(each) if key == "query" else _plain(each) for key, each in value.items()}
        return {key: each for key, each in shown.items() if each}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return sorted((_plain(each) for each in value), key=lambda each: json.dumps(each, sort_keys=True))
    return value


def _query(value: object) -> object:
    """A document limit, which Elasticsearch returns as text."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _each_once(values: Iterable[Any]) -> list[Any]:
    return list({json.dumps(each, sort_keys=True): each for each in values}.values())
