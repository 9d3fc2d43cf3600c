"""What access does not give, though its patterns match it, and failure stores, which they do not name."""

from collections.abc import Mapping, Sequence
from typing import Any

from bot.access.models.limits import Limits
from bot.access.policy.limits.query import TIMESTAMP, conditions, time_of
from bot.access.policy.limits.words import cut, in_words
from bot.access.policy.names.selectors import is_failure_store, reads_failure_stores
from bot.access.requests.preview import Preview
from bot.slack.blocks.rich_text import Code, Line, LocalTime, TextPart, codes

_MOST_PATTERNS = 5
"""Patterns that a message shows."""

_MOST_FIELDS = 10
"""Fields that a message shows of each list."""

_MOST_CONDITIONS = 5
"""Conditions of a query that a message shows."""


def failure_stores(privileges: Mapping[str, Any] | None, seen: Preview | None) -> list[Line]:
    """Says that access is to failure stores alone, or to them as well. `seen`: what matches, if that is known."""
    if is_failure_store(privileges):
        return [("Only failure stores (", Code("::failures"), "): documents that could not be stored, not the data.")]
    has_some = seen is None or seen.grows or bool(seen.data_streams or seen.aliases)
    if not (has_some and reads_failure_stores(privileges)):
        return []
    return [("Failure stores of data streams (", Code("::failures"), ") too: documents that could not be stored.")]


def not_included(excluded: Sequence[str]) -> list[Line]:
    """The patterns whose names access leaves out."""
    if not excluded:
        return []
    rest = len(excluded) - _MOST_PATTERNS
    more = f" and {rest} more" if rest > 0 else ""
    return [("Not included: ", *codes(excluded[:_MOST_PATTERNS]), f"{more}.")]


def shown_part(privileges: Mapping[str, Any] | None) -> list[Line]:
    """The fields and documents that access with these privileges shows, if it does not show all."""
    limits = Limits.restored(privileges or {})
    return [("Only a part of the data: ", *limit_terms(limits), ".")] if limits else []


def limit_terms(limits: Limits) -> list[TextPart]:
    """The limits in words, as in “without the fields `ssn`; only `level: error`”."""
    said = [
        *([["only the ", *_fields(limits.grant)]] if limits.grant else []),
        *([["without the ", *_fields(limits.hidden)]] if limits.hidden else []),
        *([["only ", *_documents(limits.query)]] if limits.query else []),
    ]
    parts: list[TextPart] = []
    for place, each in enumerate(said):
        parts += ["; " if place else "", *each]
    return parts


def _fields(names: Sequence[str]) -> list[TextPart]:
    rest = len(names) - _MOST_FIELDS
    noun = "field " if len(names) == 1 else "fields "
    return [noun, *codes(names[:_MOST_FIELDS]), *([f" and {rest} more"] if rest > 0 else [])]


def _documents(query: str) -> list[TextPart]:
    found = list(conditions(query))
    parts: list[TextPart] = []
    for each in found[:_MOST_CONDITIONS]:
        parts += [" and ", *_condition(each)] if parts else _condition(each)
    rest = len(found) - _MOST_CONDITIONS
    return [*parts, *([f" and {rest} more conditions"] if rest > 0 else [])]


def _condition(query: str) -> list[TextPart]:
    at = time_of(query)
    if at is not None:
        return ["documents since ", LocalTime(at), " (by ", Code(TIMESTAMP), ")"]
    words = in_words(query)
    return [Code(words)] if words is not None else ["documents that match the query ", Code(cut(query))]
