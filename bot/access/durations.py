"""Durations as people type them: `30m`, `1h`, `2h30m`, `1d`."""

import re
from datetime import timedelta

from bot.access.errors import InvalidRequest

SHORTEST = timedelta(minutes=1)
"""A shorter credential would expire before anyone had copied it."""

LONGEST = timedelta(days=3650)
"""Ten years: a longer duration is a typo, and a much longer one is not a valid date."""

COMMAND = "/es-access logs-*"
"""The beginning of an example, before the duration."""

# Digits are bounded so that no input exceeds the range of a timedelta.
_SHAPE = re.compile(r"(?:(\d{1,7})d)?(?:(\d{1,7})h)?(?:(\d{1,7})m)?(?:(\d{1,9})s)?", re.IGNORECASE | re.ASCII)


def looks_like_duration(text: str) -> bool:
    """Whether the text has the shape of a duration, valid or not."""
    return bool(text) and _SHAPE.fullmatch(text) is not None


def parse_duration(text: str, longest: timedelta = LONGEST, command: str = COMMAND) -> timedelta:
    """Parses a typed duration. Raises `InvalidRequest` if it is not one, is too short, or exceeds `longest`.

    The example in the error is `command` with a good duration.
    """
    found = _SHAPE.fullmatch(text)
    example = f"{command} 1h"
    if not text or found is None:
        raise InvalidRequest(
            f"“{text[:40]}” is not a duration. Write days, hours and minutes like 1d, 1h, 30m or 2h30m.",
            example,
        )
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    duration = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    if duration < SHORTEST:
        raise InvalidRequest(f"“{text}” is too short: the shortest access is {format_duration(SHORTEST)}.", example)
    if duration > longest:
        raise InvalidRequest(
            f"“{text}” is too long: the longest access is {format_duration(longest)}.",
            f"{command} {format_duration(min(longest, timedelta(hours=1)))}",
        )
    return duration


def format_duration(duration: timedelta) -> str:
    """Formats a duration as a person would type it, such as `2h30m`; `parse_duration` reads it back."""
    rest = int(duration.total_seconds())
    parts = []
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0m"
