"""The accounts of people in one cluster, behind the domain's port."""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor

from elasticsearch import Elasticsearch

from bot.access.accounts.account import Account, AccountFault, FoundRole, PersonalRole, UnusableAccount
from bot.access.calls.turns import waiting
from bot.access.models.receipts import Receipt
from bot.access.ports import CredentialSpec
from bot.cluster.accounts.account_names import check_name
from bot.cluster.accounts.native_users import NativeUsers
from bot.cluster.accounts.personal_roles import PersonalRoles
from bot.cluster.accounts.profiles import Profiles
from bot.cluster.accounts.realms import Realms
from bot.cluster.accounts.role_ends import PersonalRoleEnds
from bot.cluster.accounts.role_mappings import RoleMappings
from bot.cluster.ends.node_caches import NodeCaches
from bot.cluster.ends.readback import Readback
from bot.cluster.ownership import Installation


class ElasticsearchAccounts:
    """`Accounts` that uses the connector account. `executor` runs calls in parallel.

    `opened_space` is the Kibana space in which built-in permissions open Discover and Dashboards.
    """

    def __init__(
        self,
        client: Elasticsearch,
        executor: Executor,
        installation: Installation,
        caches: NodeCaches,
        opened_space: str | None = None,
    ) -> None:
        self._caches = caches
        self._users = NativeUsers(client, installation)
        self._realms = Realms(client, caches.clock)
        self._profiles = Profiles(client, self._realms)
        self._mappings = RoleMappings(client, installation)
        self._roles = PersonalRoles(client, installation, opened_space)
        self._ends = PersonalRoleEnds(client, executor, self._roles, Readback(client), caches)

    def find(self, account: Account) -> Account:
        """The account as the cluster has it. Raises `UnusableAccount`, `Outage`, `Refusal`."""
        check_name(account)
        if account.native:
            self._users.check(account.username)
            return account
        self._realms.check(account.realm)
        return self._profiles.exact(account)

    def connect(self, role: str, person: str, account: Account, *, add_role: bool) -> bool:
        """Gives the account the name of its role; returns whether it was given now.

        Raises `UnusableAccount`, `NameTaken`, `Unanswered`, `Outage`, `Refusal`.
        """
        check_name(account)
        if not account.native:
            return self._mappings.make(role, person, account)
        if add_role:
            return self._users.add_role(account.username, role)
        # No realm of native users looks at role mappings (measured on 8.19 and 9.5).
        if not self._users.holds(account.username, role):
            raise UnusableAccount(
                f"the user {account.username} needs the role {role} once: ask an administrator of the cluster to add"
                " it. The role need not exist",
                AccountFault.NO_ROLE_NAME,
            )
        return False

    def write(self, role: PersonalRole) -> None:
        """Writes the role whole. Raises `NameTaken`, `Unanswered`, `Outage`, `Refusal`."""
        self._caches.note_change(role.name)
        self._roles.write(role)

    def end(self, roles: Sequence[PersonalRole], ended: Mapping[str, Sequence[str]]) -> Sequence[Receipt]:
        """Sets the roles right and reads them back. Never raises for a failing cluster."""
        for each in roles:
            self._caches.note_change(each.name)
        with waiting():
            return self._ends.end(roles, ended)

    def works(self, account: Account, spec: CredentialSpec) -> bool | None:
        """Whether the account may do what the spec gives; `None` if it is not known. Raises `Outage`, `Refusal`."""
        return self._profiles.works(account, spec)

    def found(self) -> Iterable[Sequence[FoundRole]]:
        """All personal roles of this installation, in pages. Each page may raise `Outage`, `Refusal`."""
        return self._roles.found()
