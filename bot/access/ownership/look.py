"""One look at the owners of a cluster: finds the changes since the look before, and stores them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice

from bot.access.ids import APPLICATION
from bot.access.models.columns import Json
from bot.access.models.messages import MessageKind
from bot.access.models.ownership import OwnershipChange
from bot.access.ownership.comparison import (
    Doubt,
    Owner,
    Sighting,
    find_doubt,
    is_owner_changed,
    is_same,
    is_settled,
)
from bot.access.ownership.covering_grants import CoveringGrants, CoverSet
from bot.access.policy.model import Integration
from bot.access.store.changes import RememberedOwnerRow
from bot.access.store.ownership import Remembered
from bot.access.store.transaction import Transaction

_CLOCKS_APART = timedelta(minutes=1)
"""How far apart the clocks of two processes may be. A time that is further in the future shows a clock set back."""

_BEFORE_SET_BACK = timedelta(days=1)
"""How long before the first look with a clock set back the end of access counts. When the look before was, by this
clock, nobody knows."""

_MOST_AUDITED = 100
"""Names of one change in its audit event."""


@dataclass(frozen=True)
class LookTimes:
    """When the catalogue was read, and the present time, by one clock, which may have been set back."""

    at: datetime
    now: datetime

    def is_older_than(self, written: datetime) -> bool:
        """Whether the catalogue is older than a change of that time. A time in the future says nothing."""
        return self.at < written and not self._is_ahead(written)

    def since(self, looked_at: datetime) -> datetime:
        """The time from which access counts for changes since the look before, which began at `looked_at`."""
        if self._is_ahead(looked_at):
            return self.at - _BEFORE_SET_BACK
        return looked_at if looked_at < self.at else self.at - _CLOCKS_APART

    def _is_ahead(self, written: datetime) -> bool:
        return written - self.now > _CLOCKS_APART


@dataclass
class Look:
    """One comparison within a transaction."""

    write: Transaction
    integration: Integration
    covering: CoveringGrants
    times: LookTimes
    known: Mapping[str, Remembered] = field(default_factory=dict)
    rows: list[tuple[Sighting, int | None]] = field(default_factory=list)
    doubts: dict[tuple[tuple[str, ...], Owner, tuple[Owner, ...]], list[Sighting]] = field(default_factory=dict)
    _doubted: Mapping[str, Remembered] | None = None
    settled: dict[tuple[Owner, Owner], list[Sighting]] = field(default_factory=dict)

    def compare(self, changed: Sequence[Sighting]) -> Mapping[str, Remembered]:
        """Sorts the changes. Returns what will be remembered of names with a doubt; used where nothing is stored."""
        self.known = self.write.remembered_owners(self.integration.name, [each.name for each in changed])
        found: dict[str, Remembered] = dict(self.known)
        unsure: list[Sighting] = []
        for seen in changed:
            known = self.known.get(seen.name)
            copied = self._find_copied(seen) if known is None else None
            if copied is not None and copied.change is not None:
                self.rows.append((seen, copied.change.id))
                found[seen.name] = copied._replace(name=seen.name, since=self.times.at)
            elif known is None or not (is_same(known, seen) or self.times.is_older_than(known.since)):
                unsure.append(seen)
        for seen, over in zip(unsure, self.covering.over_each(list(map(self._names_of, unsure))), strict=True):
            self._sort(seen, self.known.get(seen.name), over, found)
        return found

    def _names_of(self, seen: Sighting) -> Sequence[str]:
        known = self.known.get(seen.name)
        return (seen.name, *seen.other_names, *(known.other_names if known is not None else ()))

    def _sort(self, seen: Sighting, known: Remembered | None, over: CoverSet, found: dict[str, Remembered]) -> None:
        standing = known.change if known is not None else None
        if known is not None and not is_owner_changed(known, seen, over.covers):
            self.rows.append((seen, standing.id if standing is not None else None))
            found[seen.name] = known._replace(written=seen.written, owner=seen.owner)
            return
        doubt = None if known is not None and is_settled(known, seen) else find_doubt(known, seen, over.covers)
        if doubt is None:
            self.rows.append((seen, None))
            found.pop(seen.name, None)
            if known is not None:
                self.settled.setdefault((known.owner, seen.owner), []).append(seen)
            return
        # Who could have written the value that is doubted already does not decide about the next one.
        grants = over.grants if standing is None else tuple(dict.fromkeys([*over.grants, *standing.grants]))
        self.doubts.setdefault((grants, doubt.before, doubt.counting), []).append(seen)
        found[seen.name] = _in_doubt(seen, doubt, self.integration, grants[0], self.times.at)

    def store(self, now: datetime) -> None:
        """Stores the sorted changes with their audit events."""
        replaced = {each.change.id for each in self.known.values() if each.change is not None}
        for (grants, before, counting), sightings in self.doubts.items():
            owners = {each.name: each.owner for each in sightings}
            after, several = sightings[0].owner, len(set(owners.values())) > 1
            change = OwnershipChange(
                integration=self.integration.name, request_id=grants[0], grants=list(grants), names=list(owners),
                before=before, after=after, owners=owners if several else None, counting=list(counting),
                noticed_at=now,
            )  # fmt: skip
            change_id = self.write.add_change(change)
            self.rows += ((each, change_id) for each in sightings)
            self._audit(
                now, grants[0], list(owners), before, after,
                owners=dict(islice(owners.items(), _MOST_AUDITED)) if several else None,
                grants=list(grants[:_MOST_AUDITED]), counting=list(counting),
            )  # fmt: skip
        for (before, after), sightings in self.settled.items():
            self._audit(now, None, [each.name for each in sightings], before, after, grants=[])
        remember(self.write, self.integration, self.rows, self.known, self.times.at)
        ended = self.write.replace_unused_changes((each for each in replaced if each is not None), now)
        self.write.refresh([each.request_id for each in ended], [MessageKind.OWNERSHIP], now)

    def _find_copied(self, seen: Sighting) -> Remembered | None:
        """The index with a doubted owner that a new one took over the owner from.

        A lifecycle shrinks or mounts an index under a name that ends in the old one, with its `_meta`, and makes the
        old name an alias. That may be long after the access that wrote the owner.
        """
        if self._doubted is None:
            self._doubted = self.write.doubted_owners(self.integration.name)
        ends = (seen.name[at + 1 :] for at, letter in enumerate(seen.name) if letter == "-")
        found = (self._doubted[name] for name in (*seen.other_names, *ends) if name in self._doubted)
        return next((each for each in found if each.change is not None and each.owner == seen.owner), None)

    def _audit(
        self, now: datetime, request_id: str | None, names: Sequence[str], before: Owner, after: Owner,
        **more: Json,
    ) -> None:  # fmt: skip
        self.write.audit(
            "owner.changed", APPLICATION, now, request_id,
            integration=self.integration.name, names=list(names[:_MOST_AUDITED]), count=len(names),
            before=before, after=after, **more,
        )  # fmt: skip


def remember(
    write: Transaction,
    integration: Integration,
    rows: Sequence[tuple[Sighting, int | None]],
    known: Mapping[str, Remembered],
    at: datetime,
) -> None:
    """Stores each sighting, with the id of the change that it is part of. `known` has the old names."""
    new: list[RememberedOwnerRow] = []
    changed: list[RememberedOwnerRow] = []
    for seen, change_id in rows:
        row = RememberedOwnerRow(
            name=seen.name, written=seen.written, owner=seen.owner, other_names=list(seen.other_names), since=at,
            change_id=change_id,
        )  # fmt: skip
        (changed if seen.name in known else new).append(row)
    write.change_remembered(integration.name, changed)
    write.remember_owners(integration.name, new)


def _in_doubt(seen: Sighting, doubt: Doubt, integration: Integration, grant_id: str, at: datetime) -> Remembered:
    change = OwnershipChange(
        integration=integration.name, request_id=grant_id, grants=[grant_id], names=[seen.name],
        before=doubt.before, after=seen.owner, counting=list(doubt.counting), noticed_at=at,
    )  # fmt: skip
    return Remembered(seen.name, seen.written, seen.owner, seen.other_names, at, None, change)
