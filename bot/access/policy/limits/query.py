"""Queries that limit documents: which are allowed, and what two of them show together.

Of Elasticsearch's queries those are allowed that compare a field of a document with given values. Others read more
than the document (`has_child`, `terms` with a lookup, `percolate`, `more_like_this`), hide a query (`wrapper`,
`template`) or run a script. Elasticsearch itself refuses some of them in a role, and not the others.
"""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Any

LONGEST_QUERY = 2000
"""Characters of a query in canonical JSON: it is part of the role and of each request."""

_VALUE = (str, int, float, bool)

_OF_A_FIELD: Mapping[str, tuple[str, frozenset[str]]] = {
    "term": ("value", frozenset({"value", "case_insensitive"})),
    "match": ("query", frozenset({"query", "operator"})),
    "match_phrase": ("query", frozenset({"query"})),
    "prefix": ("value", frozenset({"value", "case_insensitive"})),
    "wildcard": ("value", frozenset({"value", "case_insensitive"})),
}
"""Queries of one field: the key of the value, and all keys, where it is not written as the value alone."""

_BOUNDS = frozenset({"gt", "gte", "lt", "lte"})

_CLAUSES = ("must", "filter", "should", "must_not")

KINDS = (*_OF_A_FIELD, "terms", "range", "exists", "bool")
"""The allowed queries."""

_WHY_NOT = {
    "template": "is a template, which is filled in with what the user is called",
    "script": "is a script",
    "has_child": "is refused by Elasticsearch in a role",
    "has_parent": "is refused by Elasticsearch in a role",
    "percolate": "reads other documents",
    "more_like_this": "reads other documents",
    "wrapper": "hides the query",
    "match_all": "limits nothing: leave query out",
}

TIMESTAMP = "@timestamp"
"""The field of a document's time ("Elastic Common Schema")."""

_TIME_FORMAT = "strict_date_optional_time"

_CURRENT_TIME = re.compile(r"now([+\-/].*)?")
"""Date math from the current time, which Elasticsearch evaluates in no query of a role (measured on 8.19 and 9.5)."""


def since(at: datetime) -> str:
    """The query for documents of that minute and later."""
    minute = at.astimezone(UTC).replace(second=0, microsecond=0)
    return canonical({"range": {TIMESTAMP: {"gte": minute.strftime("%Y-%m-%dT%H:%MZ"), "format": _TIME_FORMAT}}})


def time_of(query: str) -> datetime | None:
    """The time for which `since` makes this query; `None` for any other query."""
    found = _SINCE.fullmatch(query)
    return datetime.fromisoformat(found[1]) if found else None


_SINCE = re.compile(
    rf'\{{"range":\{{"{TIMESTAMP}":\{{"format":"{_TIME_FORMAT}","gte":"(\d{{4}}-\d\d-\d\dT\d\d:\d\dZ)"\}}\}}\}}'
)


def canonical(query: object) -> str:
    """The query as canonical JSON, in which equal queries are equal texts. Raises `ValueError` if it is not allowed."""
    _check(query)
    text = both(_json(query), "")
    if len(text) > LONGEST_QUERY:
        raise ValueError(f"has more than {LONGEST_QUERY} characters as JSON")
    return text


def _json(query: object) -> str:
    return json.dumps(query, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _check(query: object) -> None:
    if not isinstance(query, Mapping) or len(query) != 1:
        raise ValueError("must be one query with one key, such as term: {level: error}. Several go under bool: filter")
    ((kind, body),) = query.items()
    if kind == "bool":
        _check_bool(body)
    elif kind == "exists":
        if not isinstance(body, Mapping) or set(body) != {"field"} or not _is_value(body["field"]):
            raise ValueError("exists must be written like exists: {field: user.id}")
    elif kind in KINDS:
        _check_field_query(kind, body)
    else:
        raise ValueError(_refusal(kind))


def _refusal(kind: object) -> str:
    if isinstance(kind, str) and kind in _WHY_NOT:
        return f"{kind} {_WHY_NOT[kind]}"
    near = get_close_matches(kind.lower(), KINDS, n=1) if isinstance(kind, str) and len(kind) <= 100 else []
    meant = f"did you mean {near[0]}?" if near else f"there is {', '.join(KINDS)}"
    return f"holds a kind of query that cannot limit documents here: {meant}"


def _check_bool(body: object) -> None:
    if not isinstance(body, Mapping) or not body or not set(body) <= {*_CLAUSES, "minimum_should_match"}:
        raise ValueError(f"bool must have {', '.join(_CLAUSES[:-1])} or {_CLAUSES[-1]} below it")
    if not any(body.get(each) for each in _CLAUSES):
        raise ValueError("bool must not be empty")
    if "minimum_should_match" in body and not _is_value(body["minimum_should_match"]):
        raise ValueError("minimum_should_match must be a number")
    for each in _CLAUSES:
        for query in _clauses(body, each):
            _check(query)


def _clauses(body: Mapping[str, Any], clause: str) -> list[Any]:
    found = body.get(clause, [])
    return list(found) if isinstance(found, list) else [found]


def _check_field_query(kind: str, body: object) -> None:
    if not isinstance(body, Mapping) or len(body) != 1:
        raise ValueError(f"{kind} must name one field, such as {_example(kind)}")
    ((field, value),) = body.items()
    if not isinstance(field, str) or not field:
        raise ValueError(f"{kind} must name one field, such as {_example(kind)}")
    if kind == "terms":
        fits = isinstance(value, list) and bool(value) and all(map(_is_value, value))
    elif kind == "range":
        keys = set(value) if isinstance(value, Mapping) else set()
        fits = (
            bool(keys & _BOUNDS) and keys <= _BOUNDS | {"format", "time_zone"} and all(map(_is_value, value.values()))
        )
    else:
        needed, keys_allowed = _OF_A_FIELD[kind]
        if isinstance(value, Mapping):
            fits = needed in value and set(value) <= keys_allowed and all(map(_is_value, value.values()))
        else:
            fits = _is_value(value)
    if not fits:
        raise ValueError(f"{kind} must be written like {_example(kind)}")
    values = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else [value]
    if any(isinstance(each, str) and _CURRENT_TIME.fullmatch(each) for each in values):
        raise ValueError("the current time (now) is refused by Elasticsearch in the query of a role: write a date")


def _example(kind: str) -> str:
    values = {"terms": "[error, fatal]", "range": "{gte: 400, lt: 500}", "prefix": "err", "wildcard": "err*"}
    return f"{kind}: {{level: {values.get(kind, 'error')}}}"


def _is_value(value: object) -> bool:
    return isinstance(value, _VALUE)


def parse(query: str) -> Mapping[str, Any] | None:
    """The query; `None` if it is not one of the allowed ones: others may have changed a role in the cluster."""
    try:
        found = json.loads(query)
        _check(found)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, Mapping) else None


def recognized(query: str) -> str:
    """The text of a query in canonical JSON, if it is one of the allowed ones; otherwise as it is."""
    found = parse(query)
    return query if found is None else both(_json(found), "")


def both(one: str, other: str) -> str:
    """The query for documents that match both."""
    parts = list(dict.fromkeys([*conditions(one), *conditions(other)]))
    if len(parts) < 2:
        return "".join(parts)
    return _json({"bool": {"filter": [json.loads(each) for each in parts]}})


def conditions(query: str) -> Iterator[str]:
    """The queries, in canonical JSON, that a document has to match each, so that it matches this one."""
    if not query:
        return
    parsed = parse(query) or {}
    body = parsed.get("bool")
    if isinstance(body, Mapping) and set(body) <= {"filter", "must"}:
        for each in (*_clauses(body, "filter"), *_clauses(body, "must")):
            yield from conditions(_json(each))
    else:
        yield _json(parsed) if parsed else query


def includes_documents(wide: str, narrow: str) -> bool:
    """Whether the narrow query names every condition of the wide one, so that it matches no other documents."""
    return set(conditions(wide)) <= set(conditions(narrow))
