"""Role mappings: each gives one person of one realm the name of their personal role, from the next sign-in on."""

from dataclasses import dataclass
from typing import Any

from elasticsearch import Elasticsearch

from bot.access.accounts.account import Account, NameTaken
from bot.access.errors import Unanswered
from bot.cluster.client import ask, ask_if_exists
from bot.cluster.ownership import Installation


@dataclass(frozen=True)
class RoleMappings:
    """The role mappings that this installation makes in one cluster."""

    client: Elasticsearch
    installation: Installation

    def make(self, role: str, person: str, account: Account) -> bool:
        """Makes the mapping of that role's name, or sets it right; returns whether it had to.

        Raises `NameTaken`, `Unanswered`, `Outage`, `Refusal`.
        """
        mapping: dict[str, Any] = {
            "enabled": True,
            "roles": [role],
            "rules": {
                "all": [{"field": {"username": account.username}}, {"field": {"realm.name": account.realm}}],
            },
        }
        security = self.client.security
        there = ask_if_exists(self.client, lambda: security.get_role_mapping(name=role)).get(role)
        if there is not None and not self.installation.owns(there):
            raise NameTaken(f"the role mapping {role} exists and was not made by es-access: delete or rename it")
        if there is not None and all(there.get(key) == value for key, value in mapping.items()):
            return False
        metadata = self.installation.marked({"person": person, "account": account.username, "realm": account.realm})
        ask(self.client, lambda: security.put_role_mapping(name=role, **mapping, metadata=metadata), Unanswered)
        return True
