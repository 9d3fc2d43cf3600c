"""Queries about remembered owners and their changes."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import and_, bindparam, delete, insert, or_, update
from sqlalchemy import select as sql_select
from sqlalchemy.orm import aliased
from sqlmodel import col, select

from bot.access.errors import LostRace
from bot.access.models.grants import Grant
from bot.access.models.ownership import KnownCluster, OwnerObservation, OwnershipChange, OwnershipState, RememberedOwner
from bot.access.models.requests import AccessRequest
from bot.access.states import GrantState
from bot.access.store.changes import RememberedOwnerRow
from bot.access.store.session import SessionBase

_AT_ONCE = 500
"""Names in one statement. For more, all rows of the integration are read."""

_GONE = (GrantState.REVOKED, GrantState.CLEANED_UP)


class Remembered(NamedTuple):
    """The memory of one name; `change` is the latest change that is open or overruled."""

    name: str
    written: str | None
    owner: str | None
    other_names: Sequence[str]
    since: datetime
    gone_at: datetime | None
    change: OwnershipChange | None


class PastAccess(NamedTuple):
    """The names and privileges of one grant."""

    id: str
    patterns: Sequence[str]
    resolved: Sequence[str] | None
    privileges: Mapping[str, Any] | None


class OwnershipQueries(SessionBase):
    """Remembered owners."""

    def owner_observation(self, integration: str) -> OwnerObservation | None:
        """Since when the owners of an integration are remembered; `None` before the first look."""
        return self._session.get(OwnerObservation, integration, populate_existing=True)

    def start_observation(self, integration: str, source: str, at: datetime) -> None:
        """Stores the first look. The memory from another source is dropped."""
        self._execute(delete(RememberedOwner).where(col(RememberedOwner.integration) == integration))
        self._session.merge(OwnerObservation(integration=integration, source=source, since=at, looked_at=at))
        self._session.flush()

    def record_look(self, integration: str, before: datetime, at: datetime) -> None:
        """Stores that everything was looked at, unless another process has looked since `before`."""
        mine = (col(OwnerObservation.integration) == integration, col(OwnerObservation.looked_at) == before)
        self._execute(update(OwnerObservation).where(*mine).values(looked_at=at))

    def names_remembered(self, integration: str) -> frozenset[str]:
        """The names that existed at the last look."""
        there = (col(RememberedOwner.integration) == integration, col(RememberedOwner.gone_at).is_(None))
        return frozenset(self._session.exec(select(RememberedOwner.name).where(*there)).all())

    def remembered_owners(self, integration: str, names: Sequence[str]) -> Mapping[str, Remembered]:
        """The memory of these names, by name."""
        if not names:
            return {}
        # More names than a statement holds: all rows are read.
        wanted = [col(RememberedOwner.name).in_(names)] if len(names) <= _AT_ONCE else []
        return self._remembered(col(RememberedOwner.integration) == integration, *wanted)

    def doubted_owners(self, integration: str) -> Mapping[str, Remembered]:
        """The memory of all names with a change that is open or overruled."""
        doubted = col(RememberedOwner.change_id).is_not(None)
        return self._remembered(col(RememberedOwner.integration) == integration, doubted)

    def _remembered(self, *wanted: Any) -> Mapping[str, Remembered]:
        columns: tuple[Any, ...] = (
            RememberedOwner.name, RememberedOwner.written, RememberedOwner.owner, RememberedOwner.other_names,
            RememberedOwner.since, RememberedOwner.gone_at, RememberedOwner.change_id,
        )  # fmt: skip
        rows = self._session.connection().execute(sql_select(*columns).where(*wanted)).all()
        changes = self._standing_changes({row[6] for row in rows if row[6] is not None})
        return {
            name: Remembered(name, written, owner, other_names, since, gone_at, changes.get(change_id))
            for name, written, owner, other_names, since, gone_at, change_id in rows
        }

    def _standing_changes(self, ids: Iterable[int]) -> Mapping[int | None, OwnershipChange]:
        wanted = list(ids)
        if not wanted:
            return {}
        standing = col(OwnershipChange.state).in_((OwnershipState.OPEN, OwnershipState.KEPT))
        return {each.id: each for each in self._read_anew(OwnershipChange, and_(standing, _among(wanted)))}

    def clusters_known(self) -> Mapping[str, str]:
        """The `cluster_uuid` that each integration led to when it was last looked at."""
        return {each.integration: each.uuid for each in self._session.exec(select(KnownCluster)).all()}

    def record_cluster(self, integration: str, uuid: str) -> None:
        """Stores the `cluster_uuid` of an integration."""
        self._session.merge(KnownCluster(integration=integration, uuid=uuid))
        self._session.flush()

    def access_since(self, integrations: Sequence[str], since: datetime) -> Sequence[PastAccess]:
        """The grants of these integrations that may have been usable at any time since then."""
        usable = or_(col(Grant.state).not_in(_GONE), col(Grant.ended_at) >= since)
        columns: tuple[Any, ...] = (
            AccessRequest.id,
            AccessRequest.patterns,
            AccessRequest.resolved,
            AccessRequest.privileges,
        )
        rows = sql_select(*columns).join(Grant, col(Grant.id) == col(AccessRequest.id))
        there = col(AccessRequest.integration).in_(integrations)
        found = self._session.connection().execute(rows.where(there, usable).order_by(col(AccessRequest.id))).all()
        return [PastAccess(*each) for each in found]

    def remember_owners(self, integration: str, rows: Sequence[RememberedOwnerRow]) -> None:
        """Stores new names."""
        if rows:
            self._session.connection().execute(
                insert(RememberedOwner), [{"integration": integration, "gone_at": None, **row} for row in rows]
            )

    def change_remembered(self, integration: str, rows: Sequence[RememberedOwnerRow]) -> None:
        """Stores new sightings of names that are remembered already, with one statement for all of them."""
        if not rows:
            return
        mine = (col(RememberedOwner.integration) == integration, col(RememberedOwner.name) == bindparam("changed"))
        changed: dict[str, Any] = {
            each: bindparam(each) for each in ("written", "owner", "other_names", "since", "change_id")
        }
        self._session.connection().execute(
            update(RememberedOwner).where(*mine).values(gone_at=None, **changed),
            [{"changed": row["name"], **{each: row[each] for each in changed}} for row in rows],  # type: ignore[literal-required]
        )

    def mark_gone(self, integration: str, names: Sequence[str], at: datetime) -> None:
        """Stores that these names no longer exist."""
        for first in range(0, len(names), _AT_ONCE):
            mine = (
                col(RememberedOwner.integration) == integration,
                col(RememberedOwner.name).in_(names[first : first + _AT_ONCE]),
                col(RememberedOwner.gone_at).is_(None),
            )
            self._execute(update(RememberedOwner).where(*mine).values(gone_at=at))

    def forget_gone(self, integration: str, before: datetime) -> None:
        """Forgets the names that have been gone since before that time."""
        mine = (col(RememberedOwner.integration) == integration, col(RememberedOwner.gone_at) < before)
        self._execute(delete(RememberedOwner).where(*mine))

    def add_change(self, change: OwnershipChange) -> int:
        """Stores a change of owners and returns its id."""
        self._session.add(change)
        self._session.flush()
        if change.id is None:
            raise AssertionError("a stored row has an id")
        return change.id

    def ownership_change(self, change_id: int) -> OwnershipChange | None:
        """The change with that id."""
        return self._session.get(OwnershipChange, change_id, populate_existing=True)

    def replace_unused_changes(self, ids: Iterable[int], at: datetime) -> Sequence[OwnershipChange]:
        """Ends those of these standing changes that no name has any more, and returns them."""
        wanted = list(ids)
        if not wanted:
            return []
        used = select(RememberedOwner.change_id).where(col(RememberedOwner.change_id).in_(wanted))
        standing = col(OwnershipChange.state).in_((OwnershipState.OPEN, OwnershipState.KEPT))
        unused = and_(standing, _among(wanted), col(OwnershipChange.id).not_in(used))
        found = self._read_anew(OwnershipChange, unused)
        for each in found:
            ended = update(OwnershipChange).where(col(OwnershipChange.id) == each.id)
            self._execute(ended.values(state=OwnershipState.REPLACED, decided_at=at))
        return found

    def untold_changes(self, quiet_since: datetime, most: int) -> Sequence[OwnershipChange]:
        """Open changes whose owners have not been told yet, and were told of no earlier one like it since that time.

        Like it: under the same access, with the same owner before.
        """
        untold = and_(col(OwnershipChange.state) == OwnershipState.OPEN, col(OwnershipChange.told_at).is_(None))
        other = aliased(OwnershipChange)
        told = sql_select(col(other.id)).where(
            col(other.request_id) == col(OwnershipChange.request_id),
            col(other.before).is_not_distinct_from(col(OwnershipChange.before)),
            col(other.noticed_at) < col(OwnershipChange.noticed_at),
            col(other.told_at) > quiet_since,
        )
        return self._session.exec(
            select(OwnershipChange).where(untold, ~told.exists()).order_by(col(OwnershipChange.id)).limit(most)
        ).all()

    def record_told(self, change: OwnershipChange, at: datetime) -> bool:
        """Stores that the owners are told. Returns False if another process did it."""
        untold = (col(OwnershipChange.id) == change.id, col(OwnershipChange.told_at).is_(None))
        return self._execute(update(OwnershipChange).where(*untold).values(told_at=at)) == 1

    def decide_change(self, change: OwnershipChange, to: OwnershipState, actor: str, at: datetime) -> None:
        """Ends an open change by an owner's decision. Raises `LostRace` if it is no longer open."""
        is_open = (col(OwnershipChange.id) == change.id, col(OwnershipChange.state) == OwnershipState.OPEN)
        decided = {"state": to, "decided_by": actor, "decided_at": at}
        if self._execute(update(OwnershipChange).where(*is_open).values(**decided)) != 1:
            raise LostRace(change.request_id)
        if to is OwnershipState.CONFIRMED:
            mine = update(RememberedOwner).where(col(RememberedOwner.change_id) == change.id)
            self._execute(mine.values(change_id=None))


def _among(ids: Sequence[int]) -> Any:
    return col(OwnershipChange.id).in_(ids)
