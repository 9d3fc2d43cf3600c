"""The memory of owners: compares each look at a cluster with the one before, and stores what is new."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bot.access.ids import APPLICATION
from bot.access.intervals import REMEMBER_GONE_OWNERS_FOR
from bot.access.models.messages import MessageKind
from bot.access.models.ownership import OwnerObservation, OwnershipChange
from bot.access.ownership.comparison import (
    Doubt,
    Owner,
    Sighting,
    Standing,
    find_doubt,
    is_owner_changed,
    is_same,
    is_settled,
    sighting,
    standing_of,
)
from bot.access.ownership.covering import Covering
from bot.access.ownership.decisions import OwnerDecisions
from bot.access.policy.current import CurrentPolicy
from bot.access.policy.model import Integration
from bot.access.ports import Catalogue, Clock, Resource
from bot.access.store.changes import RememberedOwnerRow
from bot.access.store.ownership import Remembered
from bot.access.store.store import Store
from bot.access.store.transaction import Transaction

OLDEST_CATALOGUE = timedelta(minutes=15)
"""A catalogue read longer before what is remembered is no old one: our clock was set back."""

_MOST_AUDITED = 100
"""Names of one change in its audit event."""


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

    def counting(
        self, integration: Integration, resources: Sequence[Resource], catalogue: Catalogue, *, alone: bool = False
    ) -> list[Resource]:
        """The resources with the owners who count, where these are not the ones in the cluster.

        `alone`: one owner is enough, so an owner in doubt is left out where others count beside it. Stores what has
        changed since the last look.
        """
        found = {each.name: each for each in catalogue.resources if each.kind != "alias"}
        names = {name for each in resources for name in (each.targets or (each.name,)) if name in found}
        standings = self.observe(integration, catalogue, names)
        return [_counted(each, found, standings, alone=alone) for each in resources] if standings else list(resources)

    def observe(
        self, integration: Integration, catalogue: Catalogue, names: Iterable[str] | None = None
    ) -> Mapping[str, Standing]:
        """Compares these names, or all, with what is remembered. Returns who counts where it is not the owner alone."""
        seen, full = _sightings(catalogue, names), names is None
        with self.store.reading() as read:
            first = _is_first(read.owner_observation(integration.name), integration)
            known = read.remembered_owners(integration.name, None if full else [each.name for each in seen])
        if first:
            # Owners from before the first look cannot be doubted: nothing is known about them.
            self._start(integration, catalogue)
            return {}
        changed = [each for each in seen if each.name not in known or not is_same(known[each.name], each)]
        if changed or full:
            now_known = self._store_changes(integration, catalogue, changed, known, full=full)
            if self.decisions is not None and any(each.change is not None for each in now_known.values()):
                self.decisions.tell_owners()
            known = {**known, **now_known}
        standings = {each.name: standing_of(known.get(each.name), each) for each in seen}
        return {name: standing for name, standing in standings.items() if standing is not None}

    def _start(self, integration: Integration, catalogue: Catalogue) -> None:
        if self.decisions is None:
            return
        now = catalogue.read_at or self.clock.now()
        with self.store.writing() as write:
            write.lock_name(f"owners {integration.name}")
            if _is_first(write.owner_observation(integration.name), integration):
                write.start_observation(integration.name, _source_of(integration), now)
                _remember(write, integration, [(each, None) for each in _sightings(catalogue)], {}, now)

    def _store_changes(
        self,
        integration: Integration,
        catalogue: Catalogue,
        changed: Sequence[Sighting],
        known: Mapping[str, Remembered],
        *,
        full: bool,
    ) -> Mapping[str, Remembered]:
        """Stores changes and returns what is remembered of these names now."""
        at, name = catalogue.read_at or self.clock.now(), integration.name
        recording = self.decisions is not None
        with self.store.writing() if recording else self.store.reading() as write:
            if recording:
                write.lock_name(f"owners {name}")  # so that two processes do not store one change twice
            observation = write.owner_observation(name)
            if observation is None:
                raise AssertionError("the first look is stored before the second")
            # The earlier of the two, in case our clock was set back.
            covering = Covering(write, integration, self._same_cluster(integration), min(observation.looked_at, at))
            look = _Look(write, integration, _members(catalogue), covering, at)
            now_known = look.compare(changed)
            if not recording:
                return now_known
            look.store(self.clock.now())
            if full and not timedelta(0) <= observation.looked_at - at < OLDEST_CATALOGUE:
                write.record_look(name, observation.looked_at, at)
                there = {each.name for each in catalogue.resources}
                write.mark_gone(name, [each.name for each in known.values() if _vanished(each, there, at)], at)
                write.forget_gone(name, at - REMEMBER_GONE_OWNERS_FOR)
            return write.remembered_owners(name, [each.name for each in changed]) if changed else {}

    def _same_cluster(self, integration: Integration) -> list[str]:
        """The integrations with the same address, whose grants reach the same data."""
        others = (each.name for each in self.current.policy.integrations if each.public_url == integration.public_url)
        return [integration.name, *others]


@dataclass
class _Look:
    """One comparison within a transaction."""

    write: Transaction
    integration: Integration
    members: Mapping[str, Sequence[str]]
    covering: Covering
    at: datetime
    known: Mapping[str, Remembered] = field(default_factory=dict)
    rows: list[tuple[Sighting, int | None]] = field(default_factory=list)
    doubts: dict[tuple[tuple[str, ...], Owner, Owner, tuple[Owner, ...]], list[Sighting]] = field(default_factory=dict)
    settled: dict[tuple[Owner, Owner], list[Sighting]] = field(default_factory=dict)

    def compare(self, changed: Sequence[Sighting]) -> Mapping[str, Remembered]:
        """Sorts the changes. Returns what will be remembered of names with a doubt; used where nothing is stored."""
        self.known = self.write.remembered_owners(self.integration.name, [each.name for each in changed])
        found: dict[str, Remembered] = dict(self.known)
        for seen in changed:
            known = self.known.get(seen.name)
            if known is not None and (is_same(known, seen) or self._is_stale(known)):
                continue
            aliases = (*seen.aliases, *(known.aliases if known is not None else ()))
            covers = self.covering.over((seen.name, *aliases, *self.members.get(seen.name, ())))
            kept = known.change.id if known is not None and known.change is not None else None
            if known is not None and not is_owner_changed(known, seen, covers):
                self.rows.append((seen, kept))
                continue
            doubt = None if known is not None and is_settled(known, seen) else find_doubt(known, seen, covers)
            if doubt is None:
                self.rows.append((seen, None))
                if known is not None:
                    self.settled.setdefault((known.owner, seen.owner), []).append(seen)
                continue
            key = (tuple(each.grant_id for each in covers), doubt.before, seen.owner, doubt.counting)
            self.doubts.setdefault(key, []).append(seen)
            found[seen.name] = _in_doubt(seen, doubt, self.integration, covers[0].grant_id, self.at)
        return found

    def store(self, now: datetime) -> None:
        """Stores the sorted changes with their audit events."""
        replaced = {each.change.id for each in self.known.values() if each.change is not None}
        for (grants, before, after, counting), sightings in self.doubts.items():
            names = [each.name for each in sightings]
            change = OwnershipChange(
                integration=self.integration.name, request_id=grants[0], grants=list(grants), names=names,
                before=before, after=after, counting=list(counting), noticed_at=now,
            )  # fmt: skip
            change_id = self.write.add_change(change)
            self.rows += ((each, change_id) for each in sightings)
            self._audit(now, grants[0], names, before, after, grants=list(grants), counting=list(counting))
        for (before, after), sightings in self.settled.items():
            self._audit(now, None, [each.name for each in sightings], before, after, grants=[])
        _remember(self.write, self.integration, self.rows, self.known, self.at)
        ended = self.write.replace_unused_changes((each for each in replaced if each is not None), now)
        self.write.refresh([each.request_id for each in ended], [MessageKind.OWNERSHIP], now)

    def _audit(
        self, now: datetime, request_id: str | None, names: Sequence[str], before: Owner, after: Owner,
        **more: Sequence[str | None],
    ) -> None:  # fmt: skip
        self.write.audit(
            "owner.changed", APPLICATION, now, request_id,
            integration=self.integration.name, names=list(names[:_MOST_AUDITED]), count=len(names),
            before=before, after=after, **more,
        )  # fmt: skip

    def _is_stale(self, known: Remembered) -> bool:
        """Whether the catalogue is older than what is remembered, which is then kept."""
        return timedelta(0) < known.since - self.at < OLDEST_CATALOGUE


def _is_first(observation: OwnerObservation | None, integration: Integration) -> bool:
    return observation is None or observation.source != _source_of(integration)


def _source_of(integration: Integration) -> str:
    """Where the owners are read."""
    return f"{integration.owners_from}: {integration.resource_owner}"


def _remember(
    write: Transaction,
    integration: Integration,
    rows: Sequence[tuple[Sighting, int | None]],
    known: Mapping[str, Remembered],
    at: datetime,
) -> None:
    new = []
    for seen, change_id in rows:
        row = RememberedOwnerRow(
            name=seen.name, written=seen.written, owner=seen.owner, aliases=list(seen.aliases), since=at,
            change_id=change_id,
        )  # fmt: skip
        if seen.name in known:
            write.change_remembered(integration.name, row)
        else:
            new.append(row)
    write.remember_owners(integration.name, new)


def _sightings(catalogue: Catalogue, names: Iterable[str] | None = None) -> list[Sighting]:
    """The indices and data streams, or those of these names, each with the aliases that point to it."""
    wanted = None if names is None else frozenset(names)
    aliases: dict[str, list[str]] = {}
    for each in catalogue.resources:
        for target in each.targets:
            aliases.setdefault(target, []).append(each.name)
    return [
        sighting(each, aliases.get(each.name, ()))
        for each in catalogue.resources
        if each.kind != "alias" and (wanted is None or each.name in wanted)
    ]


def _members(catalogue: Catalogue) -> Mapping[str, Sequence[str]]:
    """The indices of each data stream that have names of their own."""
    members: dict[str, list[str]] = {}
    for each in catalogue.resources:
        if each.stream is not None:
            members.setdefault(each.stream, []).append(each.name)
    return members


def _vanished(known: Remembered, there: set[str], at: datetime) -> bool:
    return known.gone_at is None and known.name not in there and known.since <= at


def _in_doubt(seen: Sighting, doubt: Doubt, integration: Integration, grant_id: str, at: datetime) -> Remembered:
    change = OwnershipChange(
        integration=integration.name, request_id=grant_id, grants=[grant_id], names=[seen.name],
        before=doubt.before, after=seen.owner, counting=list(doubt.counting), noticed_at=at,
    )  # fmt: skip
    return Remembered(seen.name, seen.written, seen.owner, seen.aliases, at, None, change)


def _counted(
    resource: Resource, found: Mapping[str, Resource], standings: Mapping[str, Standing], *, alone: bool
) -> Resource:
    """The resource with the owners who count; an alias has those of all its targets."""
    behind = resource.targets or (resource.name,)
    if not any(name in standings for name in behind):
        return resource
    owners: list[Owner] = []
    for name in behind:
        standing = standings.get(name)
        written = found[name].owners if name in found else resource.owners  # a hidden target: whoever the alias names
        if standing is None:
            owners += written
        else:
            owners += [*standing.counting, *(() if standing.overruled or alone else written)]
    return replace(resource, owners=tuple(dict.fromkeys(owners)))
