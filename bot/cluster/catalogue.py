"""What exists in a cluster, with owners and sizes: read with the connector's own role, and kept for a while.

That role may read the cluster state and the sizes, and may not call _resolve/index, _mapping, _alias or _data_stream
(measured on 8.19 and 9.5).
"""

from collections.abc import Callable
from time import monotonic

from elasticsearch import Elasticsearch

from bot.access.ports import Catalogue
from bot.cluster.cached_reading import CachedReading
from bot.cluster.client import ask
from bot.cluster.cluster_state import fields, read_catalogue


class CatalogueReader:
    """The catalogue of one cluster. `key` is where an owner stands in a `_meta`; without it nothing has one.

    `clock` is in seconds.
    """

    def __init__(self, client: Elasticsearch, key: str | None = None, clock: Callable[[], float] = monotonic) -> None:
        self._client = client
        self._key = key
        self._kept = CachedReading(self.read, "catalogue", clock)

    def get(self, *, fresh: bool = False) -> Catalogue:
        """What exists, as `Kept.get` has it. Raises `Outage`, `Refusal`."""
        return self._kept.get(fresh=fresh)

    def read(self) -> Catalogue:
        """Asks the cluster. Raises `Outage`, `Refusal`."""
        state = ask(lambda: self._client.cluster.state(metric="metadata", filter_path=fields(self._key)))
        return read_catalogue(state, self._sizes(), self._key)

    def _sizes(self) -> dict[str, int]:
        """The bytes of each index that is open, replicas included, hidden ones too: data streams are made of them."""
        sizes = ask(
            lambda: self._client.indices.stats(
                metric="store",
                level="indices",
                expand_wildcards=["open", "hidden"],  # a closed index among them is answered with 400
                filter_path="indices.*.total.store.size_in_bytes",
            )
        )
        return {name: each["total"]["store"]["size_in_bytes"] for name, each in sizes.get("indices", {}).items()}

    def close(self) -> None:
        """Waits for a reading under way."""
        self._kept.close()
