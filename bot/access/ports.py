"""Interfaces to the outside that have several implementations. `bootstrap` chooses them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol

from pydantic import SecretStr

from bot.access.models.columns import CredentialKind
from bot.access.models.limits import NO_LIMITS, Limits
from bot.access.models.messages import Message
from bot.access.models.receipts import Receipt
from bot.access.models.request_details import RequestDetails
from bot.access.models.running_tasks import RunningTask
from bot.access.people import Inclusion, Members, PersonNames


class Clock(Protocol):
    """The source of time."""

    def now(self) -> datetime:
        """The current time in UTC."""
        ...


@dataclass(frozen=True, slots=True)
class Resource:
    """An index, data stream or alias. `owners` are as written in the cluster; `None` stands for no owner.

    An alias has the owners of its `targets` and, together, their size in bytes. The `targets` of a data stream are
    indices that it did not make, or for a hidden one the data stream that made it; it has their owners as well, after
    its own. `written` is the owner in the resource's own mapping, which access to it may be able to change; `assigned`
    is the one that index templates and the data stream give it. `stream` is the data stream that an index belongs to.
    `system_targets` are the system indices among the targets of an alias.
    """

    name: str
    kind: Literal["index", "data stream", "alias"]
    owners: tuple[str | None, ...] = (None,)
    size: int = 0
    targets: tuple[str, ...] = ()
    written: str | None = None
    assigned: str | None = None
    stream: str | None = None
    system_targets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Template:
    """An index template with an owner, who will own every index created later under its patterns."""

    name: str
    patterns: tuple[str, ...]
    owner: str


@dataclass(frozen=True)
class Catalogue:
    """All resources of a cluster, sorted by name, without system indices and the indices behind data streams.

    `system` are the names of the system indices, which are only read to name mistakes in a policy.
    `read_at` is when its reading began. `whole` is false where resources may be missing that nobody asked for.
    `cluster_uuid` is the cluster's own id, if the reading was whole.
    """

    resources: tuple[Resource, ...]
    templates: tuple[Template, ...] = ()
    read_at: datetime | None = None
    whole: bool = True
    cluster_uuid: str | None = None
    system: tuple[str, ...] = ()


@dataclass(frozen=True)
class Privileges:
    """The privileges of a role: for indices, for Kibana features in some spaces, and to see the cluster (`monitor`).

    The others are empty without a dangerous permission: cluster privileges, users to run as, and system indices.
    `limits` say which fields and documents the indices show.
    """

    indices: tuple[str, ...]
    kibana: tuple[str, ...] = ()
    spaces: tuple[str, ...] = ()
    cluster: tuple[str, ...] = ()
    run_as: tuple[str, ...] = ()
    restricted_indices: bool = False
    monitor: bool = False
    limits: Limits = NO_LIMITS

    @staticmethod
    def restored(stored: Mapping[str, Any]) -> "Privileges":
        """Reads the privileges that are stored with a request."""
        others = {key: value for key, value in stored.items() if key not in {"fields", "query"}}
        held: dict[str, Any] = {key: tuple(each) if isinstance(each, list) else each for key, each in others.items()}
        return Privileges(**held, limits=Limits.restored(stored))

    def stored(self) -> dict[str, Any]:
        """The privileges as JSON."""
        held = {key: getattr(self, key) for key in self.__dataclass_fields__ if key != "limits"}
        plain = {key: list(value) if isinstance(value, tuple) else value for key, value in held.items()}
        return {**plain, **self.limits.stored()}


@dataclass(frozen=True)
class CredentialSpec:
    """Everything that the cluster stores for one grant. Its role leaves out `withheld` and what `excluded` matches."""

    grant_id: str
    username: str
    requester: str
    patterns: tuple[str, ...]
    privileges: Privileges
    expires_at: datetime
    withheld: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    opens_kibana: bool = False  # Discover and Dashboards, where the cluster has a Kibana


@dataclass(frozen=True)
class Credential:
    """The secret of a grant. It exists in memory only until it is handed over.

    `secret` is the password, or the API key as used in a request header; `key_id` then identifies the key.
    `tokens_ended` counts the tokens of sessions that ended with the password before it.
    """

    username: str
    secret: SecretStr
    key_id: str | None = None
    tokens_ended: int = 0

    @property
    def kind(self) -> CredentialKind:
        """The kind of credential."""
        return CredentialKind.PASSWORD if self.key_id is None else CredentialKind.API_KEY


@dataclass(frozen=True)
class InventoryItem:
    """A user, role or set of live keys of one name that this installation created in a cluster.

    `grant_id`, `requester` and `expires_at` come from its metadata: `None` if missing or unreadable. `patterns`,
    `excluded` and `privileges` come from its role, or from its key once the role is gone. `key_ids` are in order of
    creation. Objects from before installation ids existed are not `marked`: they are ours if their name is known.
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
    privileges: Privileges = Privileges(())
    marked: bool = True
    excluded: tuple[str, ...] = ()

    @property
    def usable(self) -> bool:
        """Whether anyone can sign in with it."""
        return self.enabled or bool(self.key_ids)


class Cluster(Protocol):
    """One Elasticsearch cluster. Calls raise `Outage`, `Refusal`; those that set a secret `Unanswered` as well."""

    def catalogue(self) -> Catalogue:
        """The resources of the cluster, at most a minute old: good for a preview, not for a decision."""
        ...

    def look(self, patterns: Sequence[str]) -> Catalogue:
        """The resources that match now, and every template. Their sizes may be older, and other resources missing."""
        ...

    def create(self, spec: CredentialSpec, password: SecretStr) -> None:
        """Creates or resets the role and the user. Never overwrites a user that the application did not create."""
        ...

    def renew(self, spec: CredentialSpec, password: SecretStr) -> int:
        """Sets a new password and ends the sessions begun with the old one; returns how many tokens these had.

        Raises `Refusal` if the user no longer exists.
        """
        ...

    def extend(self, spec: CredentialSpec) -> None:
        """Writes the new expiry into the user's metadata. Raises `Refusal` if the user no longer exists."""
        ...

    def narrow(self, spec: CredentialSpec) -> None:
        """Writes the role of a user anew. Raises `Refusal` if the user no longer exists."""
        ...

    def grant_key(self, spec: CredentialSpec, password: SecretStr, *, alone: bool = False) -> Credential:
        """Creates an API key that the server expires, through a user with that password and a role that exist briefly.

        `alone`: earlier keys are invalidated first.
        """
        ...

    def end_other_keys(self, username: str, keep: str) -> None:
        """Invalidates every API key of that name except `keep`."""
        ...

    def remove(self, usernames: Sequence[str], *, disable: bool = False) -> Sequence[Receipt]:
        """Deletes users, API keys and roles, and reads back that they are gone; a failing cluster raises nothing.

        `disable` keeps the users, with nothing to sign in with. The receipts are in the order of the names.
        """
        ...

    def clear_caches(self, usernames: Sequence[str], key_ids: Sequence[str]) -> None:
        """Makes every node of the cluster drop its memory of these users, roles and API keys.

        A node that was away at an end may otherwise accept ended credentials.
        """
        ...

    def exists(self, username: str, key_id: str | None) -> bool:
        """Whether that user, or that API key if given, exists and is usable."""
        ...

    def found(self) -> Iterable[Sequence[InventoryItem]]:
        """Everything that this installation created and that still exists, in pages, but for the last seconds."""
        ...

    def running_tasks(self) -> Sequence[RunningTask]:
        """The tasks on data that run now, without those that belong to another task."""
        ...

    def honours_limits(self) -> bool:
        """Whether its licence has limits of fields and documents; true where the cluster does not say."""
        ...

    def ahead(self) -> timedelta:
        """How far the cluster's clock is ahead of ours; negative if it is behind."""
        ...


class Clusters(Protocol):
    """The clusters of all integrations."""

    def __getitem__(self, integration: str, /) -> Cluster:
        """Raises `Outage` for an integration that is not configured: it may have been removed by mistake."""
        ...


class Directory(Protocol):
    """The people of the workspace."""

    def includes(self, requesters: Sequence[str], person: str) -> Inclusion:
        """Whether that person is one of these users, e-mails or group members. Raises `Outage`.

        Guests count here, unlike in `members`: a guest may request access but not approve it.
        """
        ...

    def belongs(self, person: str) -> bool:
        """Whether that person is a member or guest of this workspace, not a bot or an outsider. Raises `Outage`."""
        ...

    def members(self, owners: Sequence[str]) -> Members:
        """Resolves user ids, e-mails and `@group` handles to active people. Raises `Outage`."""
        ...

    def names(self, person: str) -> PersonNames:
        """The names of the person at this moment, not from memory. Raises `Outage`, `Refusal`."""
        ...

    def find(self, typed: str) -> str:
        """The Slack id for a typed id, mention, e-mail or @name. Raises `Refusal`, `Outage`."""
        ...


@dataclass(frozen=True)
class MessagePosition:
    """The position of a message in Slack."""

    channel: str
    ts: str


class Notifier(Protocol):
    """Sends messages to people. Every call may raise `Outage` or `Refusal`."""

    def send(
        self, message: Message, details: RequestDetails | None, under: MessagePosition | None = None
    ) -> MessagePosition:
        """Posts the message, in the thread of `under` if given, or edits it. A notice has no details, but its text."""
        ...

    def deliver(self, message: Message, details: RequestDetails, credential: Credential) -> None:
        """Writes the credential into the message that was posted for it."""
        ...
