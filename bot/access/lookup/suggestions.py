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
from bot.access.policy.patterns import matcher, parse_patterns
from bot.access.ports import Catalogue, Clusters

FEWEST_TOGETHER = 2
"""Names that a wildcard must cover to be worth suggesting."""

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
    """A catalogue prepared for searching. Built once for each reading of a cluster."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        names = [each.name for each in catalogue.resources]
        self._resources = {each.name: each for each in catalogue.resources}
        self._names = names  # sorted like a catalogue; names of indices are lower case
        self._wildcards = dict(sorted(_wildcards(names)))
        self._widest = sorted(self._wildcards, key=lambda each: (-self._wildcards[each], each))

    def search(self, typed: str, most: int) -> list[Suggestion]:
        """Up to `most` suggestions for the typed text, the likeliest first. Of a list, the last part counts."""
        text = typed.lower()[-LONGEST_TYPED:].rpartition(",")[2].strip()
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
        yield Suggestion(pattern, "typed", len(covered))
        yield from map(self._named, covered)

    def _without_star(self, text: str) -> Iterator[Suggestion]:
        if text in self._resources:
            yield self._named(text)
        beginning = self._beginning_as(text)
        wide = _valid(text + "*")
        if wide and len(beginning) >= FEWEST_TOGETHER:
            yield Suggestion(wide, "wildcard", len(beginning))
        yield from (self._wildcard(each) for each in self._wildcards if each.startswith(text))
        yield from map(self._named, beginning)
        yield from (self._wildcard(each) for each in self._wildcards if text in each)
        yield from (self._named(each) for each in self._names if text in each)
        exact = _valid(text)
        if exact and exact not in self._resources:
            yield Suggestion(exact, "typed", 0)

    def _beginning_as(self, text: str) -> Sequence[str]:
        first = bisect_left(self._names, text)
        return self._names[first : bisect_left(self._names, text + "\U0010ffff", first)]

    def _wildcard(self, pattern: str) -> Suggestion:
        return Suggestion(pattern, "wildcard", self._wildcards[pattern])

    def _named(self, name: str) -> Suggestion:
        found = self._resources[name]
        return Suggestion(name, found.kind, 1, tuple(owner for owner in found.owners if owner))


class Suggestions:
    """Searches the clusters. Thread-safe."""

    def __init__(self, clusters: Clusters) -> None:
        self._clusters = clusters
        self._kept: dict[str, Index] = {}
        self._building = threading.Lock()

    def search(self, integration: str, typed: str, most: int) -> list[Suggestion]:
        """`Index.search` in that cluster. Raises `Outage`, `Refusal`."""
        return self.index(integration).search(typed, most)

    def index(self, integration: str) -> Index:
        """The index of that cluster's resources, at most a minute old. Raises `Outage`, `Refusal`."""
        catalogue = self._clusters[integration].catalogue()
        kept = self._kept.get(integration)
        if kept is not None and kept.catalogue is catalogue:
            return kept
        with self._building:  # once, however many ask at the same time
            kept = self._kept.get(integration)
            if kept is None or kept.catalogue is not catalogue:
                kept = self._kept[integration] = Index(catalogue)
        return kept


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
