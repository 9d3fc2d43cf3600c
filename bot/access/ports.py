"""What the domain needs of the outside, as protocols. `bootstrap` chooses who fulfils them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol

from pydantic import SecretStr

from bot.access.models.columns import CredentialKind, Json
from bot.access.models.messages import Message
from bot.access.models.request_details import RequestDetails


class Clock(Protocol):
    """Where time comes from."""

    def now(self) -> datetime:
        """The present, in UTC."""
        ...


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
    """What a role holds: index privileges, and Kibana features in some spaces.

    The rest is empty, save for a permission that an access flow offers as dangerous: cluster privileges, users to run
    as, and the system indices among those that match.
    """

    indices: tuple[str, ...]
    kibana: tuple[str, ...] = ()
    spaces: tuple[str, ...] = ()
    cluster: tuple[str, ...] = ()
    run_as: tuple[str, ...] = ()
    restricted_indices: bool = False


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
class Credential:
    """The secret of a grant. Lives in memory, for as long as it takes to hand it over.

    `secret` is the password, or the API key as it stands in a request's header; then `key_id` names the key.
    """

    username: str
    secret: SecretStr
    key_id: str | None = None

    @property
    def kind(self) -> CredentialKind:
        """What it is."""
        return CredentialKind.PASSWORD if self.key_id is None else CredentialKind.API_KEY


@dataclass(frozen=True)
class Receipt:
    """What was read back from the cluster after a revocation. `errors` are sentences without secrets.

    `user_disabled`: the user is kept, and nobody can sign in as it: disabled, without a role, its password unknowable.
    `keys_ended` is how many API keys were invalidated now. `foreign`: the name belongs to a user or role that does not
    say it was made here, and nothing was touched. `final`: the cluster said no, so that waiting will hardly help.
    """

    user_gone: bool
    role_gone: bool
    keys_left: int | None
    errors: tuple[str, ...] = ()
    foreign: bool = False
    user_disabled: bool = False
    keys_ended: int = 0
    final: bool = False

    @property
    def complete(self) -> bool:
        """Nothing of the grant can be used any more."""
        return (self.user_gone or self.user_disabled) and self.role_gone and self.keys_left == 0

    def stored(self) -> dict[str, Json]:
        """As it is kept with the grant and in the audit."""
        return {
            "user_gone": self.user_gone,
            "user_disabled": self.user_disabled,
            "role_gone": self.role_gone,
            "keys_ended": self.keys_ended,
            "keys_left": self.keys_left,
            "errors": list(self.errors),
        }


@dataclass(frozen=True)
class InventoryItem:
    """Something in a cluster that says it was made by this installation: users, roles and live keys of one name.

    `grant_id`, `requester` and `expires_at` are what its metadata says, `None` where that is missing or unreadable.
    `patterns` and `indices` are what its role holds, or its key where there is no role any more. `key_ids` are in the
    order in which they were made. What was made before there were installation ids is not `marked`: it is ours where
    its name is known.
    """

    username: str
    grant_id: str | None
    requester: str | None
    expires_at: datetime | None
    user: bool
    enabled: bool
    role: bool
    key_ids: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    indices: tuple[str, ...] = ()
    marked: bool = True

    @property
    def usable(self) -> bool:
        """Whether somebody may sign in with it."""
        return self.enabled or bool(self.key_ids)


class Cluster(Protocol):
    """One Elasticsearch cluster. Every call may raise `Outage` or `Refusal`, save where it says otherwise."""

    def catalogue(self, *, fresh: bool = False) -> Catalogue:
        """What exists, at most a minute old; `fresh` where something is missing that may have come since."""
        ...

    def create(self, spec: CredentialSpec, password: SecretStr) -> None:
        """Makes the role and the user, or sets them anew. Never overwrites a user that the application did not make."""
        ...

    def renew(self, spec: CredentialSpec, password: SecretStr) -> None:
        """Gives the user another password. Raises `Refusal` when there is no such user any more."""
        ...

    def extend(self, spec: CredentialSpec) -> None:
        """Writes the new end into the user's metadata. Raises `Refusal` when there is no such user any more."""
        ...

    def grant_key(self, spec: CredentialSpec, password: SecretStr, *, alone: bool = False) -> Credential:
        """An API key that the server ends at `expires_at`; the user and role that it was made with are gone again.

        `password` is that user's, for the moment that it exists. `alone`: keys that were made before end first.
        """
        ...

    def end_other_keys(self, username: str, keep: str) -> None:
        """Invalidates every API key of that name but one."""
        ...

    def remove(self, usernames: Sequence[str], *, disable: bool = False) -> Sequence[Receipt]:
        """Deletes users, API keys and roles, tries all of them, and reads back that they are gone.

        `disable` keeps the users, and leaves nothing to sign in with. Never raises for a failing cluster: what could
        not be confirmed is in the receipts, which stand in the order of the names.
        """
        ...

    def exists(self, username: str, key_id: str | None) -> bool:
        """Whether that user, or that API key where it is named, is there and usable."""
        ...

    def found(self) -> Iterable[Sequence[InventoryItem]]:
        """All that this installation has made and that is still there, in pages.

        What was made within the last seconds may be missing.
        """
        ...

    def ahead(self) -> timedelta:
        """How much later it is by the cluster's clock than by ours; negative where it is earlier."""
        ...


class Clusters(Protocol):
    """The clusters of all integrations."""

    def __getitem__(self, integration: str, /) -> Cluster:
        """Raises `Outage` for an integration that is not configured: it may have been taken out by mistake."""
        ...


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

    def find(self, typed: str) -> str:
        """The id of the person who was typed: an id, a mention, an e-mail or @name. Raises `Refusal`, `Outage`."""
        ...


@dataclass(frozen=True)
class MessagePosition:
    """Where a message stands in Slack."""

    channel: str
    ts: str


class Notifier(Protocol):
    """Tells people things. Every call may raise `Outage` or `Refusal`."""

    def send(
        self, message: Message, details: RequestDetails | None, under: MessagePosition | None = None
    ) -> MessagePosition:
        """Posts the message, or edits it where it already stands. A notice has no story, and its text in the row.

        `under`: it is posted in the thread of that message.
        """
        ...

    def deliver(self, message: Message, details: RequestDetails, credential: Credential) -> None:
        """Writes the credential into the message that was posted for it."""
        ...
