"""Lookups of a person: their own requests and those that they decide."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.access.errors import NotFound, Outage
from bot.access.models.request_details import RequestDetails
from bot.access.ownership.memory import OwnerMemory
from bot.access.policy.current import CurrentPolicy
from bot.access.policy.model import Integration
from bot.access.policy.patterns import matcher
from bot.access.policy.visibility import offered_permissions, visibility_of
from bot.access.ports import Clusters, Resource
from bot.access.requests.approvals import Approvals
from bot.access.requests.approver_eligibility import is_own_request
from bot.access.requests.membership import check_belongs, membership_of
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
    memory: OwnerMemory | None = None
    """Without it resources have the owners that the cluster names."""

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

    def resources(self, integration: str, text: str = "") -> Sequence[Resource]:
        """All resources of a cluster with that text in their name or owner, for operators. Raises `Outage`."""
        return _named(text, self._resources(self.current.policy.integration(integration)))

    def offered_permissions(self, person: str) -> tuple[str, ...]:
        """The permissions that the person may ask for; all that anybody may, while Slack does not answer."""
        policy = self.current.policy
        try:
            return offered_permissions(policy, membership_of(self.approvals.directory, person))
        except Outage:
            return offered_permissions(policy, lambda _requesters: True)

    def visible_resources(self, person: str, text: str = "") -> Sequence[Resource]:
        """The resources of all clusters with that text whose names the person may read.

        Raises `NotAllowed`, `Outage`.
        """
        directory, policy = self.approvals.directory, self.current.policy
        check_belongs(directory, person)
        member_of, now = membership_of(directory, person), self.approvals.clock.now()
        found: list[Resource] = []
        for integration in policy.integrations:
            visibility = visibility_of(policy, integration, member_of, now)
            if visibility:
                found += visibility.visible(self._resources(integration))
        return _named(text, found)

    def _resources(self, integration: Integration) -> Sequence[Resource]:
        """The resources with the owners who count."""
        cluster = self.clusters[integration.name]
        catalogue = cluster.catalogue()
        if self.memory is None or integration.resource_owner is None:
            return catalogue.resources
        return self.memory.counting(integration, catalogue.resources, catalogue, cluster)


def _named(text: str, resources: Iterable[Resource]) -> list[Resource]:
    wanted = text.lower()
    matches = matcher(wanted.split(",")) if "*" in wanted else None
    return [
        each
        for each in resources
        if wanted in each.name.lower()
        or any(wanted in (owner or "").lower() for owner in each.owners)
        or (matches is not None and matches(each.name))
    ]
