"""Removes grants from the cluster, many at once, and reads back that they are gone."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from elasticsearch import Elasticsearch
from pydantic import SecretStr

from bot.access.errors import Outage, Refusal
from bot.access.ports import Receipt
from bot.cluster.client import ask, ask_if_exists
from bot.cluster.ownership import Installation
from bot.cluster.password_hasher import PasswordHasher

MOST_KEYS = 10_000
"""Keys in one search, the limit of a search without paging ("max_result_window", Elasticsearch)."""

_Answer = TypeVar("_Answer")


@dataclass
class _Names:
    """The state of one batch. `errors` maps a name to its errors; `final` has the names that the cluster refused."""

    all: Sequence[str]
    users: Mapping[str, Any] = field(default_factory=dict)
    roles: Mapping[str, Any] = field(default_factory=dict)
    ours: list[str] = field(default_factory=list)
    foreign: set[str] = field(default_factory=set)
    ended: dict[str, int] = field(default_factory=dict)
    errors: dict[str, list[str]] = field(default_factory=dict)
    final: set[str] = field(default_factory=set)

    def add_error(self, error: Outage | Refusal, names: Sequence[str]) -> None:
        for name in names:
            self.errors.setdefault(name, []).append(str(error))
            if isinstance(error, Refusal):
                self.final.add(name)


@dataclass(frozen=True)
class Removal:
    """Deletes users first, which disables their passwords; then API keys, which outlive users; then roles."""

    client: Elasticsearch
    executor: Executor
    installation: Installation
    hasher: PasswordHasher

    def remove(self, usernames: Sequence[str], *, disable: bool) -> Sequence[Receipt]:
        """Removes everything of each name and returns its receipt, in that order. One failure does not stop the rest.

        Changes nothing before it knows whose the name is.
        """
        names = _Names(usernames)
        known = self._check_owners(names)
        if not known:
            return [_unconfirmed(names, each) for each in usernames]
        self._stop_users(names, disable=disable)
        self._end_keys(names)
        self._delete_roles(names)
        return self._receipts(names, disable=disable)

    def _check_owners(self, names: _Names) -> bool:
        users = self._try(names, names.all, lambda: self._users(names.all))
        roles = self._try(names, names.all, lambda: self._roles(names.all))
        if users is None or roles is None:
            return False
        names.users, names.roles = users, roles
        for each in names.all:
            found = [kind[each] for kind in (users, roles) if each in kind]
            # We made both with a mark. An administrator who edited one of them may have dropped its metadata, and that
            # must not keep it alive.
            if found and not any(map(self.installation.owns, found)):
                names.foreign.add(each)
            else:
                names.ours.append(each)
        return True

    def _stop_users(self, names: _Names, *, disable: bool) -> None:
        """Stops all but the last without a refresh; the refresh of the last makes all changes visible to searches."""
        stop = self._disable if disable else self._delete
        if not names.ours:
            return
        *others, last = names.ours

        def stop_one(username: str, *, refresh: bool = False) -> None:
            self._try(names, [username], lambda: stop(username, refresh=refresh))

        for done in [self.executor.submit(stop_one, each) for each in others]:
            done.result()
        stop_one(last, refresh=bool(others))

    def _delete(self, username: str, *, refresh: bool) -> object:
        return ask_if_exists(self.client, lambda: self.client.security.delete_user(username=username, refresh=refresh))

    def _disable(self, username: str, *, refresh: bool) -> None:
        """Disables an existing user, without roles and with a password that nobody ever saw, in one call."""
        user = self._users([username]).get(username)
        if user is None:
            return

        put = partial(
            self.client.security.put_user, username=username, enabled=False, roles=[],
            full_name=user["full_name"], metadata=user["metadata"], refresh=refresh,
        )  # fmt: skip
        self.hasher.send(SecretStr(secrets.token_urlsafe(32)), lambda secret: ask(self.client, lambda: put(**secret)))

    def _end_keys(self, names: _Names) -> None:
        found = self._try(names, names.ours, lambda: self._keys(names.ours))
        ids = [each["id"] for keys in (found or {}).values() for each in keys]
        if not ids:
            return
        answer = self._try(
            names, names.ours, lambda: ask(self.client, lambda: self.client.security.invalidate_api_key(ids=ids))
        )
        ended = set((answer or {}).get("invalidated_api_keys", ()))
        for name, keys in (found or {}).items():
            names.ended[name] = sum(1 for each in keys if each["id"] in ended)

    def _delete_roles(self, names: _Names) -> None:
        there = [each for each in names.ours if each in names.roles]
        if len(there) == 1:
            (name,) = there
            security = self.client.security
            self._try(
                names, there, lambda: ask_if_exists(self.client, lambda: security.delete_role(name=name, refresh=False))
            )
        elif there:
            security = self.client.security
            self._try(
                names, there, lambda: ask(self.client, lambda: security.bulk_delete_role(names=there, refresh=False))
            )

    def _receipts(self, names: _Names, *, disable: bool) -> list[Receipt]:
        users = self._try(names, names.ours, lambda: self._users(names.ours))
        roles = self._try(names, names.ours, lambda: self._roles(names.ours))
        keys = self._try(names, names.ours, lambda: self._keys(names.ours))
        receipts = []
        for each in names.all:
            if each in names.foreign:
                error = f"{each} does not say that es-access made it, so it was left alone"
                receipts.append(Receipt(False, False, None, (error,), foreign=True, final=True))
                continue
            user = None if users is None else users.get(each)
            receipts.append(
                Receipt(
                    user_gone=users is not None and user is None,
                    role_gone=roles is not None and each not in roles,
                    keys_left=None if keys is None else len(keys.get(each, ())),
                    errors=_errors_of(names, each),
                    user_disabled=disable and user is not None and not user["enabled"] and not user["roles"],
                    keys_ended=names.ended.get(each, 0),
                    final=each in names.final,
                )
            )
        return receipts

    def _users(self, names: Sequence[str]) -> Mapping[str, Any]:
        return ask_if_exists(self.client, lambda: self.client.security.get_user(username=list(names))) if names else {}

    def _roles(self, names: Sequence[str]) -> Mapping[str, Any]:
        return ask_if_exists(self.client, lambda: self.client.security.get_role(name=list(names))) if names else {}

    def _keys(self, names: Sequence[str]) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """The live API keys of each name."""
        if not names:
            return {}
        found: dict[str, list[Mapping[str, Any]]] = {}
        for each in self._live_keys(names):
            found.setdefault(each["username"], []).append(each)
        return found

    def _live_keys(self, names: Sequence[str]) -> Sequence[Mapping[str, Any]]:
        if len(names) == 1:
            (name,) = names
            only = ask_if_exists(self.client, lambda: self.client.security.get_api_key(username=name, active_only=True))
            return list(only.get("api_keys", ()))
        answer = ask(
            self.client,
            lambda: self.client.security.query_api_keys(
                query={
                    "bool": {
                        "filter": [{"terms": {"username": list(names)}}, {"term": {"invalidated": False}}],
                        "must_not": {"range": {"expiration": {"lte": "now"}}},
                    }
                },
                size=MOST_KEYS,
            ),
        )
        return list(answer["api_keys"])

    def _try(self, names: _Names, about: Sequence[str], call: Callable[[], _Answer]) -> _Answer | None:
        try:
            return call()
        except (Outage, Refusal) as error:
            names.add_error(error, about)
            return None


def _errors_of(names: _Names, name: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names.errors.get(name, ())))


def _unconfirmed(names: _Names, name: str) -> Receipt:
    return Receipt(
        user_gone=False, role_gone=False, keys_left=None, errors=_errors_of(names, name), final=name in names.final
    )
