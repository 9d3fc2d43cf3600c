"""What the domain needs of the outside, as protocols. `bootstrap` chooses who fulfils them."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from pydantic import SecretStr

from bot.access.models import AccessRequest, Approval, Grant, Message, MessageKind
from bot.access.states import GrantState, RequestState


class Clock(Protocol):
    """Where time comes from."""

    def now(self) -> datetime:
        """The present, in UTC."""
        ...


# --- the cluster --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CredentialSpec:
    """Everything the cluster must hold for one grant."""

    grant_id: str
    username: str
    requester: str
    patterns: tuple[str, ...]
    index_privileges: tuple[str, ...]
    expires_at: datetime


@dataclass(frozen=True)
class Receipt:
    """What was read back from the cluster after a revocation. `errors` are sentences without secrets."""

    user_gone: bool
    role_gone: bool
    keys_left: int | None
    errors: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Nothing of the grant is left in the cluster."""
        return self.user_gone and self.role_gone and self.keys_left == 0


class Cluster(Protocol):
    """One Elasticsearch cluster. Every call may raise `Outage` or `Refusal`, save where it says otherwise."""

    def resources(self) -> Sequence[str]:
        """The names of all indices, data streams and aliases; as fresh as a few seconds."""
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

    def __getitem__(self, integration: str, /) -> Cluster: ...


# --- people -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Members:
    """The Slack user ids behind some owners, and in words what stood for nobody."""

    users: tuple[str, ...]
    problems: tuple[str, ...] = ()


class Directory(Protocol):
    """Who is who in the workspace."""

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
    approvals: tuple[Approval, ...] = field(default=())

    @property
    def approver(self) -> str | None:
        """Who said yes, when somebody has."""
        return next((each.approver for each in self.approvals if each.approved), None)


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


# --- the store ----------------------------------------------------------------------------------------------------

Row = AccessRequest | Grant


class Transaction(Protocol):
    """Reads and writes that take effect together, or not at all."""

    def request(self, request_id: str) -> AccessRequest | None: ...

    def grant(self, grant_id: str) -> Grant | None: ...

    def story(self, request_id: str) -> Story: ...

    def requests_of(self, requester: str, most: int) -> Sequence[Story]:
        """The newest requests of a person, newest first."""
        ...

    def overdue_requests(self, now: datetime, most: int) -> Sequence[AccessRequest]:
        """Pending requests whose time to be decided has passed."""
        ...

    def pending_extensions(self, grant_id: str) -> Sequence[AccessRequest]:
        """Pending requests to prolong that grant."""
        ...

    def file(self, request: AccessRequest) -> AccessRequest:
        """Stores a new request under a new id."""
        ...

    def add(self, row: Approval | Grant) -> None: ...

    def message(self, request_id: str, kind: MessageKind, recipient: str) -> Message | None: ...

    def move(
        self,
        row: Row,
        to: RequestState | GrantState,
        actor: str,
        at: datetime,
        detail: dict[str, Any] | None = None,
        **values: Any,
    ) -> None:
        """One transition: a conditional update, and its audit event. Raises `LostRace`.

        Raises `ValueError` for a transition that the table of states does not have.
        """
        ...

    def change(
        self,
        row: Grant,
        event: str,
        actor: str,
        at: datetime,
        detail: dict[str, Any] | None = None,
        **values: Any,
    ) -> None:
        """Changes a grant within its state, with an audit event. Raises `LostRace` when it has left that state."""
        ...

    def audit(self, event: str, actor: str, at: datetime, request_id: str | None, **detail: Any) -> None: ...

    def owe(self, request_id: str, kind: MessageKind, recipients: Sequence[str], at: datetime | None) -> None:
        """A message to each recipient that has none of this kind about this request yet; the others are left alone.

        `at` is when it is due; `None` reserves the row for a worker that posts it itself.
        """
        ...

    def refresh(self, request_id: str, kinds: Sequence[MessageKind], at: datetime) -> None:
        """What was sent of these kinds about this request, or is being sent, must be shown anew."""
        ...

    def place(self, message: Message, posted: Posted) -> None:
        """Remembers where a message stands."""
        ...

    def sent(self, message: Message, posted: Posted) -> None:
        """The message shows what was wanted when it was claimed; a later want stays owed. Ends the claim."""
        ...

    def put_off(self, row: Grant | Message, until: datetime) -> None:
        """Ends the claim after a failed attempt; it is tried again at that time."""
        ...

    def give_up(self, message: Message) -> None:
        """The message is owed no more. Ends the claim."""
        ...

    def claim_grants(self, now: datetime, until: datetime, most: int) -> Sequence[Grant]:
        """Takes up to `most` due grants that nobody else has, until then."""
        ...

    def claim_messages(self, now: datetime, until: datetime, most: int) -> Sequence[Message]:
        """Takes up to `most` owed messages, of each recipient the oldest only, so that they arrive in order."""
        ...

    def renew_claims(self, rows: Sequence[Grant | Message], until: datetime) -> None:
        """Holds on to what this process has claimed and is still working on."""
        ...

    def next_grant_due(self) -> datetime | None: ...

    def next_message_due(self) -> datetime | None: ...

    def next_request_due(self) -> datetime | None: ...


class Store(Protocol):
    """Where everything is kept."""

    def reading(self) -> AbstractContextManager[Transaction]: ...

    def writing(self) -> AbstractContextManager[Transaction]:
        """A transaction that commits at the end of the block, and wakes the workers when it made work for them."""
        ...

    def on_work(self, wake: Callable[[], None]) -> None:
        """Calls `wake` after each commit that made a grant or a message due."""
        ...
