"""The memory of owners: compares each look at a cluster with the one before, and stores the changes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from bot.access.intervals import REMEMBER_GONE_OWNERS_FOR
from bot.access.models.ownership import OwnerObservation
from bot.access.ownership.comparison import Owner, Sighting, Standing, is_same, is_within, sighting, standing_of
from bot.access.ownership.covering_grants import CoveringGrants
from bot.access.ownership.decisions import OwnerDecisions
from bot.access.ownership.look import Look, LookTimes, remember
from bot.access.policy.current import CurrentPolicy
from bot.access.policy.model import Integration
from bot.access.ports import Catalogue, Clock, Cluster, Resource
from bot.access.store.ownership import Remembered
from bot.access.store.store import Store
from bot.access.store.transaction import Transaction

_Sightings = Mapping[str, Sighting]


@dataclass(frozen=True)
class OwnerMemory:
    """Remembers the owners of each integration that reads them from its cluster.

    `decisions` tells the owners of each change. Without it the database must not be changed: the answer is the same,
    and nothing is stored.
    """

    store: Store
    current: CurrentPolicy
    clock: Clock
    decisions: OwnerDecisions | None
    _seen: dict[str, tuple[Sequence[Resource], _Sightings]] = field(default_factory=dict, init=False)
    """The owners in the last catalogue of each integration, since many requests share the resources of one."""
    _stored: dict[str, dict[str, Sighting]] = field(default_factory=dict, init=False)
    """The sightings known to be stored, so that 10,000 unchanged names are not read again for each request."""
    _clusters: dict[str, str] = field(default_factory=dict, init=False)
    """The `cluster_uuid` stored for each integration."""

    def counting(
        self,
        integration: Integration,
        resources: Sequence[Resource],
        catalogue: Catalogue,
        cluster: Cluster,
        *,
        alone: bool = False,
    ) -> list[Resource]:
        """The resources, each with the owners who count now, who may not be the ones written in the cluster.

        `alone`: one owner is enough, so an owner in doubt is left out where others count beside it. Stores the changes
        since the last look. Raises `Outage` if nobody has looked at the whole cluster yet.
        """
        if not catalogue.whole and self._is_first(integration):
            self.observe(integration, cluster.catalogue())
        names = {name for each in resources for name in _behind(each)}
        standings = self.observe(integration, catalogue, names)
        if not standings:
            return list(resources)
        found = {each.name: each for each in catalogue.resources if each.kind != "alias" and each.name in names}
        return [_counted(each, found, standings, alone=alone) for each in resources]

    def observe(
        self, integration: Integration, catalogue: Catalogue, names: Iterable[str] | None = None
    ) -> Mapping[str, Standing]:
        """Compares these names, or all, with the memory. Returns the standings of owners who do not count alone."""
        self.identify(integration, catalogue)
        sightings, full = self._sightings(integration, catalogue), names is None and catalogue.whole
        seen = sightings if names is None else {name: sightings[name] for name in names if name in sightings}
        stored = self._stored.setdefault(integration.name, {})
        with self.store.reading() as read:
            first = _is_first(read.owner_observation(integration.name), integration)
            there = read.names_remembered(integration.name) if full and not first else frozenset()
            unsure = [
                each
                for name, each in seen.items()
                if (full and name not in there) or not _is_stored(each, stored, whole=catalogue.whole)
            ]
            known = dict(read.doubted_owners(integration.name))
            known |= read.remembered_owners(integration.name, [each.name for each in unsure])
        if not catalogue.whole:
            unsure = [_with_known_names(each, known.get(each.name)) for each in unsure]
        if first:
            # Owners from before the first look cannot be doubted: nothing is known about them.
            self._start(integration, catalogue, sightings)
            return {}
        changed = [each for each in unsure if each.name not in known or not is_same(known[each.name], each)]
        if changed or full:
            gone = [name for name in there if name not in seen]
            for name in gone:
                stored.pop(name, None)
            known = {**known, **self._store_changes(integration, catalogue, changed, gone, full=full)}
        stored |= {each.name: each for each in unsure if each.name in known and is_same(known[each.name], each)}
        standings = {name: standing_of(known[name], seen[name]) for name in known.keys() & seen.keys()}
        return {name: standing for name, standing in standings.items() if standing is not None}

    def is_identified(self, integration: Integration) -> bool:
        """Whether this process knows which cluster the integration leads to."""
        return integration.name in self._clusters

    def identify(self, integration: Integration, catalogue: Catalogue) -> None:
        """Stores which cluster the integration leads to, since its grants cover the data of others that lead there."""
        uuid = catalogue.cluster_uuid
        if uuid is None or self.decisions is None or self._clusters.get(integration.name) == uuid:
            return
        with self.store.writing() as write:
            write.record_cluster(integration.name, uuid)
        self._clusters[integration.name] = uuid

    def _is_first(self, integration: Integration) -> bool:
        with self.store.reading() as read:
            return _is_first(read.owner_observation(integration.name), integration)

    def _sightings(self, integration: Integration, catalogue: Catalogue) -> _Sightings:
        if not catalogue.whole:
            return _read_sightings(catalogue)
        kept = self._seen.get(integration.name)
        if kept is None or kept[0] is not catalogue.resources:
            kept = self._seen[integration.name] = (catalogue.resources, _read_sightings(catalogue))
        return kept[1]

    def _start(self, integration: Integration, catalogue: Catalogue, sightings: _Sightings) -> None:
        if self.decisions is None:
            return
        now = catalogue.read_at or self.clock.now()
        with self.store.writing() as write:
            write.lock_name(f"owners {integration.name}")
            if _is_first(write.owner_observation(integration.name), integration):
                write.start_observation(integration.name, _source_of(integration), now)
                remember(write, integration, [(each, None) for each in sightings.values()], {}, now)

    def _store_changes(
        self,
        integration: Integration,
        catalogue: Catalogue,
        changed: Sequence[Sighting],
        gone: Sequence[str],
        *,
        full: bool,
    ) -> Mapping[str, Remembered]:
        """Stores changes and returns the new memory of these names."""
        now, name = self.clock.now(), integration.name
        times = LookTimes(catalogue.read_at or now, now)
        recording = self.decisions is not None
        with self.store.writing() if recording else self.store.reading() as write:
            if recording:
                write.lock_name(f"owners {name}")  # so that two processes do not store one change twice
            observation = write.owner_observation(name)
            if observation is None:
                raise AssertionError("the first look is stored before the second")
            since = times.since(observation.looked_at)
            covering = CoveringGrants(write, integration, self._same_cluster(write, integration), since)
            look = Look(write, integration, covering, times)
            now_known = look.compare(changed)
            if recording:
                look.store(now)
                now_known = write.remembered_owners(name, [each.name for each in changed])
                if full:
                    _record_look(write, observation, gone, times)
        if self.decisions is not None and look.doubts:
            self.decisions.tell_owners()
        return now_known

    def _same_cluster(self, read: Transaction, integration: Integration) -> Sequence[str]:
        """The integrations that lead to the same cluster, whose grants reach the same data.

        Until it is known where one leads, it may be the same cluster.
        """
        known = read.clusters_known()
        mine = known.get(integration.name)
        same = {name for name, uuid in known.items() if uuid == mine}
        for each in self.current.policy.integrations:
            if each.public_url == integration.public_url or (mine is not None and each.name not in known):
                same.add(each.name)
        return sorted({integration.name, *same})


def _is_stored(seen: Sighting, stored: dict[str, Sighting], *, whole: bool) -> bool:
    known = stored.get(seen.name)
    if known is seen:
        return True
    if not whole:
        return known is not None and is_within(seen, known)
    if known != seen:
        return False
    stored[seen.name] = seen  # the next comparison with the same catalogue is by identity
    return True


def _record_look(write: Transaction, before: OwnerObservation, gone: Sequence[str], times: LookTimes) -> None:
    """Stores that everything was looked at. A catalogue that is older than the last look tells nothing."""
    if times.is_older_than(before.looked_at):
        return
    write.record_look(before.integration, before.looked_at, times.at)
    write.mark_gone(before.integration, gone, times.at)
    write.forget_gone(before.integration, times.at - REMEMBER_GONE_OWNERS_FOR)


def _is_first(observation: OwnerObservation | None, integration: Integration) -> bool:
    return observation is None or observation.source != _source_of(integration)


def _source_of(integration: Integration) -> str:
    """Where the owners are read."""
    return f"{integration.owners_from}: {integration.resource_owner}"


def _with_known_names(seen: Sighting, known: Remembered | None) -> Sighting:
    """A sighting among some resources, with the other names that only a look at all of them shows."""
    return replace(seen, other_names=tuple(sorted({*seen.other_names, *(known.other_names if known else ())})))


def _read_sightings(catalogue: Catalogue) -> _Sightings:
    """The indices and data streams by name, each with the other names that lead to it."""
    others: dict[str, list[str]] = {}
    for each in catalogue.resources:
        for target in each.targets:
            others.setdefault(target, []).append(each.name)
    inside = [(each.name, each.stream) for each in catalogue.resources if each.stream is not None]
    over = {name: (stream, *others.get(stream, ())) for name, stream in inside}
    for name, stream in inside:
        others.setdefault(stream, []).append(name)
    for name, names in over.items():
        # Those who may write the data stream, or an alias of it, may write the indices in it.
        others[name] = list(dict.fromkeys([*others.get(name, ()), *names]))
    return {
        each.name: sighting(each, others.get(each.name, ())) for each in catalogue.resources if each.kind != "alias"
    }


def _behind(resource: Resource) -> Sequence[str]:
    """The names whose owners count for a resource: the targets of an alias, and foreign indices in a data stream."""
    return resource.targets if resource.kind == "alias" else (resource.name, *resource.targets)


def _counted(
    resource: Resource, found: Mapping[str, Resource], standings: Mapping[str, Standing], *, alone: bool
) -> Resource:
    """The resource with the owners who count for it and for the names behind it."""
    behind = _behind(resource)
    if not any(name in standings for name in behind):
        return resource
    owners: list[Owner] = []
    for name in behind:
        standing = standings.get(name)
        here = found.get(name, resource)  # a hidden target: the owners of the alias
        first, *others = here.owners
        # An index put into a data stream has its owners among those of the stream, and is looked at by itself.
        inside = {owner for each in here.targets if each in found for owner in found[each].owners}
        rest = [owner for owner in others if owner not in inside]
        if standing is None:
            owners += [first, *rest]
        else:
            owners += [*standing.counting, *(() if standing.overruled or alone else (first,)), *rest]
    return replace(resource, owners=tuple(dict.fromkeys(owners)))
