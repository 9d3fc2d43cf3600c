"""One request with everything that belongs to it."""

from dataclasses import dataclass

from bot.access.models.counter_offers import CounterOffer
from bot.access.models.grants import Grant
from bot.access.models.ownership import OwnershipChange
from bot.access.models.requests import AccessRequest, Approval, AskedGroup


@dataclass(frozen=True)
class RequestDetails:
    """Everything that a message about one request may need, read in one transaction."""

    request: AccessRequest
    grant: Grant | None = None
    approvals: tuple[Approval, ...] = ()
    groups: tuple[AskedGroup, ...] = ()
    offers: tuple[CounterOffer, ...] = ()
    ownership_change: OwnershipChange | None = None
    """The change of owners that the message is about, if it is about one."""

    @property
    def approvers(self) -> tuple[str, ...]:
        """The people who have approved so far."""
        return tuple(each.approver for each in self.approvals if each.approved)
