"""What the domain needs of the outside, as protocols. `bootstrap` chooses who fulfils them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from pydantic import SecretStr

from bot.access.models import AccessRequest, Approval, AskedGroup, Grant, Message


class Clock(Protocol):
    """Where time comes from."""

    def now(self) -> datetime:
        """The present, in UTC."""
        ...


# --- the cluster --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Resource:
    """An index, data stream or alias. `owners` are as written in the cluster, `None` standing for none.

    An alias has the owners of all that it points to, its `targets`, and no size of its own. `size` is in bytes.
    """

    name: str
    kind: Literal["index", "data stream", "alias"]
    owners: tuple[str | None, ...] = (None,)
    size: int = 0
    targets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Template:
    """An index template with an owner: what is created later under its patterns will be that owner's."""

    name: str
    patterns: tuple[str, ...]
    owner: str


@dataclass(frozen=True)
class Catalogue:
    """What exists in a cluster, sorted by name. Names with a leading dot are left out."""

    resources: tuple[Resource, ...]
    templates: tuple[Template, ...] = ()


@dataclass(frozen=True)
class Privileges:
    """What a role holds: index privileges, and Kibana features in some spaces. Nothing else, ever."""

    indices: tuple[str, ...]
    kibana: tuple[str, ...] = ()
    spaces: tuple[str, ...] = ()


@dataclass(frozen=True)
class CredentialSpec:
    """Everything the cluster must hold for one grant."""

    grant_id: str
    username: str
    requester: str
    patterns: tuple[str, ...]
    privileges: Privileges
    expires_at: datetime


@dataclass(frozen=True)
class Receipt:
    """What was read back from the cluster after a revocation. `errors` are sentences without secrets.

    `foreign`: the name belongs to a user or role that does not say it was made here, and nothing was touched.
    """

    user_gone: bool
    role_gone: bool
    keys_left: int | None
    errors: tuple[str, ...] = ()
    foreign: bool = False

    @property
    def complete(self) -> bool:
        """Nothing of the grant is left in the cluster."""
        return self.user_gone and self.role_gone and self.keys_left == 0


class Cluster(Protocol):
    """One Elasticsearch cluster. Every call may raise `Outage` or `Refusal`, save where it says otherwise."""

    def catalogue(self, *, fresh: bool = False) -> Catalogue:
        """What exists, at most a minute old; `fresh` where something is missing that may have come since."""
        ...

    def create(self, spec: CredentialSpec, password: SecretStr) -> None:
        """Makes the role and the user, or sets them anew. Never overwrites a user that the application did not make."""
        ...

    def remove(self, username: str) -> Receipt:
        """Deletes user, API keys and role, tries all of them, and reads back that they are gone.

        Never raises for a failing cluster: what could not be confirmed is in the receipt.
        """
        ...


class Clusters(Protocol):
    """The clusters of all integrations."""

    def __getitem__(self, integration: str, /) -> Cluster:
        """Raises `Outage` for an integration that is not configured: it may have been taken out by mistake."""
        ...


# --- people -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Members:
    """The Slack user ids behind some owners, and in words what stood for nobody."""

    users: tuple[str, ...]
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class Inclusion:
    """Whether a person is among some requesters. `certain` is false when one of these could not be resolved."""

    found: bool
    certain: bool = True


class Directory(Protocol):
    """Who is who in the workspace."""

    def includes(self, requesters: Sequence[str], person: str) -> Inclusion:
        """Whether that person is one of these users, e-mails or members of these groups. Raises `Outage`.

        Guests count, unlike in `members`: who may ask, or must not, is not who may approve.
        """
        ...

    def belongs(self, person: str) -> bool:
        """Whether that is a member or guest of this workspace: no bot, and nobody of another one. Raises `Outage`."""
        ...

    def members(self, owners: Sequence[str]) -> Members:
        """Resolves user ids, e-mails and `@group` handles to active people. Raises `Outage`."""
        ...


@dataclass(frozen=True)
class Credential:
    """The secret of a grant. Lives in memory, for as long as it takes to hand it over."""

    username: str
    password: SecretStr


@dataclass(frozen=True)
class Story:
    """All that a message about one request may need to say, read in one transaction."""

    request: AccessRequest
    grant: Grant | None = None
    approvals: tuple[Approval, ...] = ()
    groups: tuple[AskedGroup, ...] = ()

    @property
    def approvers(self) -> tuple[str, ...]:
        """Who has said yes so far."""
        return tuple(each.approver for each in self.approvals if each.approved)


@dataclass(frozen=True)
class Posted:
    """Where a message stands in Slack."""

    channel: str
    ts: str


class Notifier(Protocol):
    """Tells people things. Every call may raise `Outage` or `Refusal`."""

    def send(self, message: Message, story: Story) -> Posted:
        """Posts the message, or edits it where it already stands."""
        ...

    def deliver(self, message: Message, story: Story, credential: Credential) -> None:
        """Writes the credential into the message that was posted for it."""
        ...
