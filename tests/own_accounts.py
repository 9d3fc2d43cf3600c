"""Personal roles for tests of people's own accounts."""

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from elasticsearch import Elasticsearch

from bot.access.accounts.account import Account, PersonalRole, personal_role_name
from bot.access.ids import new_id
from bot.access.ports import CredentialSpec, Privileges
from bot.sandbox.node import Node

READ = Privileges(("read",))
SOMEBODY = Account("somebody@example.com", "corp")

OK, FORBIDDEN = 200, 403


def new_person() -> str:
    """The Slack id of somebody whom no other test knows."""
    return f"U0{secrets.token_hex(5).upper()}"


def part(person: str, *patterns: str, privileges: Privileges = READ, **more: Any) -> CredentialSpec:
    """One grant of that person for an hour."""
    until = datetime.now(UTC) + timedelta(hours=1)
    return CredentialSpec(new_id(), personal_role_name(person), person, patterns, privileges, until, **more)


def role_of(person: str, *parts: CredentialSpec, account: Account = SOMEBODY) -> PersonalRole:
    """The personal role of that person."""
    return PersonalRole(personal_role_name(person), person, account, parts)


def ending(role: PersonalRole, *parts: CredentialSpec) -> dict[str, Sequence[str]]:
    """These parts of a role, as they are told to its end."""
    return {role.name: [each.grant_id for each in parts]}


def searches(client: Elasticsearch, index: str) -> int:
    """The status of a search."""
    return int(client.options(ignore_status=FORBIDDEN).search(index=index).meta.status)


def role_there(node: Node, name: str) -> dict[str, Any] | None:
    """The role as an administrator sees it."""
    found: dict[str, Any] = node.client().options(ignore_status=404).security.get_role(name=name).body
    return found.get(name)
