"""Native users: whether one may be given access, and the one change that is made to them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from elasticsearch import Elasticsearch

from bot.access.accounts.account import AccountFault, UnusableAccount
from bot.access.errors import Refusal, Unanswered
from bot.cluster.client import ask, ask_if_exists
from bot.cluster.ownership import Installation, mark_of

MOST_ATTEMPTS = 3
"""Changes of a user in a row, while somebody else changes it as well."""

_MANAGES = ("all", "manage_security")
_MANAGING_ACTION = "cluster:admin/xpack/security/role/put"

_KEPT = ("full_name", "email", "metadata", "enabled")
"""Everything of a user but its roles and password. A call that names no password leaves it alone."""


@dataclass(frozen=True)
class NativeUsers:
    """The native users of one cluster."""

    client: Elasticsearch
    installation: Installation

    def check(self, username: str) -> None:
        """Raises `UnusableAccount` unless the user exists, is enabled, and may not manage security; `Outage`,
        `Refusal`.

        Roles that a node has in a file cannot be read, and neither can the roles of anonymous access.
        """
        user = self._read_usable(username)
        if user["roles"] and any(map(_manages_security, self._roles(user["roles"]))):
            raise UnusableAccount(
                f"{username} may manage security, so it can give itself access: use it, or ask with another account",
                AccountFault.MANAGES_SECURITY,
            )

    def add_role(self, username: str, role: str) -> bool:
        """Adds the name of a role to the user, unless it is there; returns whether it was added.

        Elasticsearch has no conditional change: of two changes within the same milliseconds the later one wins. If
        that is somebody else's, it is kept, and the name is added to it. Raises `UnusableAccount`, `Unanswered`,
        `Outage`, and `Refusal` if it was lost each time.
        """
        if role in self._read_usable(username)["roles"]:
            return False
        self._check_nobody_else_holds(role, username)
        for _ in range(MOST_ATTEMPTS):
            user = self._read_usable(username)
            if role in user["roles"]:
                return True
            self._put(user, [*user["roles"], role])
        if role not in self._read(username)["roles"]:
            raise Refusal(f"the user {username} was changed by somebody else each time it was given the role {role}")
        return True

    def holds(self, username: str, role: str) -> bool:
        """Whether the user has the name of that role. Raises `UnusableAccount`, `Outage`, `Refusal`."""
        return role in self._read(username)["roles"]

    def _put(self, user: Mapping[str, Any], roles: Sequence[str]) -> None:
        kept = {key: user[key] for key in _KEPT}
        put = self.client.security.put_user
        ask(self.client, lambda: put(username=user["username"], roles=roles, **kept, refresh=False), Unanswered)

    def _read_usable(self, username: str) -> Mapping[str, Any]:
        user = self._read(username)
        if user["metadata"].get("_reserved") or mark_of(user) is not None:
            raise UnusableAccount(f"{username} is not the account of a person", AccountFault.RESERVED)
        if not user["enabled"]:
            raise UnusableAccount(
                f"the user {username} is disabled: ask an administrator of the cluster", AccountFault.DISABLED
            )
        return user

    def _read(self, username: str) -> Mapping[str, Any]:
        found = ask_if_exists(self.client, lambda: self.client.security.get_user(username=username)).get(username)
        if found is None:
            raise UnusableAccount(
                f"there is no user {username} in the cluster: ask an administrator for an account",
                AccountFault.MISSING,
            )
        user: Mapping[str, Any] = found
        return user

    def _roles(self, names: Sequence[str]) -> Iterable[Mapping[str, Any]]:
        found = ask_if_exists(self.client, lambda: self.client.security.get_role(name=list(names)))
        return [role for role in found.values() if not self.installation.owns(role)]

    def _check_nobody_else_holds(self, role: str, username: str) -> None:
        query = self.client.security.query_user
        found = ask(self.client, lambda: query(query={"term": {"roles": role}}, filter_path="users.username"))
        others = [each["username"] for each in found.get("users", ()) if each["username"] != username]
        if others:
            raise Refusal(f"another user of the cluster, {others[0]}, has the role {role}: take it from it first")


def _manages_security(role: Mapping[str, Any]) -> bool:
    """Whether a role lets its holder give privileges, to itself as well."""
    return (
        any(map(_is_managing, role.get("cluster", ())))
        or "*" in role.get("run_as", ())
        or bool(role.get("global", {}).get("role"))
    )


def _is_managing(privilege: str) -> bool:
    # A privilege may be a pattern of actions, or a regular expression between slashes.
    return privilege.lower() in _MANAGES or privilege.startswith("/") or fnmatchcase(_MANAGING_ACTION, privilege)
