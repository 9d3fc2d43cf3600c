"""Index patterns: which are allowed, which names they match, and the nearest names when they match none.

Elasticsearch hardly checks the index names of a role: it accepts `-logs`, `/x.*/`, `.security*` and `a b`, all with
misleading effects (measured on 9.5.3). So every pattern is checked here before a request is filed.
"""

import re
import sys
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches

from bot.access.errors import InvalidRequest

MOST_PATTERNS = 20
"""In one request: an owner would not read more before approving."""

LONGEST_BYTES = 255
"""Elasticsearch's limit for an index name, in UTF-8 bytes."""

MOST_COMPARED = 500
"""Names that are compared letter by letter for a hint: 10,000 took over a second."""

_NO_DIGITS = {ord(digit): None for digit in "0123456789"}

EXAMPLE = "/es-access logs-*,metrics-* 1h"

# Not allowed in an index name (Elasticsearch, "create index"), or more than a name: `?` and `*` are wildcards, of
# which only `*` is supported, and a backtick would end the code span that shows the pattern.
_FORBIDDEN = re.compile(r"[\\/?\"<>|#:,`\s\x00-\x1f\x7f]")

_BACKING_INDICES = (".ds-*", ".fs-*")
"""The indices behind data streams and their failure stores: with access to them one reads the streams of anybody."""

_SECURITY_INDICES = (
    ".security",
    ".security-6",
    ".security-7",
    ".security-tokens",
    ".security-tokens-7",
    ".security-profile",
    ".security-profile-8",
)
"""The system indices with users, roles and keys, in every version since 6."""


def parse_patterns(text: str) -> tuple[str, ...]:
    """The patterns of a comma-separated list, without duplicates, in the order typed. Raises `InvalidRequest`."""
    return check_patterns([part.strip() for part in text.split(",")])


def check_patterns(unchecked: Iterable[str]) -> tuple[str, ...]:
    """The patterns, without duplicates, in their order. Raises `InvalidRequest` if one may not be asked for."""
    patterns = tuple(dict.fromkeys(map(_check, unchecked)))
    if len(patterns) > MOST_PATTERNS:
        raise InvalidRequest(
            f"{len(patterns)} patterns are too many: ask for at most {MOST_PATTERNS} at once.", EXAMPLE
        )
    return patterns


def _check(pattern: str) -> str:
    pattern = re.sub(r"\*+", "*", pattern)
    if not pattern:
        raise InvalidRequest("There is an empty pattern: name the indices, separated by commas.", EXAMPLE)
    for wrong, why in _problems(pattern):
        if wrong:
            shown = "".join(each if each.isprintable() else "\ufffd" for each in pattern[:80])
            raise InvalidRequest(f"I cannot give access to “{shown}”: {why}", EXAMPLE)
    return pattern


def _problems(pattern: str) -> Iterable[tuple[bool, str]]:
    # With surrogates, direction marks and the like, an owner would read something else than the person typed.
    yield not pattern.replace(" ", "").isprintable(), "it holds a character that cannot be shown."
    yield len(pattern.encode(errors="replace")) > LONGEST_BYTES, f"an index name has at most {LONGEST_BYTES} bytes."
    yield pattern == "_all", "write * for all indices."
    yield pattern.startswith("<"), "date math is not read. Write the name or a wildcard, like logs-2026.11.*"
    yield pattern.startswith("/"), "regular expressions are not read. Write a wildcard, like logs-*"
    yield pattern.startswith("-"), "nothing can be excluded. Name what you need instead."
    yield (
        ":" in pattern,
        "indices of another cluster cannot be named. Choose the cluster with --cluster NAME.",
    )
    yield (
        any(pattern.startswith(".") and overlap(pattern, each) for each in _BACKING_INDICES),
        "it could match the indices behind data streams. Name the data stream, or write more of the name.",
    )
    yield pattern.startswith(("_", "+")), "an index name does not start with _ or +."
    forbidden = _FORBIDDEN.search(pattern)
    yield forbidden is not None, f"an index name has no {_name_of(forbidden)}."
    yield _could_reach_security(pattern), "it could match Elasticsearch's own security indices."


def _name_of(found: re.Match[str] | None) -> str:
    character = found.group() if found else ""
    return "space" if character.isspace() else "control character" if not character.isprintable() else character


def _could_reach_security(pattern: str) -> bool:
    # `*` alone is safe: without allow_restricted_indices, no pattern of a role covers system indices.
    if pattern.startswith("."):
        return overlap(pattern, ".security*")
    return pattern != "*" and any(_regex([pattern]).fullmatch(name) for name in _SECURITY_INDICES)


def _regex(patterns: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(map(_expression, patterns)), re.DOTALL)


def _expression(pattern: str) -> str:
    first, *rest = map(re.escape, pattern.split("*"))
    if not rest:
        return first
    # Each part matches at its first position only, without backtracking: many wildcards cost no more than one.
    return first + "".join(f"(?>.*?{part})" for part in rest[:-1]) + ".*" + rest[-1]


def is_dotted(name: str) -> bool:
    """Whether a name or pattern begins with a dot: a hidden index, or a system index."""
    return name.startswith(".")


def matcher(patterns: Iterable[str], *, hidden: bool = False) -> Callable[[str], bool]:
    """Returns a test of whether one of the patterns matches a name.

    Only a pattern that begins with a dot itself matches a name with a leading dot; with `hidden` a star does as well.
    """
    all_of_them = tuple(patterns)
    either = _regex(all_of_them)
    if hidden:
        return lambda name: either.fullmatch(name) is not None
    dotted = [each for each in all_of_them if is_dotted(each)]
    if not dotted:
        return lambda name: not name.startswith(".") and either.fullmatch(name) is not None
    named = _regex(dotted)
    return lambda name: (named if name.startswith(".") else either).fullmatch(name) is not None


def covers(wide: str, narrow: str, *, hidden: bool = False) -> bool:
    """Whether `wide` matches every name that `narrow` could match. `hidden`: see `matcher`.

    A `*` in `narrow` stands for any text, so only a `*` in `wide` may match it. This is exact for these patterns,
    because a name can always contain a character that `wide` does not spell out.
    """
    if is_dotted(narrow) and not (hidden or is_dotted(wide)):
        return False
    return _regex([wide]).fullmatch(narrow.replace("*", "\0")) is not None


def overlap(one: str, other: str) -> bool:
    """Whether some name could match both patterns, where a star matches a leading dot as well."""
    if "*" not in one or "*" not in other:
        name, pattern = (other, one) if "*" in one else (one, other)
        return _have_compatible_ends(name, pattern) and _regex([pattern]).fullmatch(name) is not None
    # With a star in both, a name with fitting ends can contain in its middle whatever either pattern requires.
    return _have_compatible_ends(one, other)


def reaches(given: str, other: str) -> bool:
    """Whether access to `given` could cover a name that `other` matches, with a leading dot or without.

    Access to a pattern covers no name with a leading dot, unless the pattern begins with one.
    """
    return (is_dotted(given) or not is_dotted(other)) and overlap(given, other)


def _have_compatible_ends(one: str, other: str) -> bool:
    """Whether one name can have the texts before the first stars and those after the last stars."""
    (head, tail), (other_head, other_tail) = ((each.split("*")[0], each.split("*")[-1]) for each in (one, other))
    heads = head.startswith(other_head) or other_head.startswith(head)
    return heads and (tail.endswith(other_tail) or other_tail.endswith(tail))


def nearest(pattern: str, names: Sequence[str], most: int = 3) -> list[str]:
    """Up to `most` existing names similar to the pattern. Only an alias may have capitals, so without them first."""
    lower = pattern.lower()
    if lower != pattern and any(map(matcher([lower]), names)):
        return [lower]
    plain = lower.replace("*", "")
    shown = sorted(name for name in names if is_dotted(name) is is_dotted(lower))
    inside = [name for name in shown if plain and plain in name]
    return list(dict.fromkeys(inside + _close(plain, shown, most)))[:most]


def _close(plain: str, names: Iterable[str], most: int) -> list[str]:
    """Similar names. Names that differ in digits alone, such as those of each day, are compared once at first."""
    by_letters: dict[str, list[str]] = {}
    for name in names:
        by_letters.setdefault(name.translate(_NO_DIGITS), []).append(name)
    letters = plain.translate(_NO_DIGITS)
    similar = get_close_matches(letters, _around(letters, sorted(by_letters)), n=most, cutoff=0.5)
    found = [name for each in similar for name in _around(plain, by_letters[each])]
    return get_close_matches(plain, found, n=most, cutoff=0.5)


def _around(text: str, names: Sequence[str]) -> Sequence[str]:
    """The sorted names around the place of the text, `MOST_COMPARED` at most."""
    first = max(bisect_left(names, text) - MOST_COMPARED // 2, 0)
    return names[first : first + MOST_COMPARED]


def unmatched(patterns: Sequence[str], names: Sequence[str]) -> list[str]:
    """The patterns that match none of the sorted names."""
    return [each for each in patterns if not any(map(matcher([each]), _with_prefix_of(each, names)))]


def _with_prefix_of(pattern: str, names: Sequence[str]) -> Sequence[str]:
    """The sorted names with the pattern's prefix, so that 20 patterns are not compared with 10,000 names each."""
    head = pattern.partition("*")[0]
    first = bisect_left(names, head)
    return names[first : bisect_left(names, head + chr(sys.maxunicode), first)]
