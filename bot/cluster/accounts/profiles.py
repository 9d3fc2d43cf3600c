"""User profiles: everybody who has signed in to Kibana has one, with the exact name, the realm and the roles of then.

A cluster without them, or one that does not let the connector ask, is as good as one where nobody has signed in.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from elasticsearch import Elasticsearch

from bot.access.accounts.account import Account, AccountFault, UnusableAccount
from bot.access.errors import Refusal
from bot.access.ports import CredentialSpec
from bot.cluster.accounts.realms import Realms
from bot.cluster.client import ask_if_exists
from bot.cluster.roles import role_body
from bot.cluster.trial import question

_MOST = 100
"""Profiles in one answer: names that begin alike."""


@dataclass(frozen=True)
class Profiles:
    """The user profiles of one cluster."""

    client: Elasticsearch
    realms: Realms

    def exact(self, account: Account) -> Account:
        """The account under the name that its profile has, which may differ in case; without a profile, as it is.

        Raises `UnusableAccount` if several differ in case alone, and `Outage`.
        """
        names = {each["user"]["username"] for each in self._of(account)}
        if account.username in names or not names:
            return account
        if len(names) > 1:
            raise UnusableAccount(
                f"several accounts are called {account.username} but for capitals: ask an administrator of the cluster",
                AccountFault.MISSING,
            )
        return Account(names.pop(), account.realm)

    def works(self, account: Account, spec: CredentialSpec) -> bool | None:
        """Whether the account may do what the spec gives, with the roles of its last sign-in to Kibana; `None` without
        a profile. Raises `Outage`, `Refusal`.
        """
        uids = [each["uid"] for each in self._of(account) if each["user"]["username"] == account.username]
        if not uids:
            return None
        asked = question(role_body(spec))
        has_privileges = self.client.security.has_privileges_user_profile
        answer = ask_if_exists(self.client, lambda: has_privileges(uids=uids, privileges=asked))
        if not answer or answer.get("errors"):
            return None
        return bool(answer["has_privilege_uids"])

    def _of(self, account: Account) -> Sequence[Mapping[str, Any]]:
        """The profiles of that realm whose names differ from the account's in case at most. Raises `Outage`."""
        suggest = self.client.security.suggest_user_profiles
        try:
            answer = ask_if_exists(self.client, lambda: suggest(name=account.username, size=_MOST))
        except Refusal:
            return ()
        return [each for each in answer.get("profiles", ()) if self._is_of(each["user"], account)]

    def _is_of(self, user: Mapping[str, Any], account: Account) -> bool:
        same = user["username"].casefold() == account.username.casefold()
        return same and self.realms.has(account, user.get("realm_name", ""))
