"""The watch over owners: looks at each cluster once a minute, whether or not somebody asks for access."""

from concurrent.futures import Executor
from dataclasses import dataclass, field
from threading import Lock

import structlog

from bot.access.claims import OWNER_WATCH_CLAIM
from bot.access.errors import DatabaseAway, Outage, Refusal
from bot.access.ownership.decisions import OwnerDecisions
from bot.access.ownership.memory import OwnerMemory
from bot.access.policy.current import CurrentPolicy
from bot.access.policy.model import Integration
from bot.access.ports import Clock, Clusters
from bot.access.store.store import Store

log = structlog.get_logger(__name__)


@dataclass
class OwnerWatch:
    """Observes each integration that reads owners from its cluster, in a thread of its own.

    A cluster that hangs holds up no other, and is not asked again before it has answered.
    """

    store: Store
    clusters: Clusters
    memory: OwnerMemory
    decisions: OwnerDecisions
    current: CurrentPolicy
    clock: Clock
    executor: Executor
    _under_way: set[str] = field(default_factory=set, init=False)
    _guard: Lock = field(default_factory=Lock, init=False)

    def run_once(self) -> None:
        """Starts a look at each cluster, and tells the owners of earlier changes who could not be told before."""
        for integration in self.current.policy.integrations:
            if integration.resource_owner is not None and self._begin(integration.name):
                self.executor.submit(self._look, integration)
        self.decisions.tell_owners()

    def look(self, integration: Integration) -> None:
        """Observes all owners of one cluster, unless another process does. Raises `Outage`, `Refusal`."""
        now = self.clock.now()
        with self.store.writing() as write:
            if not write.claim_duty(f"owners {integration.name}", now, now + OWNER_WATCH_CLAIM):
                return
        self.memory.observe(integration, self.clusters[integration.name].look(("*",)))

    def _begin(self, name: str) -> bool:
        with self._guard:
            if name in self._under_way:
                return False
            self._under_way.add(name)
            return True

    def _look(self, integration: Integration) -> None:
        try:
            self.look(integration)
        except (Outage, Refusal, DatabaseAway) as error:
            log.info("owners could not be looked at", integration=integration.name, error=str(error))
        except Exception:
            log.exception("the look at owners broke", integration=integration.name)
        finally:
            with self._guard:
                self._under_way.discard(integration.name)
