"""Lookups of a person: their own requests and those that they decide."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.access.errors import NotFound
from bot.access.models.request_details import RequestDetails
from bot.access.policy.current import CurrentPolicy
from bot.access.ports import Clusters, Resource
from bot.access.requests.approvals import Approvals
from bot.access.requests.approver_eligibility import is_own_request
from bot.access.store.store import Store

MOST_LISTED = 20
"""In one answer: as many as fit on a screen."""


@dataclass(frozen=True)
class History:
    """Reads only."""

    store: Store
    approvals: Approvals
    clusters: Clusters
    current: CurrentPolicy

    def mine(self, person: str) -> Sequence[RequestDetails]:
        """The person's newest requests, newest first."""
        with self.store.reading() as read:
            return read.requests_of(person, MOST_LISTED)

    def status(self, request_id: str, person: str) -> RequestDetails:
        """One request, for its requester and its owners. Raises `NotFound` for anyone else, `Outage`."""
        with self.store.reading() as read:
            request = read.request(request_id)
            details = read.request_details(request_id) if request else None
        if details is None or not (
            is_own_request(details.request, person)
            or person in details.request.owners
            or self.approvals.may_end(details.request, person)
        ):
            raise NotFound(request_id)
        return details

    def resources(self, text: str = "", integration: str | None = None) -> Sequence[Resource]:
        """Resources with that text in their name or owner. Raises `InvalidRequest`, `Outage`."""
        names = [integration] if integration else [each.name for each in self.current.policy.integrations]
        found = [each for name in names for each in self.clusters[name].catalogue().resources]
        wanted = text.lower()
        return [each for each in found if wanted in each.name or any(wanted in (o or "").lower() for o in each.owners)]
