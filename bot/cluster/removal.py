"""Removes grants from the cluster, many at once."""

import secrets
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial

from elasticsearch import Elasticsearch
from pydantic import SecretStr

from bot.access.ports import Receipt
from bot.cluster.client import ask, ask_if_exists
from bot.cluster.ownership import Installation
from bot.cluster.password_hasher import PasswordHasher
from bot.cluster.readback import Readback, Removals
from bot.cluster.sessions import end_tokens


@dataclass(frozen=True)
class Removal:
    """Deletes users first, which disables their passwords; then API keys, which outlive users; then roles."""

    client: Elasticsearch
    executor: Executor
    installation: Installation
    hasher: PasswordHasher
    readback: Readback

    def remove(self, usernames: Sequence[str], *, disable: bool) -> Sequence[Receipt]:
        """Removes everything of each name and returns its receipt, in that order. One failure does not stop the rest.

        Changes nothing before it knows whose the name is.
        """
        names = Removals(usernames)
        known = self._check_owners(names)
        if not known:
            return [names.unconfirmed(each) for each in usernames]
        self._stop_users(names, disable=disable)
        self._end_keys(names)
        self._delete_roles(names)
        self._end_tokens(names)
        return self.readback.receipts(names, disable=disable)

    def _check_owners(self, names: Removals) -> bool:
        users = names.attempt(names.all, lambda: self.readback.users(names.all))
        roles = names.attempt(names.all, lambda: self.readback.roles(names.all))
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

    def _stop_users(self, names: Removals, *, disable: bool) -> None:
        """Stops all but the last without a refresh; the refresh of the last makes all changes visible to searches."""
        stop = self._disable if disable else self._delete
        if not names.ours:
            return
        *others, last = names.ours

        def stop_one(username: str, *, refresh: bool = False) -> None:
            names.attempt([username], lambda: stop(username, refresh=refresh))

        for done in [self.executor.submit(stop_one, each) for each in others]:
            done.result()
        stop_one(last, refresh=bool(others))

    def _delete(self, username: str, *, refresh: bool) -> object:
        return ask_if_exists(self.client, lambda: self.client.security.delete_user(username=username, refresh=refresh))

    def _disable(self, username: str, *, refresh: bool) -> None:
        """Disables an existing user, without roles and with a password that nobody ever saw, in one call."""
        user = self.readback.users([username]).get(username)
        if user is None:
            return

        put = partial(
            self.client.security.put_user, username=username, enabled=False, roles=[],
            full_name=user["full_name"], metadata=user["metadata"], refresh=refresh,
        )  # fmt: skip
        self.hasher.send(SecretStr(secrets.token_urlsafe(32)), lambda secret: ask(self.client, lambda: put(**secret)))

    def _end_keys(self, names: Removals) -> None:
        found = names.attempt(names.ours, lambda: self.readback.keys(names.ours))
        ids = [each["id"] for keys in (found or {}).values() for each in keys]
        if not ids:
            return
        answer = names.attempt(
            names.ours, lambda: ask(self.client, lambda: self.client.security.invalidate_api_key(ids=ids))
        )
        ended = set((answer or {}).get("invalidated_api_keys", ()))
        for name, keys in (found or {}).items():
            names.ended[name] = sum(1 for each in keys if each["id"] in ended)

    def _end_tokens(self, names: Removals) -> None:
        """Ends the sessions last: without its role, a token still authenticates but may do nothing."""
        if not names.ours:
            return

        def end_one(username: str) -> int | None:
            names.tokens_ended[username] = None
            ended = end_tokens(self.client, username)
            names.tokens_ended[username] = ended or 0
            return ended

        first, *others = names.ours
        if names.attempt([first], lambda: (end_one(first),)) == (None,):
            names.tokens_ended.update(dict.fromkeys(others, 0))  # this cluster has no tokens
            return
        done = [self.executor.submit(names.attempt, [each], partial(end_one, each)) for each in others]
        for each in done:
            each.result()

    def _delete_roles(self, names: Removals) -> None:
        there = [each for each in names.ours if each in names.roles]
        if len(there) == 1:
            (name,) = there
            security = self.client.security
            names.attempt(
                there, lambda: ask_if_exists(self.client, lambda: security.delete_role(name=name, refresh=False))
            )
        elif there:
            security = self.client.security
            names.attempt(
                there, lambda: ask(self.client, lambda: security.bulk_delete_role(names=there, refresh=False))
            )
