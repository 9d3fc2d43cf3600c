"""Ends parts of personal roles, many at once: what remains of each role is written whole, and read back.

As at other ends, nobody waits long for an answer, and the role that is read counts. Each change waits for a refresh, so
that the searches after it see every key that was made with the role before.
"""

from collections.abc import Callable, Container, Mapping, Sequence
from concurrent.futures import Executor, wait
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from elasticsearch import Elasticsearch

from bot.access.accounts.account import FoundRole, PersonalRole
from bot.access.errors import Outage, Refusal
from bot.access.models.receipts import PersonalRoleLeft, Receipt
from bot.cluster.accounts.account_keys import AccountKeys
from bot.cluster.accounts.personal_roles import PersonalRoles
from bot.cluster.accounts.role_content import found_role, names_in
from bot.cluster.client import ask, ask_if_exists
from bot.cluster.ends.node_caches import NodeCaches, batches
from bot.cluster.ends.readback import Readback, Removals, read_again, reading
from bot.cluster.ends.removal import CHANGE_SECONDS, HEARD_SECONDS


@dataclass(frozen=True)
class PersonalRoleEnds:
    """Ends parts of personal roles in one cluster."""

    client: Elasticsearch
    executor: Executor
    roles: PersonalRoles
    readback: Readback
    caches: NodeCaches

    def end(self, roles: Sequence[PersonalRole], ended: Mapping[str, Sequence[str]]) -> Sequence[Receipt]:
        """Sets the roles right and returns their receipts, in that order. Changes nothing that it cannot read first."""
        names = Removals([each.name for each in roles])
        found = names.attempt(names.all, lambda: self._read(names.all))
        if found is None:
            return [names.unconfirmed(each) for each in names.all]
        names.foreign |= {
            each.name for each in roles if each.name in found and not self.roles.owns(found[each.name], each.person)
        }
        ours = [each for each in roles if each.name not in names.foreign]
        names.ours += [each.name for each in ours]
        changed = {name for name, role in found.items() if found_role(name, role).by_hand}
        refused = self._write(names, [each for each in ours if each.parts], changed)
        self._delete(names, [*(each.name for each in ours if each.name in found and not each.parts), *refused])
        if doubtful := names.in_doubt():
            self._forget(self.caches.forget_roles, doubtful)
        keys_left = self._end_keys(names, {each.name: each.account.username for each in ours})
        return self._receipts(names, roles, ended, keys_left)

    def _read(self, names: Sequence[str]) -> dict[str, Any]:
        """The roles that exist, by name. Raises `Outage`, `Refusal`."""
        reads = [self.executor.submit(self.readback.roles, some) for some in batches(names)]
        wait(reads)
        return {name: role for some in reads for name, role in some.result().items()}

    def _write(self, names: Removals, roles: Sequence[PersonalRole], changed: Container[str]) -> list[str]:
        """Writes what remains. Returns the names of roles that cannot be written: they must not stay as they are.

        A role that was `changed` by hand is written alone: a call for many leaves the additions of somebody else.
        """
        bodies = {
            each.name: body for each in roles if (body := names.attempt([each.name], partial(self.roles.body, each)))
        }
        changing = self._changing
        security = changing.security

        def write_many(some: Sequence[str]) -> Mapping[str, Any]:
            parts = {name: bodies[name] for name in some}
            return ask(changing, lambda: security.bulk_put_role(roles=parts, refresh=True))

        def write_one(name: str) -> object:
            return ask(changing, lambda: security.put_role(name=name, **bodies[name], refresh=True))

        self._change(names, [name for name in bodies if name not in changed], write_many, write_one)
        self._change(names, [name for name in bodies if name in changed], None, write_one)
        return [each.name for each in roles if each.name in names.final]

    def _delete(self, names: Removals, there: Sequence[str]) -> None:
        changing = self._changing
        security = changing.security

        def delete_many(some: Sequence[str]) -> Mapping[str, Any]:
            return ask(changing, lambda: security.bulk_delete_role(names=list(some), refresh=True))

        def delete_one(name: str) -> object:
            return ask_if_exists(changing, lambda: security.delete_role(name=name, refresh=True))

        self._change(names, there, delete_many, delete_one)

    def _change(
        self,
        names: Removals,
        some: Sequence[str],
        many: Callable[[Sequence[str]], Mapping[str, Any]] | None,
        one: Callable[[str], object],
    ) -> None:
        """Changes these together, and one by one what Elasticsearch does not do together."""

        def change_one(name: str) -> None:
            names.attempt([name], lambda: one(name))

        def change(batch: Sequence[str]) -> Sequence[str]:
            if many is None or len(batch) == 1:
                return batch
            try:
                answer = many(batch)
            except Refusal:
                return batch
            except Outage as error:
                names.note(error, batch)
                return ()
            return list(answer.get("errors", {}).get("details", ()))

        together = [self.executor.submit(change, batch) for batch in batches(some)]
        wait(together)
        alone = [self.executor.submit(change_one, name) for each in together for name in each.result()]
        wait(alone)
        for each in alone:
            each.result()

    def _end_keys(self, names: Removals, accounts: Mapping[str, str]) -> Mapping[str, int] | None:
        """Ends the keys that hold these roles, and returns how many are left; `None` if they cannot be read."""
        keys = AccountKeys(reading(self.client))
        held = names.attempt(names.ours, lambda: read_again(lambda: keys.holding(accounts))) if accounts else {}
        if not held:
            return held if held is None else {}
        ids = [each for some in held.values() for each in some]
        self.caches.note_keys(ids)
        answer = names.attempt(list(held), lambda: AccountKeys(self._changing).end(ids))
        if answer is None:
            self._forget(self.caches.forget_keys, ids)
        ended = answer or frozenset()
        names.ended.update({name: len(ended.intersection(some)) for name, some in held.items()})
        left = names.attempt(list(held), lambda: read_again(lambda: keys.holding(accounts)))
        return None if left is None else {name: len(some) for name, some in left.items()}

    @property
    def _changing(self) -> Elasticsearch:
        return self.client.options(request_timeout=CHANGE_SECONDS)

    def _forget(self, forget: Callable[[Sequence[str]], None], values: Sequence[str]) -> None:
        """Makes the nodes forget, and does not wait for one that is frozen: it is told again when it is back."""

        def attempt() -> None:
            for some in batches(values):
                with suppress(Outage, Refusal):
                    forget(some)

        wait([self.executor.submit(attempt)], HEARD_SECONDS)

    def _receipts(
        self,
        names: Removals,
        roles: Sequence[PersonalRole],
        ended: Mapping[str, Sequence[str]],
        keys_left: Mapping[str, int] | None,
    ) -> Sequence[Receipt]:
        now = names.attempt(names.ours, lambda: self._read(names.ours))
        persons = {each.person: each.name for each in roles if each.name not in names.foreign}
        others = names.attempt(names.ours, lambda: self._others(persons))
        receipts = []
        for each in roles:
            if each.name in names.foreign:
                error = f"the role {each.name} does not say that es-access made it, so it was left alone"
                receipts.append(Receipt(False, False, None, (error,), foreign=True, final=True))
                continue
            receipt = replace(
                names.unconfirmed(each.name),
                user_gone=True,
                keys_ended=names.ended.get(each.name, 0),
                keys_left=None if keys_left is None else keys_left.get(each.name, 0),
            )
            if now is not None and others is not None:
                role = now.get(each.name)
                found = None if role is None else found_role(each.name, role)
                left = PersonalRoleLeft(
                    each.name,
                    grants=tuple(part.grant_id for part in found.parts) if found else (),
                    names=names_in(role or {}),
                    others=tuple(others.get(each.person, ())),
                )
                holds = found is not None and _holds(found, ended.get(each.name, ()))
                receipt = replace(receipt, role_gone=not holds and not left.others, personal_role=left)
            receipts.append(receipt)
        return receipts

    def _others(self, persons: Mapping[str, str]) -> Mapping[str, Sequence[str]]:
        """The names of other roles of ours that name these people, who are given with the names of their roles."""
        searching = replace(self.roles, client=reading(self.client))
        found = read_again(lambda: searching.of_persons(list(persons))) if persons else ()
        named = {each["name"] for each in found}
        there = self._read(sorted(named - set(persons.values())))
        others: dict[str, list[str]] = {}
        for name, role in there.items():
            for person in persons:
                if self.roles.owns(role, person):
                    others.setdefault(person, []).append(name)
        return others


def _holds(found: FoundRole, ended: Sequence[str]) -> bool:
    """Whether the role may still give ended access: a role that was changed by hand may give anything."""
    return found.by_hand or any(part.grant_id in ended for part in found.parts)
