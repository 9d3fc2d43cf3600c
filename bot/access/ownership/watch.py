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
    """Observes each integration that reads owners from its cluster."""

    store: Store
    clusters: Clusters
    memory: OwnerMemory
    current: CurrentPolicy
    clock: Clock

    def run_once(self, only: str | None = None) -> None:
        """Looks at one cluster, or at each in turn."""
        for each in self.current.policy.integrations:
            if only in {None, each.name} and each.resource_owner is not None:
                try:
                    self.look(each)
                except (Outage, Refusal) as error:
                    log.info("owners could not be looked at", integration=each.name, error=str(error))

    def look(self, integration: Integration) -> None:
        """Observes all owners of one cluster, unless another process does. Raises `Outage`, `Refusal`."""
        now = self.clock.now()
        with self.store.writing() as write:
            if not write.claim_duty(f"owners {integration.name}", now, now + OWNER_WATCH_CLAIM):
                return
        self.memory.observe(integration, self.clusters[integration.name].look(("*",)))
