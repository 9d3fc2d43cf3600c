"""What the domain needs of a database, as protocols: transactions, and waking the workers when one made work."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Protocol

from bot.access.models.columns import CredentialKind
from bot.access.models.grants import Grant
from bot.access.models.messages import Message, MessageKind
from bot.access.models.request_details import RequestDetails
from bot.access.models.requests import AccessRequest, Approval, AskedGroup
from bot.access.models.system import Setting
from bot.access.ports import MessagePosition
from bot.access.states import GrantState, RequestState
from bot.access.store.paging import Overviews
from bot.access.store.protocol_conversation import Conversation
from bot.access.store.protocol_reviews import ReviewQueries

Row = AccessRequest | Grant


class Transaction(Conversation, Overviews, ReviewQueries, Protocol):
    """Reads and writes that take effect together, or not at all."""

    def request(self, request_id: str) -> AccessRequest | None: ...

    def grant(self, grant_id: str) -> Grant | None: ...

    def request_details(self, request_id: str) -> RequestDetails: ...

    def all_request_details(self, request_ids: Sequence[str]) -> Sequence[RequestDetails]:
        """Several at once, in the order of the ids."""
        ...

    def requests_of(self, requester: str, most: int) -> Sequence[RequestDetails]:
        """The newest requests of a person, newest first."""
        ...

    def overdue_requests(self, now: datetime, most: int) -> Sequence[AccessRequest]:
        """Pending requests whose time to be decided has passed."""
        ...

    def anybody_asked(self, request_id: str) -> bool:
        """Whether one message to an owner about that request stands in Slack, or is still owed."""
        ...

    def pending_extensions(self, grant_ids: Sequence[str]) -> Sequence[AccessRequest]:
        """Pending requests to prolong those grants."""
        ...

    def file(self, request: AccessRequest) -> AccessRequest:
        """Stores a new request under a new id."""
        ...

    def file_all(self, requests: Sequence[AccessRequest]) -> None:
        """Stores several new requests: each under its own id if that is free, otherwise under a new one."""
        ...

    def add_grants(self, grants: Sequence[Grant]) -> None: ...

    def add(self, row: Approval | AskedGroup | Grant) -> None: ...

    def lock_request(self, request: AccessRequest) -> None:
        """Waits for every other transaction that holds this pending request, and reads what they left.

        Two owners of different groups may click at once: each must see the other's approval, or neither completes.
        Raises `LostRace` when it is not pending any more.
        """
        ...

    def lock_grant(self, grant_id: str) -> None:
        """Waits for every other transaction that holds this grant; to be called before `hold` of its extension."""
        ...

    def amend(self, request: AccessRequest, **values: Any) -> None:
        """Changes a pending request without deciding it. Raises `LostRace` when it is not pending any more."""
        ...

    def unrouted_requests(self, now: datetime, most: int) -> Sequence[AccessRequest]:
        """Pending requests about which nobody could be asked yet, and that are worth another attempt."""
        ...

    def escalating_requests(self, now: datetime, most: int) -> Sequence[AccessRequest]:
        """Pending requests whose next reminder or escalation is due."""
        ...

    def automatic_grants(self) -> Sequence[RequestDetails]:
        """What automatic access flows have given and is live."""
        ...

    def has_or_gave_back(self, flow: str, requester: str, integration: str, now: datetime) -> bool:
        """Whether that person has what the automatic flow gives, or it ended before its time, which is not over yet.

        What a person ended, or what could not be made, is not given again at once.
        """
        ...

    def setting(self, name: str) -> Setting | None:
        """What the application remembers under that name."""
        ...

    def set_setting(self, name: str, value: str, at: datetime) -> None:
        """Remembers it. It must be no secret."""
        ...

    def grants_named(self, usernames: Sequence[str]) -> Mapping[str, Grant]:
        """Those of the grants of these names that there are, by name."""
        ...

    def active_grants(self, integration: str, after: str, most: int) -> Sequence[tuple[Grant, CredentialKind]]:
        """Active grants of one integration with their kind, by id, from the one after that id on."""
        ...

    def live_grants(self, after: str, most: int) -> Sequence[Grant]:
        """Live grants of all integrations, by id, from the one after that id on."""
        ...

    def grants_ending_by(self, integration: str, until: datetime, most: int) -> Sequence[Grant]:
        """Active grants of one integration that end no later than that."""
        ...

    def claim_duty(self, name: str, now: datetime, until: datetime) -> bool:
        """Whether this process has that duty until then; one process has it at a time."""
        ...

    def shipped(self, destination: str, before: int, now: int) -> None:
        """The audit trail was sent there up to that event, unless another process has sent it meanwhile."""
        ...

    def decide(self, decision: Approval) -> None:
        """Stores an owner's decision, in the place of one that the same owner made before."""
        ...

    def message(
        self, request_id: str, kind: MessageKind, recipient: str, about: str | None = None
    ) -> Message | None: ...

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

    def move_all(
        self,
        grants: Sequence[Grant],
        to: GrantState,
        actor: str,
        at: datetime,
        details: Mapping[str, dict[str, Any]],
        each: Mapping[str, dict[str, Any]] | None = None,
        then: GrantState | None = None,
        **values: Any,
    ) -> Sequence[Grant]:
        """The same transition of several grants, and which of them took it: the others have changed meanwhile.

        `details` are those of the audit events, `each` the values of one grant besides those of all, by id. `then` is
        a transition that follows at once, with an event of its own.
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

    def enqueue(
        self,
        request_id: str,
        kind: MessageKind,
        recipients: Sequence[str],
        at: datetime | None,
        about: str | None = None,
    ) -> None:
        """A message to each recipient that has none of this kind about this request yet; the others are left alone.

        `about` tells several of one kind from each other.

        `at` is when it is due; `None` reserves the row for a worker that posts it itself.
        """
        ...

    def enqueue_all(self, recipients: Mapping[str, Sequence[str]], kind: MessageKind, at: datetime | None) -> None:
        """The same for several requests, by id."""
        ...

    def notify(self, recipients: Sequence[str], text: str, at: datetime) -> None:
        """A message about no request, of this plain text, to each of them."""
        ...

    def refresh(self, request_id: str | Sequence[str], kinds: Sequence[MessageKind], at: datetime) -> None:
        """What was sent of these kinds about these requests, or is being sent, must be shown anew."""
        ...

    def record_position(self, message: Message, posted: MessagePosition) -> None:
        """Remembers where a message stands."""
        ...

    def sent(self, message: Message, posted: MessagePosition) -> None:
        """The message shows what was wanted when it was claimed; a later want stays owed. Ends the claim."""
        ...

    def put_off(self, row: Grant | Message, until: datetime) -> None:
        """Ends the claim after a failed attempt; it is tried again at that time."""
        ...

    def give_up(self, message: Message) -> None:
        """The message is owed no more. Ends the claim."""
        ...

    def claim_grants(self, now: datetime, until: datetime, most: int, *, ending: bool) -> Sequence[Grant]:
        """Takes up to `most` due grants that nobody else has, until then: those that end, or those that are made."""
        ...

    def claim_grant(self, grant_id: str, now: datetime, until: datetime) -> Grant | None:
        """Takes this one, due or not; `None` when somebody else has it."""
        ...

    def claim_messages(self, now: datetime, until: datetime, most: int) -> Sequence[Message]:
        """Takes up to `most` owed messages, of each recipient the oldest only, so that they arrive in order."""
        ...

    def holds(self, grant: Grant) -> bool:
        """Whether this process still has the claim on a grant that it works on."""
        ...

    def renew_claims(self, rows: Sequence[Grant | Message], until: datetime) -> None:
        """Holds on to what this process has claimed and is still working on."""
        ...

    def clock_went_back(self, now: datetime, claimed_until: datetime) -> None:
        """Makes due what is later only because the clock was, and shortens claims and duties to that time."""
        ...

    def next_grant_due(self, by: datetime, *, ending: bool) -> datetime | None:
        """`None` when none is due by then."""
        ...

    def next_message_due(self, by: datetime) -> datetime | None: ...

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
