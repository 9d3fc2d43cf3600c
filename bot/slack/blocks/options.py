"""Options of the search for patterns, within Slack's limits, and the patterns of their values."""

import hashlib
from collections.abc import Iterable

from slack_sdk.models.blocks import Option

from bot.access.lookup.suggestions import Suggestion
from bot.slack.blocks.rich_text import middle_cut, shortened

MOST_OPTIONS = 100
"""Options in one answer or one select (https://docs.slack.dev/reference/block-kit/block-elements)."""

LONGEST_TEXT = 75
"""Characters of an option's text, and of its description (https://docs.slack.dev/reference/block-kit)."""

LONGEST_VALUE = 150
"""Characters of an option's value. An index name may have 255 bytes."""

_HASHED = "#"
"""Marks the value of a name that is too long for a value. No pattern starts with it."""


def option_of(pattern: str, description: str | None = None) -> Option:
    """The option of one pattern. A text that is too long is cut in the middle."""
    return Option(
        text=middle_cut(pattern, LONGEST_TEXT),
        value=value_of(pattern),
        description=shortened(description, LONGEST_TEXT) if description else None,
    )


def options_of(found: Iterable[Suggestion]) -> list[Option]:
    """The options of several suggestions."""
    return [option_of(each.pattern, _description(each)) for each in found]


def value_of(pattern: str) -> str:
    """The pattern itself, or its hash if it is too long."""
    if len(pattern) <= LONGEST_VALUE:
        return pattern
    return _HASHED + hashlib.sha256(pattern.encode()).hexdigest()


def pattern_of(value: str, names: Iterable[str]) -> str | None:
    """The pattern of a value. A hash is looked up among `names`; `None` if none of them matches."""
    if not value.startswith(_HASHED):
        return value
    return next((name for name in names if len(name) > LONGEST_VALUE and value_of(name) == value), None)


def _description(found: Suggestion) -> str:
    if found.kind in {"wildcard", "typed"}:
        now = "nothing yet" if not found.matches else f"{found.matches} now"
        return f"Matches {now}" + (", and what comes later" if "*" in found.pattern else "")
    owners = f"owner {', '.join(found.owners)}" if found.owners else "no owner"
    return f"{found.kind}, {owners}"
