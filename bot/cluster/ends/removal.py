"""Removes grants from the cluster, many at once.

A call that changes something waits for every node. If a node is frozen it is not answered, though it takes effect on
the others; so nobody waits long for the answer, and what counts is read back.
"""

import secrets
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, wait
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, partial

from elasticsearch import Elasticsearch
from pydantic import SecretStr

from bot.access.errors import Outage, Refusal
from bot.access.models.receipts import Receipt
from bot.access.ports import Clock
from bot.cluster.client import ask, ask_if_exists
from bot.cluster.ends.node_caches import NodeCaches
from bot.cluster.ends.readback import Readback, Removals
from bot.cluster.ends.sessions import end_tokens
from bot.cluster.ownership import Installation
from bot.cluster.password_hasher import PasswordHasher

CHANGE_SECONDS = 2.0
"""How long to wait for the answer to a change. Most take milliseconds."""

HEARD_SECONDS = 0.5
"""How long to wait until the nodes have forgotten something. Those that answer at all do so in milliseconds."""


@dataclass(frozen=True)
class Removal:
    """Deletes users first, which disables their passwords; then API keys, which outlive users; then roles."""

    client: Elasticsearch
    executor: Executor
    installation: Installation
    hasher: PasswordHasher
    readback: Readback
    caches: NodeCaches
    clock: Clock

    @cached_property
    def _changing(self) -> Elasticsearch:
        return self.client.options(request_timeout=CHANGE_SECONDS)

    def remove(self, usernames: Sequence[str], *, disable: bool) -> Sequence[Receipt]:
        """Removes everything of each name and returns its receipt, in that order. One failure does not stop the rest.

        Changes nothing before it knows whose the name is.
        """
        names = Removals(usernames)
        known = self._check_owners(names)
        if not known:
            return [names.unconfirmed(each) for each in usernames]
        self._stop_users(names, disable=disable)
        self._look_for_stopped(names, disable=disable)
        key_ids = self._end_keys(names)
        self._delete_roles(names)
        self._end_tokens(names)
        if doubtful := names.in_doubt():
            self._forget(self.caches.forget_roles, doubtful)
            self._forget(self.caches.forget_keys, key_ids)
        return self.readback.receipts(names, disable=disable)

    def _check_owners(self, names: Removals) -> bool:
        users = names.attempt(names.all, lambda: self.readback.users(names.all))
        if users is None:
            return False
        roles = names.attempt(names.all, lambda: self.readback.roles(names.all))
        if roles is None:
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

    def _look_for_stopped(self, names: Removals, *, disable: bool) -> None:
        """Looks which of the users in doubt are stopped, so that their end has the time at which it took effect.

        Elasticsearch makes the nodes forget a user only once all copies of the deletion are written. With a copy on a
        frozen node, the others would accept the password of a user who is gone.
        """
        doubtful = names.in_doubt()
        if not doubtful:
            return
        self._forget(self.caches.forget_users, doubtful)
        users = names.attempt(doubtful, lambda: self.readback.users(doubtful))
        now = self.clock.now()
        for each in doubtful:
            if users is not None and (each not in users or (disable and not users[each]["enabled"])):
                names.gone_at[each] = now

    def _forget(self, forget: Callable[[Sequence[str]], None], names: Sequence[str]) -> None:
        """Makes the nodes forget, and does not wait for one that is frozen: it is told again when it is back."""

        def attempt() -> None:
            with suppress(Outage, Refusal):
                forget(names)

        if names:
            wait([self.executor.submit(attempt)], HEARD_SECONDS)

    def _delete(self, username: str, *, refresh: bool) -> object:
        security = self._changing.security
        return ask_if_exists(self._changing, lambda: security.delete_user(username=username, refresh=refresh))

    def _disable(self, username: str, *, refresh: bool) -> None:
        """Disables an existing user, without roles and with a password that nobody ever saw, in one call."""
        user = self.readback.users([username]).get(username)
        if user is None:
            return

        put = partial(
            self._changing.security.put_user, username=username, enabled=False, roles=[],
            full_name=user["full_name"], metadata=user["metadata"], refresh=refresh,
        )  # fmt: skip
        self.hasher.send(SecretStr(secrets.token_urlsafe(32)), lambda secret: ask(self.client, lambda: put(**secret)))

    def _end_keys(self, names: Removals) -> Sequence[str]:
        """Ends all keys of these names, and returns their ids."""
        found = names.attempt(names.ours, lambda: self.readback.keys(names.ours))
        ids = [each["id"] for keys in (found or {}).values() for each in keys]
        if not ids:
            return ids
        security = self._changing.security
        answer = names.attempt(names.ours, lambda: ask(self._changing, lambda: security.invalidate_api_key(ids=ids)))
        ended = set((answer or {}).get("invalidated_api_keys", ()))
        for name, keys in (found or {}).items():
            names.ended[name] = sum(1 for each in keys if each["id"] in ended)
        return ids

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
            security = self._changing.security
            names.attempt(
                there, lambda: ask_if_exists(self._changing, lambda: security.delete_role(name=name, refresh=False))
            )
        elif there:
            security = self._changing.security
            names.attempt(
                there, lambda: ask(self._changing, lambda: security.bulk_delete_role(names=there, refresh=False))
            )
