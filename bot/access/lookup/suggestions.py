"""Suggestions while a person types: names, wildcards that cover several names, and the typed text."""

import re
import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from bot.access.errors import InvalidRequest
from bot.access.policy.current import CurrentPolicy
from bot.access.policy.model import Integration
from bot.access.policy.patterns import matcher, parse_patterns
from bot.access.policy.visibility import Visibility, visibility_of
from bot.access.ports import Catalogue, Clock, Clusters, Directory, Resource
from bot.access.requests.membership import membership_of

FEWEST_TOGETHER = 2
"""Names that a wildcard must cover to be worth suggesting."""

MOST_KEPT = 20
"""Prepared indices: one for each cluster and each set of flows that people may use."""

LONGEST_TYPED = 255
"""Characters of the typed text that are searched for: no name is longer."""

_SEPARATOR = re.compile(r"[-._]")

Kind = Literal["index", "data stream", "alias", "wildcard", "typed"]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A suggested pattern. `matches` counts the names that it covers now; `owners` are those of a single name."""

    pattern: str
    kind: Kind
    matches: int = 1
    owners: tuple[str, ...] = ()


class Index:
    """Resources, sorted by name, prepared for searching."""

    def __init__(self, resources: Sequence[Resource]) -> None:
        names = sorted((each.name for each in resources), key=str.lower)  # an alias may have capitals
        self._resources = {each.name: each for each in resources}
        self._names = names
        self._lower = [each.lower() for each in names]
        self._wildcards = dict(sorted(_wildcards(names)))
        self._widest = sorted(self._wildcards, key=lambda each: (-self._wildcards[each], each))

    def search(self, typed: str, most: int) -> list[Suggestion]:
        """Up to `most` suggestions for the typed text, the likeliest first. Of a list, the last part counts."""
        text = typed[-LONGEST_TYPED:].rpartition(",")[2].strip()
        if not text:
            return list(islice(self._unasked(), most))
        found = self._with_star(text) if "*" in text else self._without_star(text)
        unique = {each.pattern: each for each in islice(found, 2 * most)}
        return list(unique.values())[:most]

    def __contains__(self, name: str) -> bool:
        return name in self._resources

    @property
    def names(self) -> Sequence[str]:
        """Every name, sorted."""
        return self._names

    def _unasked(self) -> Iterator[Suggestion]:
        yield from map(self._wildcard, self._widest)
        yield from map(self._named, self._names)

    def _with_star(self, text: str) -> Iterator[Suggestion]:
        pattern = _valid(text)
        if pattern is None:
            return
        covers = matcher([pattern])
        covered = [name for name in self._names if covers(name)]
        if not covered and text != text.lower():
            yield from self._with_star(text.lower())  # phones begin with a capital
            return
        yield Suggestion(pattern, "typed", len(covered))
        yield from map(self._named, covered)

    def _without_star(self, text: str) -> Iterator[Suggestion]:
        text, typed = text.lower(), text
        if typed in self._resources:
            yield self._named(typed)
        beginning = self._beginning_as(text)
        same_case = [name for name in beginning if name.startswith(text)]
        wide = _valid(text + "*")
        if wide and len(same_case) >= FEWEST_TOGETHER:
            yield Suggestion(wide, "wildcard", len(same_case))
        yield from (self._wildcard(each) for each in self._wildcards if each.lower().startswith(text))
        yield from map(self._named, beginning)
        yield from (self._wildcard(each) for each in self._wildcards if text in each.lower())
        yield from (self._named(each) for each in self._names if text in each.lower())
        exact = _valid(text)
        if exact and exact not in self._resources:
            yield Suggestion(exact, "typed", 0)

    def _beginning_as(self, text: str) -> Sequence[str]:
        first = bisect_left(self._lower, text)
        return self._names[first : bisect_left(self._lower, text + "\U0010ffff", first)]

    def _wildcard(self, pattern: str) -> Suggestion:
        return Suggestion(pattern, "wildcard", self._wildcards[pattern])

    def _named(self, name: str) -> Suggestion:
        found = self._resources[name]
        return Suggestion(name, found.kind, 1, tuple(owner for owner in found.owners if owner))


class Suggestions:
    """Searches the clusters, for a person among the names that they may read. Thread-safe."""

    def __init__(self, clusters: Clusters, directory: Directory, current: CurrentPolicy, clock: Clock) -> None:
        self._clusters = clusters
        self._directory = directory
        self._current = current
        self._clock = clock
        self._kept: dict[tuple[str, Visibility], tuple[Catalogue, Index]] = {}
        self._building = threading.Lock()

    def search(self, integration: Integration, person: str, typed: str, most: int) -> list[Suggestion]:
        """`Index.search` in that cluster. Raises `Outage`, `Refusal`."""
        return self.index(integration, person).search(typed, most)

    def index(self, integration: Integration, person: str) -> Index:
        """The index of that cluster's resources that the person may read about, at most a minute old.

        Raises `Outage`, `Refusal`.
        """
        catalogue = self._clusters[integration.name].catalogue()
        member_of = membership_of(self._directory, person)
        visibility = visibility_of(self._current.policy, integration, member_of, self._clock.now())
        key = (integration.name, visibility)
        catalogue_then, index = self._kept.get(key, (None, None))
        if index is not None and catalogue_then is catalogue:
            return index
        with self._building:  # once, however many ask at the same time
            catalogue_then, index = self._kept.get(key, (None, None))
            if index is None or catalogue_then is not catalogue:
                index = Index(visibility.visible(catalogue.resources))
                self._keep(key, catalogue, index)
        return index

    def _keep(self, key: tuple[str, Visibility], catalogue: Catalogue, index: Index) -> None:
        """Keeps the index, and drops outdated ones of that cluster and the oldest of too many."""
        fresh = [(each, kept) for each, kept in self._kept.items() if each[0] != key[0] or kept[0] is catalogue]
        self._kept = {**dict(fresh[-MOST_KEPT + 1 :]), key: (catalogue, index)}


def _valid(text: str) -> str | None:
    try:
        (pattern,) = parse_patterns(text)
    except InvalidRequest:
        return None
    return pattern


def _wildcards(names: Iterable[str]) -> Iterator[tuple[str, int]]:
    """The prefixes, each ending in a separator, that several names share.

    Of prefixes that cover the same names, only the shortest.
    """
    counts: Counter[str] = Counter()
    for name in names:
        counts.update(_beginnings(name))
    for beginning, count in counts.items():
        shorter = _shorter(beginning)
        if count >= FEWEST_TOGETHER and counts.get(shorter) != count and _valid(beginning + "*"):
            yield beginning + "*", count


def _beginnings(name: str) -> Iterator[str]:
    for found in _SEPARATOR.finditer(name):
        yield name[: found.end()]


def _shorter(beginning: str) -> str:
    """The next shorter prefix of the same name."""
    ends = [found.end() for found in _SEPARATOR.finditer(beginning)]
    return beginning[: ends[-2]] if len(ends) > 1 else ""
