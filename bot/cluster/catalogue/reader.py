"""The catalogue of a cluster: its resources with owners and sizes, read with the connector account's role and cached.

That role may read the cluster state and the sizes, and may not call _resolve/index, _mapping, _alias or _data_stream
(measured on 8.19 and 9.5).
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from time import monotonic

from elasticsearch import Elasticsearch

from bot.access.cache import Cache, Renewal
from bot.access.policy.model import OwnersFrom
from bot.access.policy.patterns import unmatched
from bot.access.ports import Catalogue
from bot.cluster.catalogue.cluster_state import fields, read_catalogue
from bot.cluster.catalogue.fresh_look import LOOKS_AT_ONCE, read_state, read_version
from bot.cluster.client import ask

SERVED_SECONDS = 60.0
"""The maximum age of a catalogue that is served, as the documentation promises."""

RENEWAL = Renewal("catalogue", after_seconds=30.0, outage_seconds=600.0, pause_seconds=5.0)
"""Renewal after half the lifetime, so that callers hardly ever wait. Owners seldom change and outages are short, so an
old catalogue stands in for ten minutes."""


def catalogue_cache(read: Callable[[], Catalogue], clock: Callable[[], float] = monotonic) -> Cache[Catalogue]:
    """A cache of what `read` returns, with the lifetimes of a catalogue."""
    return Cache(lambda _key: read(), lambda _catalogue: SERVED_SECONDS, renewal=RENEWAL, clock=clock)


@dataclass(frozen=True)
class _Reading:
    """A whole reading, and the `state_uuid` of the cluster state that it is from."""

    version: str | None
    catalogue: Catalogue


class CatalogueReader:
    """Reads the catalogue of one cluster. `clock` is in seconds; `now` is the time for `Catalogue.read_at`.

    `key` is the field of `_meta` that names an owner; without it nothing has one. `owners_from`: see `Integration`.
    """

    def __init__(
        self,
        client: Elasticsearch,
        key: str | None = None,
        clock: Callable[[], float] = monotonic,
        *,
        owners_from: OwnersFrom = "mapping",
        now: Callable[[], datetime] | None = None,
    ) -> None:
        self._client = client
        self._key = key
        self._owners_from = owners_from
        self._now = now
        self._cache = catalogue_cache(self.read, clock)
        self._known_sizes: Mapping[str, int] | None = None
        self._last: _Reading | None = None
        self._looks = ThreadPoolExecutor(LOOKS_AT_ONCE, thread_name_prefix="look")

    def get(self, *, fresh: bool = False) -> Catalogue:
        """The catalogue, at most a minute old, or ten while the cluster is away; `fresh`: at most two seconds.

        Raises `Outage`, `Refusal`.
        """
        return self._cache.get(fresh=fresh)

    def read(self) -> Catalogue:
        """Asks the cluster. Raises `Outage`, `Refusal`."""
        began = self._time()
        paths = fields(self._key, self._owners_from)
        state = ask(
            self._client,
            lambda: self._client.cluster.state(
                metric=["metadata", "version"], filter_path=[*paths, "state_uuid", "cluster_uuid"]
            ),
        )
        self._known_sizes = sizes = self._sizes()
        found = read_catalogue(state, sizes, self._key, self._owners_from)
        found = replace(found, read_at=began, cluster_uuid=state.get("cluster_uuid"))
        self._last = _Reading(state.get("state_uuid"), found)
        return found

    def look(self, patterns: Sequence[str]) -> Catalogue:
        """What the patterns match at this moment, and every template. Raises `Outage`, `Refusal`.

        The sizes are those of the last whole reading, since they decide nothing and cost most. Other resources may be
        there as well, such as the target of an alias, or all of them: the last whole reading serves as long as the
        cluster state is the same, and so does one of the last two seconds.
        """
        began = self._time()
        last = self._last
        if last is not None and last.version is not None and last.version == read_version(self._client):
            return replace(last.catalogue, read_at=began)
        state = read_state(self._client, self._looks, patterns, self._key, self._owners_from)
        if state is not None:
            if self._known_sizes is None:
                self.get()  # once after a start
            found = read_catalogue(state, self._known_sizes or {}, self._key, self._owners_from)
            if not unmatched(patterns, [each.name for each in found.resources]):
                return replace(found, read_at=began, whole=False)
        return self.get(fresh=True)

    def _time(self) -> datetime | None:
        return self._now() if self._now is not None else None

    def _sizes(self) -> dict[str, int]:
        """The bytes of each open index, with replicas. The backing indices of data streams are hidden ones."""
        sizes = ask(
            self._client,
            lambda: self._client.indices.stats(
                metric="store",
                level="indices",
                expand_wildcards=["open", "hidden"],  # with a closed index among them the cluster answers 400
                filter_path="indices.*.total.store.size_in_bytes",
            ),
        )
        return {name: each["total"]["store"]["size_in_bytes"] for name, each in sizes.get("indices", {}).items()}

    def close(self) -> None:
        """Waits for a reading under way."""
        self._cache.close()
        self._looks.shutdown()
