"""What the conversation needs of a database, as a protocol that is part of `storing.Transaction`."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from bot.access.models.counter_offers import CounterOffer, OfferState
from bot.access.models.grants import Grant
from bot.access.models.messages import MessageKind
from bot.access.models.request_details import RequestDetails
from bot.access.models.requests import AccessRequest, AskedGroup


class RequestCounts(NamedTuple):
    """How much somebody asks for: requests that wait for a decision, and those filed since a time."""

    pending: int
    lately: int


class Conversation(Protocol):
    """Counter-offers, notes, threads, and how much one person may ask for."""

    def serialize(self, name: str) -> None:
        """Waits for every other transaction that called this with the same name. To be called before any `hold`."""
        ...

    def count_requests(self, person: str, since: datetime) -> RequestCounts:
        """What that person has asked for, for themselves and for others."""
        ...

    def access_of(self, requester: str, integration: str) -> Sequence[RequestDetails]:
        """What that person has there or waits for, newest first; what came automatically is left out."""
        ...

    def offer(self, offer_id: int) -> CounterOffer | None: ...

    def put_offer(self, offer: CounterOffer) -> None:
        """Stores a new offer, in the place of an open one of the same owner about the same request."""
        ...

    def decide_offer(self, offer: CounterOffer, to: OfferState, at: datetime) -> None:
        """Ends an open offer. Raises `LostRace` when it is not open any more."""
        ...

    def change_group(self, group: AskedGroup, **values: Any) -> None:
        """Changes who has to say yes."""
        ...

    def remove_group(self, group: AskedGroup) -> None:
        """Nobody of that group has to say yes any more."""
        ...

    def asked_requests(self, after: str, most: int) -> Sequence[AccessRequest]:
        """Pending requests whose owners were asked, by id, from the one after that id on."""
        ...

    def ending_soon(self, now: datetime, most: int) -> Sequence[Grant]:
        """Active grants whose requester is to be told now that they are about to end."""
        ...

    def record_warning(self, grant: Grant, then: datetime | None) -> bool:
        """Sets when the next note is due. False when another process was here, or it was extended or has ended."""
        ...

    def add_to_timeline(
        self, happened: Mapping[str, str], at: datetime, but: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        """A line below each approval message of each request, by id; sent at that time, with what comes until then.

        `but` names recipients who get none, by id.
        """
        ...

    def drop_unsent(self, request_id: str, kind: MessageKind) -> None:
        """What of that kind is owed, not posted and in nobody's hand is owed no more."""
        ...
