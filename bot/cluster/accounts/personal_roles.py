"""Writes and finds personal roles."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from elasticsearch import Elasticsearch

from bot.access.accounts.account import FoundRole, NameTaken, PersonalRole
from bot.access.accounts.role_entries import check_together
from bot.access.errors import InvalidRequest, Refusal, Unanswered
from bot.cluster.accounts.role_content import found_role, personal_body
from bot.cluster.client import ask, ask_if_exists
from bot.cluster.limits import check_licence, check_role
from bot.cluster.ownership import METADATA_KEY, Installation, mark_of
from bot.cluster.pages import PAGE, pages

MARK = f"metadata.{METADATA_KEY}"


@dataclass(frozen=True)
class PersonalRoles:
    """The personal roles that this installation has in one cluster."""

    client: Elasticsearch
    installation: Installation
    opened_space: str | None = None
    """The Kibana space that parts with `opens_kibana` open."""

    def write(self, role: PersonalRole) -> None:
        """Writes the role whole. Raises `NameTaken`, `Unanswered`, `Outage`, `Refusal`; `Unusable` without limits."""
        if not role.parts:
            raise ValueError("a role without parts is to be ended")
        try:
            check_together(role.parts)
        except InvalidRequest as error:
            raise Refusal(error.message) from error
        body = self.body(role)
        limited = any(part.privileges.limits for part in role.parts)
        if limited:
            check_licence(self.client)
        there = ask_if_exists(self.client, lambda: self.client.security.get_role(name=role.name)).get(role.name)
        if there is not None and not self.owns(there, role.person):
            raise NameTaken(f"the role {role.name} exists and was not made by es-access: delete or rename it")
        # refresh=false: roles are read by name in real time.
        put = self.client.security.put_role
        ask(self.client, lambda: put(name=role.name, **body, refresh=False), Unanswered)
        if limited:
            check_role(self.client, role.name, body["indices"])

    def body(self, role: PersonalRole) -> dict[str, Any]:
        """The body of a call that writes the role. Raises `Outage`, `Refusal`."""
        return personal_body(role, self.installation, self.opened_space)

    def owns(self, role: Mapping[str, Any], person: str) -> bool:
        """Whether it is a role that this installation made for that person."""
        return self.installation.owns(role) and (mark_of(role) or {}).get("person") == person

    def found(self) -> Iterator[Sequence[FoundRole]]:
        """All of them, in pages. Raises `Outage`, `Refusal`."""
        everything = (found_role(each["name"], each) for each in self._search(self._ours()))
        while page := list(islice(everything, PAGE)):
            yield page

    def of_persons(self, persons: Sequence[str]) -> Sequence[Mapping[str, Any]]:
        """The names and marks of all roles of this installation that name these people. Raises `Outage`, `Refusal`.

        A search: roles of the last second may be missing or too many.
        """
        query = {"bool": {"filter": [self._ours(), {"terms": {f"{MARK}.person": list(persons)}}]}}
        return list(self._search(query, ("name", f"{MARK}.person")))

    def _search(self, query: Mapping[str, Any], shown: Sequence[str] = ("*",)) -> Iterator[Mapping[str, Any]]:
        order = [f"{MARK}.person", f"{MARK}.content"]
        return pages(self.client, "roles", shown, query, order, self.client.security.query_role)

    def _ours(self) -> Mapping[str, Any]:
        # Not by name: Elasticsearch computes a role's name with a script, and a cluster may have scripts disabled.
        ours = {"term": {f"{MARK}.installation": self.installation.require_id()}}
        return {"bool": {"filter": [ours, {"exists": {"field": f"{MARK}.person"}}]}}
