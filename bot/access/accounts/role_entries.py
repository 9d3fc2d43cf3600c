"""The entries of a personal role, for which Elasticsearch makes one automaton.

If it cannot, every call of the person's account is an error, whatever other roles it has. Twelve entries such as
`*-web-*`, `*-shop-*` are too many; one entry with all these patterns shares their stars (measured on 8.19 and 9.5).
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from bot.access.errors import InvalidRequest, RequestField
from bot.access.policy.names.evaluation import are_evaluable
from bot.access.policy.patterns import overlap
from bot.access.ports import CredentialSpec

MOST_TEXT = 4000
"""Characters of the patterns of one entry: its names may become one regular expression, whose length is limited."""


def entries_of(parts: Sequence[CredentialSpec]) -> list[CredentialSpec]:
    """The parts, those merged that give the same privileges and leave out the same names."""
    alike: dict[object, list[CredentialSpec]] = {}
    for part in parts:
        key = (part.privileges, frozenset(part.withheld), frozenset(part.excluded), part.opens_kibana)
        alike.setdefault(key, []).append(part)
    return [entry for some in alike.values() for entry in _merged(some)]


def check_together(parts: Sequence[CredentialSpec]) -> None:
    """Raises `InvalidRequest` if Elasticsearch could not evaluate a role of all these parts."""
    if not are_evaluable(map(_names, entries_of(parts))):
        raise InvalidRequest(
            "Together with the access that your account has already, these patterns have more stars than Elasticsearch "
            "can evaluate in one role. Ask for a password or an API key instead, or write how the names begin.",
            about=RequestField.PATTERNS,
        )


def _merged(some: Sequence[CredentialSpec]) -> Iterator[CredentialSpec]:
    first = some[0]
    patterns: dict[str, None] = {}
    for part in some:
        if patterns and sum(map(len, (*patterns, *part.patterns))) > MOST_TEXT:
            yield replace(first, patterns=tuple(patterns))
            patterns = {}
        patterns.update(dict.fromkeys(part.patterns))
    yield replace(first, patterns=tuple(patterns))


def _names(entry: CredentialSpec) -> tuple[Sequence[str], Sequence[str]]:
    """The patterns with a star, and the names left out of them: only these can be hard to evaluate."""
    starred = [each for each in entry.patterns if "*" in each]
    without = (*entry.withheld, *entry.excluded)
    return starred, [each for each in without if any(overlap(each, pattern) for pattern in starred)]
