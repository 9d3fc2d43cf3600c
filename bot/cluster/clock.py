"""The cluster's clock, compared with ours: what ends by itself in the cluster ends by that one."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from elasticsearch import Elasticsearch

from bot.access.errors import Refusal
from bot.access.ports import Clock
from bot.cluster.client import ask

MEASURED_FOR = timedelta(minutes=1)
"""How long a difference is taken as measured: clocks drift by milliseconds in a minute, and are set now and then."""


class MachineClock:
    """The time of this machine."""

    def now(self) -> datetime:
        """The present, in UTC."""
        return datetime.now(UTC)


def read_time(client: Elasticsearch) -> datetime | None:
    """The node's own time; `None` where it tells none. A `Date` header would be a proxy's, where there is one.

    Raises `Outage`, `Refusal`.
    """
    answer = ask(lambda: client.nodes.stats(node_id="_local", metric="http", filter_path="nodes.*.timestamp"))
    times = [node["timestamp"] for node in answer.get("nodes", {}).values()]
    return datetime.fromtimestamp(times[0] / 1000, UTC) if times else None


@dataclass
class ClusterClock:
    """How far the cluster's clock is from ours."""

    client: Elasticsearch
    clock: Clock
    _last: timedelta = field(default=timedelta(0), init=False)
    _measured: datetime | None = field(default=None, init=False)

    def ahead(self) -> timedelta:
        """How much later it is there than here, to half of what the question took. Raises `Outage`, `Refusal`."""
        before = self.clock.now()
        there = read_time(self.client)
        after = self.clock.now()
        self._measured = after
        self._last = timedelta(0) if there is None else there - (before + (after - before) / 2)
        return self._last

    def time_left(self, until: datetime) -> timedelta:
        """How long it is until that time by the clock that is further; measured anew once a minute.

        A cluster that does not tell its time is taken to have ours. Raises `Outage`.
        """
        now = self.clock.now()
        if self._measured is None or not timedelta(0) <= now - self._measured < MEASURED_FOR:
            try:
                self.ahead()
            except Refusal:
                self._measured = now
        return until - self.clock.now() - max(self._last, timedelta(0))
