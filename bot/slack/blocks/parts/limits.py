"""What access does not give, though its patterns match it."""

from collections.abc import Mapping, Sequence
from typing import Any

from bot.access.policy.names.selectors import is_failure_store
from bot.slack.blocks.rich_text import Code, Line, codes

_MOST_PATTERNS = 5
"""Patterns that a message shows."""


def failure_store(privileges: Mapping[str, Any] | None) -> list[Line]:
    """Says that access is to failure stores alone."""
    if not is_failure_store(privileges):
        return []
    return [("Only failure stores (", Code("::failures"), "): documents that could not be stored, not the data.")]


def not_included(excluded: Sequence[str]) -> list[Line]:
    """The patterns whose names access leaves out."""
    if not excluded:
        return []
    rest = len(excluded) - _MOST_PATTERNS
    more = f" and {rest} more" if rest > 0 else ""
    return [("Not included: ", *codes(excluded[:_MOST_PATTERNS]), f"{more}.")]
