"""The accounts that people have in a cluster, their personal roles, and the port to both.

An account holds the name of its personal role for good. The role itself exists only while the person has a grant: a
name without a role gives nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from bot.access.errors import Refusal
from bot.access.ids import PERSONAL_PREFIX
from bot.access.models.receipts import Receipt
from bot.access.ports import CredentialSpec

NATIVE = "native"
"""The realm of users that the cluster keeps itself, whatever a cluster calls that realm."""


@dataclass(frozen=True, slots=True)
class Account:
    """A person's own account in a cluster: its exact username, and the name of its realm."""

    username: str
    realm: str

    @property
    def native(self) -> bool:
        """Whether the cluster itself keeps the account."""
        return self.realm == NATIVE


@dataclass(frozen=True)
class PersonalRole:
    """The role named after one person, whole: the union of `parts`, one for each live grant. Without parts there is
    no role.

    `person` is a Slack id. The `username` of each part is the name of the role.
    """

    name: str
    person: str
    account: Account
    parts: tuple[CredentialSpec, ...] = ()


@dataclass(frozen=True)
class FoundRole:
    """A personal role of this installation as a cluster has it, from its metadata alone.

    `account` is `None` and parts are missing where the metadata is unreadable. `by_hand`: somebody else has changed
    the role or its metadata since it was written, so that it may give more or less than its parts.
    """

    name: str
    person: str
    account: Account | None
    parts: tuple[CredentialSpec, ...]
    by_hand: bool


class AccountFault(StrEnum):
    """Why an account cannot be given access."""

    NAME = "name"  # no account can have this name, or a mapping would take it for a pattern
    MISSING = "missing"  # the cluster has no such account, or nothing with that name alone
    DISABLED = "disabled"
    RESERVED = "reserved"  # it belongs to Elasticsearch, or to es-access
    MANAGES_SECURITY = "manages security"  # it could give itself everything
    NO_REALM = "no realm"  # the cluster has no realm of that name
    NO_ROLE_NAME = "no role name"  # a native user does not hold the role's name, and may not be given it


class UnusableAccount(Refusal):
    """The account cannot be given access; the text is a sentence for the person and says what to do."""

    def __init__(self, text: str, fault: AccountFault) -> None:
        super().__init__(text)
        self.fault = fault


class NameTaken(Refusal):
    """A role or role mapping of that name was not made by this installation, and is left alone."""


class Accounts(Protocol):
    """The accounts of people in one cluster, and their personal roles."""

    def find(self, account: Account) -> Account:
        """The account as the cluster has it. Raises `UnusableAccount`, `Outage`, `Refusal`.

        A native user has to exist, be enabled, and be neither reserved nor one who may manage security. Of another
        realm no more may be known than that it is configured; if the person has signed in to Kibana before, the name
        is the exact one.
        """
        ...

    def connect(self, role: str, person: str, account: Account, *, add_role: bool) -> bool:
        """Gives the account the name of its personal role, for good: by a role mapping, or with `add_role` in the
        native user itself, of which nothing else is changed.

        Returns whether it was given now: then sessions that are open do not have it, and the person has to sign in
        again. Raises `UnusableAccount`, `NameTaken`, `Unanswered`, `Outage`, and `Refusal`, also if the change of a
        native user was lost to somebody else's.
        """
        ...

    def write(self, role: PersonalRole) -> None:
        """Writes the role, which has parts, whole. Raises `NameTaken`, `Unanswered`, `Outage`, `Refusal`."""
        ...

    def end(self, roles: Sequence[PersonalRole], ended: Mapping[str, Sequence[str]]) -> Sequence[Receipt]:
        """Writes the roles as they are to be from now on, or deletes them, and reads back that they hold no grant of
        `ended`, which has grant ids by the role's name; a failing cluster raises nothing.

        The receipts are in the order of the roles.
        """
        ...

    def works(self, account: Account, spec: CredentialSpec) -> bool | None:
        """Whether the account may do what the spec gives, with the roles of its last sign-in to Kibana.

        `None` if the cluster cannot say. Raises `Outage`, `Refusal`.
        """
        ...

    def found(self) -> Iterable[Sequence[FoundRole]]:
        """All personal roles of this installation, in pages, but for changes of the last seconds.

        Each page may raise `Outage`, `Refusal`.
        """
        ...


class ClusterWithAccounts(Protocol):
    """A cluster in which people have accounts."""

    @property
    def accounts(self) -> Accounts:
        """The accounts and personal roles."""
        ...


class ClustersWithAccounts(Protocol):
    """The clusters of all integrations."""

    def __getitem__(self, integration: str, /) -> ClusterWithAccounts:
        """Raises `Outage` for an integration that is not configured."""
        ...


def personal_role_name(person: str) -> str:
    """The name of a person's role, by Slack id: the same on every cluster, and for good."""
    return PERSONAL_PREFIX + person.lower()
