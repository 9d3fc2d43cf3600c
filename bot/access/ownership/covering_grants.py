"""The grants that could have written the owner of a name since it was last looked at."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from bot.access.models.request_details import RequestDetails
from bot.access.ownership.comparison import Cover, Owner
from bot.access.policy.model import Integration
from bot.access.policy.patterns import matcher
from bot.access.policy.privileges import may_change_owner, may_create_index
from bot.access.store.ownership import PastAccess
from bot.access.store.transaction import Transaction

LATE_WRITES = timedelta(minutes=2)
"""How long after the end of access its last write may still show: a node takes up a change of a mapping late."""

_HARMLESS = ("monitor", "read_", "create_snapshot", "cancel_task")
"""Beginnings of cluster privileges that change no template, user or role."""


@dataclass(frozen=True)
class _Reach:
    """A grant that could write owners, and a test of which names it covered."""

    access: PastAccess
    covers: Callable[[str], bool]
    beyond_indices: bool


@dataclass
class CoveringGrants:
    """Finds the grants over a name. Reads them once, and those who approved them when they are needed.

    `same_cluster` are the integrations whose grants reach the same data, `integration` among them.
    """

    read: Transaction
    integration: Integration
    same_cluster: Sequence[str]
    since: datetime
    _reaches: Sequence[_Reach] | None = None
    _covers: dict[str, Cover] = field(default_factory=dict)

    def over(self, names: Sequence[str]) -> Sequence[Cover]:
        """The grants that could have written the owner behind one of these names at any time since then."""
        if self._reaches is None:
            found = self.read.access_since(self.same_cluster, self.since - LATE_WRITES)
            self._reaches = [reach for each in found if (reach := _reach_of(each)) is not None]
        reached = [each for each in self._reaches if any(map(each.covers, names))]
        unknown = [each.access.id for each in reached if each.access.id not in self._covers]
        beyond = {each.access.id: each.beyond_indices for each in reached}
        for details in self.read.all_request_details(unknown) if unknown else ():
            grant_id = details.request.id
            self._covers[grant_id] = Cover(grant_id, _approved_by(details, self.integration), beyond[grant_id])
        return [self._covers[each.access.id] for each in reached]


def _reach_of(access: PastAccess) -> _Reach | None:
    """The names that the grant covers; `None` if it cannot write an owner. Unknown privileges count as all."""
    held: Mapping[str, Any] = access.privileges or {}
    indices = held.get("indices")
    beyond = bool(held.get("run_as")) or any(not each.startswith(_HARMLESS) for each in held.get("cluster", ()))
    if not (beyond or not indices or may_change_owner(indices) or may_create_index(indices)):
        return None
    patterns = list(access.resolved or access.patterns)
    # Roles that were found in a cluster may hold expressions. With restricted indices, a pattern that begins with a
    # star covers the hidden indices of a data stream, whatever the stream is called.
    unreadable = any(each.startswith(("/", "(")) for each in patterns)
    hidden = bool(held.get("restricted_indices")) and any(each.startswith("*") for each in patterns)
    everything = beyond or unreadable or hidden
    return _Reach(access, (lambda _name: True) if everything else matcher(patterns), beyond)


def _approved_by(details: RequestDetails, integration: Integration) -> tuple[Owner, ...]:
    """The owners whose approval counted, as written; nobody if a rule approved."""
    yes = [each for each in details.approvals if each.approved]
    counted = {group for each in yes for group in each.groups or ()}
    groups = [each for each in details.groups if each.id in counted]
    if not groups:
        return tuple(each.approver for each in yes)  # from before there were groups
    of_integration = [tuple(each.owners) == integration.owner for each in groups]
    names = [", ".join(each.owners) for each in groups]
    return tuple(dict.fromkeys(None if all_ else name for all_, name in zip(of_integration, names, strict=True)))
