"""The names in a role: index patterns as Elasticsearch evaluates them fast, without hidden names.

A star matches a leading dot too, and `allow_restricted_indices` excludes system indices but not hidden ones (measured
on 8.19 and 9.5). So patterns that begin with a star become a regular expression, which a role accepts between slashes
("Defining roles", Elasticsearch). It is one for all of them: several cost so much that ten made every call of the user
an error. The name of a data stream gives access to its backing indices.
"""

import re
from collections.abc import Iterable, Sequence

from bot.access.errors import AccessError, Refusal
from bot.access.policy.names.evaluation import are_simple, check_evaluable
from bot.access.policy.names.stars import Star, share_stars
from bot.access.policy.patterns import matcher, overlap

LONGEST_NAME = 32_000
"""Bytes of one name in a role: it is a term of the security index, which has at most 32,766."""

_MOST_ALTERNATIVES = 50
"""In one group: Elasticsearch reads an expression by recursion, one level for each alternative."""


def role_names(patterns: Sequence[str], without: Sequence[str] = (), *, hidden: bool = False) -> list[str]:
    """The names for a role that covers what the patterns match, less the names and patterns `without`.

    `hidden`: a star at the beginning matches a leading dot as well. Raises `Refusal` if Elasticsearch could not
    evaluate them.
    """
    starred = [each for each in patterns if "*" in each]
    left_out = [each for each in without if any(overlap(each, pattern) for pattern in starred)]
    is_left_out = matcher(without, hidden=True)
    whole = [each for each in patterns if "*" not in each and not is_left_out(each)]
    if not (whole or starred):
        raise Refusal("every name that it covers has to be left out")
    if not left_out and (are_simple(starred) or (hidden and len(starred) == 1)):
        return [each for each in patterns if "*" in each or each in whole]
    try:
        check_evaluable(patterns, left_out)
    except AccessError as error:
        raise Refusal(error.message) from error
    expression = f"/{_expression(starred, left_out, hidden=hidden)}/"
    if len(expression.encode()) > LONGEST_NAME:
        raise Refusal(f"a role cannot leave out {len(left_out)} names: their text is too long for Elasticsearch")
    return [*whole, expression]


def _expression(starred: Sequence[str], without: Sequence[str], *, hidden: bool) -> str:
    given = _any_of(_star(each, hidden=hidden) for each in share_stars(starred).stars)
    if not without:
        return given
    shared = share_stars(without)
    left_out = _any_of([*map(_literal, shared.words), *(_star(each, hidden=True) for each in shared.stars)])
    return f"{_grouped(given)}&~({left_out})"


def _star(star: Star, *, hidden: bool) -> str:
    """The expression of a star with all that stands before it and behind it."""
    before = [*map(_literal, filter(None, star.heads)), *(_star(each, hidden=hidden) for each in star.before)]
    heads = [f"{_grouped(_any_of(before))}.*"] if before else []
    if "" not in star.heads or hidden:
        heads += [".*"] if "" in star.heads else []
        return f"{_grouped(_any_of(heads))}{_grouped(_any_of(map(_literal, star.tails)))}"
    head = _any_of([*heads, "[^.].*"])
    # A star at the beginning may match nothing, unless the name would then begin with a dot or be empty.
    optional = [tail for tail in star.tails if tail and not tail.startswith(".")]
    needed = [tail for tail in star.tails if tail not in optional]
    return _any_of(
        [
            *([f"({head})?{_grouped(_any_of(map(_literal, optional)))}"] if optional else []),
            *([f"{_grouped(head)}{_grouped(_any_of(map(_literal, needed)))}"] if needed else []),
        ]
    )


def _any_of(alternatives: Iterable[str]) -> str:
    """An expression that matches each of the alternatives."""
    some = list(alternatives)
    if len(some) <= _MOST_ALTERNATIVES:
        return "|".join(some)
    size = max(_MOST_ALTERNATIVES, -(-len(some) // _MOST_ALTERNATIVES))
    return "|".join(f"({_any_of(some[place : place + size])})" for place in range(0, len(some), size))


def _grouped(expression: str) -> str:
    """The expression as one part of another, in parentheses where it needs them."""
    return f"({expression})" if re.search(r"(?<!\\)[|&]", expression) else expression


def _literal(text: str) -> str:
    """The text escaped for Lucene's regular expressions, where a backslash makes any character but a letter literal."""
    return re.sub(r"\W", r"\\\g<0>", text)
