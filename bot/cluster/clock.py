"""Compares the cluster's clock with ours: API keys expire by the cluster's."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from elasticsearch import Elasticsearch

from bot.access.errors import Refusal
from bot.access.ports import Clock
from bot.cluster.client import ask

MEASURED_FOR = timedelta(minutes=1)
"""How long a measured difference is used: clocks drift by milliseconds in a minute, and are sometimes set."""


def read_time(client: Elasticsearch) -> datetime | None:
    """The node's own time, or `None` if it returns none. A `Date` header could be a proxy's.

    Raises `Outage`, `Refusal`.
    """
    answer = ask(client, lambda: client.nodes.stats(node_id="_local", metric="http", filter_path="nodes.*.timestamp"))
    times = [node["timestamp"] for node in answer.get("nodes", {}).values()]
    return datetime.fromtimestamp(times[0] / 1000, UTC) if times else None


@dataclass
class ClusterClock:
    """The difference between the cluster's clock and ours."""

    client: Elasticsearch
    clock: Clock
    _last: timedelta = field(default=timedelta(0), init=False)
    _measured: datetime | None = field(default=None, init=False)

    def ahead(self) -> timedelta:
        """How much the cluster's clock is ahead, to within half of the call's duration. Raises `Outage`, `Refusal`."""
        before = self.clock.now()
        there = read_time(self.client)
        after = self.clock.now()
        self._measured = after
        self._last = timedelta(0) if there is None else there - (before + (after - before) / 2)
        return self._last

    def time_left(self, until: datetime) -> timedelta:
        """The time until `until` by the clock that is ahead. Measures the difference once a minute.

        A cluster that refuses to tell its time counts as having ours. Raises `Outage`.
        """
        now = self.clock.now()
        if self._measured is None or not timedelta(0) <= now - self._measured < MEASURED_FOR:
            try:
                self.ahead()
            except Refusal:
                self._measured = now
        return until - self.clock.now() - max(self._last, timedelta(0))
