"""The grants that could have written the owner of a name since it was last looked at."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, NamedTuple

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

_AT_ONCE = 500
"""Requests that are read with one statement."""


@dataclass(frozen=True)
class CoverSet:
    """The grants over a name. `covers` has one for each set of owners who approved, however many grants there are."""

    grants: tuple[str, ...]
    covers: tuple[Cover, ...]


@dataclass(frozen=True)
class _Reach:
    """A grant that could write owners. `patterns` are `None` if it covered every name."""

    id: str
    patterns: Sequence[str] | None
    beyond_indices: bool


class _Candidate(NamedTuple):
    """A pattern with a text that every name under it contains."""

    pattern: str
    inside: str
    matches: Callable[[str], bool]


class _PatternIndex:
    """Finds the patterns that match a name, by the longer one of their ends, so that few are compared with it."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._heads: dict[str, list[_Candidate]] = {}
        self._tails: dict[str, list[_Candidate]] = {}
        self._plain = {each for each in patterns if "*" not in each}
        for pattern in patterns:
            if "*" in pattern:
                head, *middle, tail = pattern.split("*")
                ends, end = (self._heads, head) if len(head) >= len(tail) else (self._tails, tail)
                candidate = _Candidate(pattern, max(middle, key=len, default=""), matcher([pattern]))
                ends.setdefault(end, []).append(candidate)
        self._head_lengths, self._tail_lengths = set(map(len, self._heads)), set(map(len, self._tails))

    def matching(self, name: str) -> list[str]:
        found = [name] if name in self._plain else []
        heads = (self._heads.get(name[:length], ()) for length in self._head_lengths)
        tails = (self._tails.get(name[-length:], ()) for length in self._tail_lengths)
        for end in (*heads, *tails):
            found += (pattern for pattern, inside, matches in end if inside in name and matches(name))
        return found


@dataclass
class CoveringGrants:
    """Finds the grants over names. Reads them once, and those who approved them when they are needed.

    `same_cluster` are the integrations whose grants reach the same data, `integration` among them.
    """

    read: Transaction
    integration: Integration
    same_cluster: Sequence[str]
    since: datetime
    _covers: dict[str, Cover] = field(default_factory=dict)

    def over_each(self, names_of_each: Sequence[Sequence[str]]) -> Sequence[CoverSet]:
        """For each resource, the grants that could have written its owner at any time since then, by its names."""
        if not self._reaches:
            return [CoverSet((), ()) for _ in names_of_each]
        matching = self._index.matching
        keys = [frozenset(pattern for name in names for pattern in matching(name)) for names in names_of_each]
        reached = {key: self._reached(key) for key in set(keys)}
        self._read_covers({grant for grants in reached.values() for grant in grants})
        found = {key: CoverSet(grants, self._distinct(grants)) for key, grants in reached.items()}
        return [found[key] for key in keys]

    @cached_property
    def _reaches(self) -> Mapping[str, _Reach]:
        found = self.read.access_since(self.same_cluster, self.since - LATE_WRITES)
        return {each.id: reach for each in found if (reach := _reach_of(each)) is not None}

    @cached_property
    def _by_pattern(self) -> Mapping[str | None, Sequence[str]]:
        """The grants of each pattern; under `None` those over everything."""
        found: dict[str | None, list[str]] = {}
        for reach in self._reaches.values():
            for pattern in reach.patterns if reach.patterns is not None else (None,):
                found.setdefault(pattern, []).append(reach.id)
        return found

    @cached_property
    def _index(self) -> _PatternIndex:
        return _PatternIndex([each for each in self._by_pattern if each is not None])

    def _reached(self, patterns: frozenset[str]) -> tuple[str, ...]:
        return tuple(sorted({grant for each in (None, *patterns) for grant in self._by_pattern.get(each, ())}))

    def _read_covers(self, grants: set[str]) -> None:
        unknown = sorted(grants - self._covers.keys())
        for first in range(0, len(unknown), _AT_ONCE):
            for details in self.read.all_request_details(unknown[first : first + _AT_ONCE]):
                grant = details.request.id
                approved = _approved_by(details, self.integration)
                self._covers[grant] = Cover(grant, approved, self._reaches[grant].beyond_indices)

    def _distinct(self, grants: Sequence[str]) -> tuple[Cover, ...]:
        covers = [self._covers[each] for each in grants]
        return tuple({(each.approved, each.beyond_indices): each for each in reversed(covers)}.values())[::-1]


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
    return _Reach(access.id, None if everything else patterns, beyond)


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
