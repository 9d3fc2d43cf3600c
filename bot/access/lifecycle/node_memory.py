"""Ends on nodes that were away: a node that returns to its cluster may still accept access that has ended meanwhile."""

from contextlib import suppress
from dataclasses import dataclass

from bot.access.errors import Outage, Refusal
from bot.access.intervals import NODES_REMEMBER_FOR
from bot.access.ports import Clock, Clusters
from bot.access.store.store import Store


@dataclass(frozen=True)
class NodeMemory:
    """Has every node forget recent ends again and again, for as long as a node may remember them.

    Nothing tells that a node was away: it may leave and return between two looks.
    """

    store: Store
    clusters: Clusters
    clock: Clock

    def run_once(self, integration: str) -> None:
        """Makes the nodes of one cluster forget what ended there lately. One that does not answer is told next time."""
        since = self.clock.now() - NODES_REMEMBER_FOR
        with self.store.reading() as read:
            ended = read.ended_since(integration, since)
        with suppress(Outage, Refusal):
            self.clusters[integration].clear_caches(
                [name for name, _ in ended], [key_id for _, key_id in ended if key_id is not None]
            )
