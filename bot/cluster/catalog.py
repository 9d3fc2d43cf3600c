"""What exists in a cluster, read with the connector's own role and kept for a few seconds."""

import threading
from collections.abc import Sequence
from time import monotonic
from typing import Any

from elasticsearch import Elasticsearch

from bot.cluster.client import ask

FRESH_SECONDS = 5.0
"""How long an answer serves: short enough that a new index is found at the second try, long enough for a rush."""

# The connector's role may read the cluster state, and may not call _resolve/index, _alias or _data_stream (measured).
_FIELDS = [
    "metadata.indices.*.state",
    "metadata.indices.*.aliases",
    "metadata.data_stream.data_stream.*.name",
]


class Catalog:
    """The names of indices, aliases and data streams. Any number of threads at once cause one call."""

    def __init__(self, client: Elasticsearch) -> None:
        self._client = client
        self._turn = threading.Lock()
        self._names: tuple[str, ...] = ()
        self._read_at: float | None = None

    def names(self) -> Sequence[str]:
        """All names, sorted. Raises `Outage`, `Refusal`."""
        with self._turn:
            if self._read_at is None or monotonic() - self._read_at > FRESH_SECONDS:
                state = ask(lambda: self._client.cluster.state(metric="metadata", filter_path=_FIELDS))
                self._names = names_in(state)
                self._read_at = monotonic()
            return self._names


def names_in(state: dict[str, Any]) -> tuple[str, ...]:
    """The names of a cluster state's indices, their aliases, and data streams, sorted."""
    metadata = state.get("metadata", {})
    indices = metadata.get("indices", {})
    streams = metadata.get("data_stream", {}).get("data_stream", {})
    aliases = {alias for index in indices.values() for alias in index.get("aliases", [])}
    return tuple(sorted({*indices, *aliases, *streams}))
