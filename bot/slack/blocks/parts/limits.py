"""What access does not give, though its patterns match it, and failure stores, which they do not name."""

from collections.abc import Mapping, Sequence
from typing import Any

from bot.access.policy.names.selectors import is_failure_store, reads_failure_stores
from bot.access.requests.preview import Preview
from bot.slack.blocks.rich_text import Code, Line, codes

_MOST_PATTERNS = 5
"""Patterns that a message shows."""


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
