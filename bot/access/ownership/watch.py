"""The watch over owners: looks at each cluster once a minute, whether or not somebody asks for access."""

from dataclasses import dataclass

import structlog

from bot.access.claims import OWNER_WATCH_CLAIM
from bot.access.errors import Outage, Refusal
from bot.access.ownership.memory import OwnerMemory
from bot.access.policy.current import CurrentPolicy
from bot.access.policy.model import Integration
from bot.access.ports import Clock, Clusters
from bot.access.store.store import Store

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class OwnerWatch:
    """Observes each integration that reads owners from its cluster.

    Of the others, it finds out once whether they lead to the same clusters.
    """

    store: Store
    clusters: Clusters
    memory: OwnerMemory
    current: CurrentPolicy
    clock: Clock

    def run_once(self, only: str | None = None) -> None:
        """Looks at one cluster, or at each in turn."""
        integrations = self.current.policy.integrations
        owned = any(each.resource_owner is not None for each in integrations)
        for each in integrations:
            due = each.resource_owner is not None or (owned and not self.memory.is_identified(each))
            if due and only in {None, each.name}:
                try:
                    self.look(each)
                except (Outage, Refusal) as error:
                    log.info("owners could not be looked at", integration=each.name, error=str(error))

    def look(self, integration: Integration) -> None:
        """Observes all owners of one cluster, unless another process does. Raises `Outage`, `Refusal`."""
        if integration.resource_owner is None:
            self.memory.identify(integration, self.clusters[integration.name].catalogue())
            return
        now = self.clock.now()
        with self.store.writing() as write:
            if not write.claim_duty(f"owners {integration.name}", now, now + OWNER_WATCH_CLAIM):
                return
        self.memory.observe(integration, self.clusters[integration.name].look(("*",)))
