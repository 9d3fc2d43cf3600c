"""Durations as people type them: `30m`, `1h`, `2h30m`, `1d`."""

import re
from datetime import timedelta

from bot.access.errors import InvalidRequest

SHORTEST = timedelta(minutes=1)
"""Below this a credential would end before it was copied."""

LONGEST = timedelta(days=3650)
"""Ten years: more is a slip of the key, and far more is not a date."""

EXAMPLE = "/es-access logs-* 1h"

# Digits are bounded, so that no input can make a number that a timedelta cannot hold.
_SHAPE = re.compile(r"(?:(\d{1,7})d)?(?:(\d{1,7})h)?(?:(\d{1,7})m)?(?:(\d{1,9})s)?", re.IGNORECASE | re.ASCII)


def looks_like_duration(text: str) -> bool:
    """Whether the text is of the shape of a duration, be it a valid one or not."""
    return bool(text) and _SHAPE.fullmatch(text) is not None


def parse_duration(text: str, longest: timedelta = LONGEST) -> timedelta:
    """The duration that was typed. Raises `InvalidRequest` when it is no duration, too short or above `longest`."""
    found = _SHAPE.fullmatch(text)
    if not text or found is None:
        raise InvalidRequest(
            f"“{text[:40]}” is not a duration. Write days, hours and minutes like 1d, 1h, 30m or 2h30m.", EXAMPLE
        )
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    duration = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    if duration < SHORTEST:
        raise InvalidRequest(f"“{text}” is too short: the shortest access is {format_duration(SHORTEST)}.", EXAMPLE)
    if duration > longest:
        raise InvalidRequest(
            f"“{text}” is too long: the longest access is {format_duration(longest)}.",
            f"/es-access logs-* {format_duration(min(longest, timedelta(hours=1)))}",
        )
    return duration


def format_duration(duration: timedelta) -> str:
    """As it would be typed: `2h30m`. What `parse_duration` reads back."""
    rest = int(duration.total_seconds())
    parts = []
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0m"
