"""A query in words, where it is simple."""

import json
from collections.abc import Mapping
from typing import Any

from bot.access.policy.limits.query import parse

LONGEST = 300
"""Characters of a query in a message."""

_DEEPEST = 3
"""Levels of `bool`: nobody follows more in one sentence."""

_BOUNDS = {"gt": ">", "gte": "≥", "lt": "<", "lte": "≤"}


def in_words(query: str) -> str | None:
    """The condition that documents have to meet; `None` if it is not simple or too long."""
    parsed = parse(query)
    words = _words(parsed, 1) if parsed is not None else None
    return words if words is not None and len(words) <= LONGEST and words.isprintable() else None


def cut(query: str) -> str:
    """The query as JSON, shortened."""
    return query if len(query) <= LONGEST else f"{query[: LONGEST - 1]}…"


def _words(query: Mapping[str, Any], level: int) -> str | None:
    ((kind, body),) = query.items()
    if kind == "bool":
        return _bool(body, level)
    if kind == "exists":
        return f"{body['field']} is set"
    ((field, value),) = body.items()
    match kind:
        case "terms":
            return f"{field}: {' or '.join(map(_value, value))}"
        case "range":
            return _range(field, value)
        case "term" | "match" | "match_phrase" | "prefix":
            if isinstance(value, Mapping):
                return None
            said = {"term": _value(value), "prefix": f"{_value(value)}…"}
            return f"{field}: {said[kind]}" if kind in said else f"{field} has “{_value(value)}”"
    return None


def _range(field: str, bounds: Mapping[str, Any]) -> str | None:
    if not set(bounds) <= set(_BOUNDS):
        return None
    return f"{field} {' and '.join(f'{sign} {_value(bounds[key])}' for key, sign in _BOUNDS.items() if key in bounds)}"


def _bool(body: Mapping[str, Any], level: int) -> str | None:
    if level > _DEEPEST or "minimum_should_match" in body:
        return None
    needed = [*_clauses(body, "filter", level), *_clauses(body, "must", level)]
    any_of, none_of = list(_clauses(body, "should", level)), list(_clauses(body, "must_not", level))
    if (needed and any_of) or None in (*needed, *any_of, *none_of):
        return None  # beside other clauses, Elasticsearch takes those of `should` for wishes
    parts = [each for each in needed if each]
    if any_of:
        either = " or ".join(each for each in any_of if each)
        parts.append(f"({either})" if len(any_of) > 1 and (none_of or level > 1) else either)
    parts += [f"not ({each})" for each in none_of if each]
    joined = " and ".join(parts)
    return f"({joined})" if level > 1 and len(parts) > 1 else joined


def _clauses(body: Mapping[str, Any], clause: str, level: int) -> list[str | None]:
    found = body.get(clause, [])
    return [_words(each, level + 1) for each in (found if isinstance(found, list) else [found])]


def _value(value: object) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, bool) else str(value)
