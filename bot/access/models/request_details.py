"""One request with everything that belongs to it."""

from dataclasses import dataclass

from bot.access.models.counter_offers import CounterOffer
from bot.access.models.grants import Grant
from bot.access.models.requests import AccessRequest, Approval, AskedGroup


@dataclass(frozen=True)
class RequestDetails:
    """All that a message about one request may need to say, read in one transaction."""

    request: AccessRequest
    grant: Grant | None = None
    approvals: tuple[Approval, ...] = ()
    groups: tuple[AskedGroup, ...] = ()
    offers: tuple[CounterOffer, ...] = ()

    @property
    def approvers(self) -> tuple[str, ...]:
        """Who has said yes so far."""
        return tuple(each.approver for each in self.approvals if each.approved)
