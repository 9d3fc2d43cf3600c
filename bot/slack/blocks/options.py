"""Options of the search for patterns, within Slack's limits, and what they stand for."""

import hashlib
from collections.abc import Iterable

from slack_sdk.models.blocks import Option

from bot.access.lookup.suggestions import Suggestion
from bot.slack.blocks.rich_text import middle_cut, shortened

MOST_OPTIONS = 100
"""In one answer, and in one select (https://docs.slack.dev/reference/block-kit/block-elements)."""

LONGEST_TEXT = 75
"""Characters of an option's text, and of its description (https://docs.slack.dev/reference/block-kit)."""

LONGEST_VALUE = 150
"""Characters of an option's value. An index name may have 255 bytes."""

_HASHED = "#"
"""Stands before the value of a name that is too long to be one: no pattern has it."""


def option_of(pattern: str, description: str | None = None) -> Option:
    """The option of one pattern. Its text is cut in the middle, where it is too long to be shown."""
    return Option(
        text=middle_cut(pattern, LONGEST_TEXT),
        value=value_of(pattern),
        description=shortened(description, LONGEST_TEXT) if description else None,
    )


def options_of(found: Iterable[Suggestion]) -> list[Option]:
    """Those of several suggestions."""
    return [option_of(each.pattern, _description(each)) for each in found]


def value_of(pattern: str) -> str:
    """The pattern itself, or what it is recognized by."""
    if len(pattern) <= LONGEST_VALUE:
        return pattern
    return _HASHED + hashlib.sha256(pattern.encode()).hexdigest()


def pattern_of(value: str, names: Iterable[str]) -> str | None:
    """What a value stands for, among these names where it is too long to be said; `None` when it is not there."""
    if not value.startswith(_HASHED):
        return value
    return next((name for name in names if len(name) > LONGEST_VALUE and value_of(name) == value), None)


def _description(found: Suggestion) -> str:
    if found.kind in {"wildcard", "typed"}:
        now = "nothing yet" if not found.matches else f"{found.matches} now"
        return f"Matches {now}" + (", and what comes later" if "*" in found.pattern else "")
    owners = f"owner {', '.join(found.owners)}" if found.owners else "no owner"
    return f"{found.kind}, {owners}"
