"""Patterns arranged so that they share their stars.

Elasticsearch turns the names of a role into one automaton. Each star that stands by itself may double its states; one
star that several patterns share costs no more than one. `*a*`, `*b*` and `*c*` are three pairs of stars, or one pair:
`*` (`a`, `b` or `c`) `*`.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from bot.access.policy.patterns import covers

_Pieces = tuple[str, ...]
"""The texts between the stars of a pattern."""


@dataclass(frozen=True)
class Star:
    """One star of some patterns, with everything that may stand before it and behind it.

    Before it: one of the texts `heads`, with which a name begins, or one of the stars `before`, with what belongs to
    them. An empty head is a star at the beginning. Behind it: one of the texts `tails`.
    """

    heads: tuple[str, ...]
    before: tuple["Star", ...]
    tails: tuple[str, ...]


@dataclass(frozen=True)
class SharedStars:
    """Some patterns: the `words` have no star, and each of the `stars` is the last one of some of the others."""

    words: tuple[str, ...]
    stars: tuple[Star, ...]


def share_stars(patterns: Iterable[str]) -> SharedStars:
    """The patterns with their stars shared. Those that another one covers are left out."""
    unique = tuple(dict.fromkeys(patterns))
    widest = [
        each
        for place, each in enumerate(unique)
        if not any(
            covers(other, each) and (number < place or not covers(each, other))
            for number, other in enumerate(unique)
            if number != place and "*" in other
        )
    ]
    return _arrange(tuple(each.split("*")) for each in widest)


def _arrange(sequences: Iterable[_Pieces]) -> SharedStars:
    """Merges the last stars of patterns: first of those with the same end, then of those with the same beginnings."""
    words: list[str] = []
    beginnings: dict[str, list[_Pieces]] = {}
    for *before, last in sequences:
        if before:
            beginnings.setdefault(last, []).append((*before,))
        else:
            words.append(last)
    ends: dict[tuple[_Pieces, ...], list[str]] = {}
    for last, some in beginnings.items():
        ends.setdefault(tuple(sorted(some)), []).append(last)
    stars = []
    for before_all, tails in ends.items():
        inner = _arrange(before_all)
        stars.append(Star(inner.words, inner.stars, tuple(tails)))
    return SharedStars(tuple(words), tuple(stars))
