"""The end of an access as a time of the day: `until 17:00`, in the time zone of the person who types it."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

from bot.access.durations import SHORTEST, format_duration
from bot.access.errors import InvalidRequest

LocalNow = Callable[[], datetime]
"""The present time, in the time zone of the person who types. May raise `Outage`."""

UNTIL = frozenset({"until", "till", "til", "'til", "’til", "til:", "until:", "till:"})  # noqa: RUF001

_EXAMPLE = "until 17:00"
_TOMORROW = "until tomorrow 09:00"

_TIME = re.compile(
    r"(?:(?P<hour>\d{1,2})(?:[:.h](?P<minute>\d{2}))?\s?(?P<half>am|pm|a\.m\.?|p\.m\.?)?h?|(?P<named>noon|midnight))"
    r"[,.;!]?(?= |$)"
)
_DAY = re.compile(r"(?P<day>today|tomorrow|tonight)[,.;!]?(?: at)?(?: |$)")
_ZONE = re.compile(r"(?P<zone>utc|gmt|[a-z]+/[a-z_/+-]+)[,.;!]?(?= |$)")
_ABBREVIATION = re.compile(r"(?:c|e|m|p|a|j|k|i|b|w|ak|h|ae|ac|aw|nz|sg|hk|ms)(?:s|d|e|u)?(?:s)?t(?= |$)")

_NO_LEADING_ZERO = 10
_NOON = 12
_HOURS = 24
_MINUTES = 60


@dataclass(frozen=True)
class EndTime:
    """A duration up to that time, how many words it takes, and a sentence about how it was read."""

    duration: str
    words: int
    note: str


def read_end_time(words: Sequence[str], local_now: LocalNow, command: str) -> EndTime | None:
    """The end with which these words begin; `None` if they begin with no “until”.

    Raises `InvalidRequest` for a time that may mean several, and what `local_now` raises. The example in the error
    begins with `command`.
    """
    if not words or words[0].lower() not in UNTIL:
        return None
    text = " ".join(words[1:6]).lower()
    day, place = _day(text, 0)
    clock, place = _time(text, place, f"{command} {_TOMORROW if day == 'tomorrow' else _EXAMPLE}", command)
    if day is None:
        day, place = _day(text, place)
    if clock == time.min and day in {"today", "tonight"}:
        day = None  # the midnight at the end of today
    zone, place = _zone(text, place, f"{command} {_EXAMPLE}")
    now = local_now()
    end = _end(now.astimezone(zone) if zone else now, clock, day, f"{command} 1h")
    left = end.astimezone(UTC) - now.astimezone(UTC)
    length = format_duration(timedelta(minutes=left // timedelta(minutes=1)))
    when = "today" if end.date() == now.astimezone(end.tzinfo).date() else "tomorrow"
    note = (
        f"{end:%H:%M} {when} ({_name(end.tzinfo)}) is {length} from now. "
        "The time counts from the approval, so a later approval means a later end."
    )
    return EndTime(length, 1 + len(text[:place].split()), note)


def _day(text: str, place: int) -> tuple[str | None, int]:
    found = _DAY.match(text, _skipped(text, place))
    return (found["day"], found.end()) if found else (None, place)


def _skipped(text: str, place: int) -> int:
    return place + (text[place : place + 1] == " ")


def _time(text: str, place: int, example: str, command: str) -> tuple[time, int]:
    found = _TIME.match(text, place)
    if found is None:
        raise InvalidRequest(
            "“until” needs a time, of today or tomorrow. For a later end, write how long, such as 3d.", example
        )
    if found["named"]:
        return time(_NOON if found["named"] == "noon" else 0), found.end()
    hour, minute, half = int(found["hour"]), int(found["minute"] or 0), (found["half"] or "")[:1]
    if hour >= _HOURS or minute >= _MINUTES or (half and not 0 < hour <= _NOON):
        raise InvalidRequest(f"“{found.group()}” is not a time of the day.", example)
    unclear = hour < _NO_LEADING_ZERO and not found["hour"].startswith("0")
    if not half and (unclear or (found["minute"] is None and hour <= _NOON)):
        raise InvalidRequest(
            f"Is “{found.group()}” in the morning or the afternoon? "
            f"Write {hour % _NOON:02}:{minute:02} or {hour % _NOON + _NOON}:{minute:02}.",
            f"{command} until {hour % _NOON + _NOON}:{minute:02}",
        )
    return time(hour % _NOON + (_NOON if half == "p" else 0) if half else hour, minute), found.end()


def _zone(text: str, place: int, example: str) -> tuple[tzinfo | None, int]:
    start = _skipped(text, place)
    found = _ZONE.match(text, start)
    if found:
        return (UTC if found["zone"] in {"utc", "gmt"} else _known_zone(found["zone"], example)), found.end()
    if _ABBREVIATION.match(text, start):
        raise InvalidRequest("I read times in your Slack time zone, in UTC, or in a zone like Europe/Paris.", example)
    return None, place


def _known_zone(name: str, example: str) -> tzinfo:
    proper = "/".join("_".join(part.capitalize() for part in each.split("_")) for each in name.split("/"))
    try:
        return ZoneInfo(proper)
    except (KeyError, ValueError, OSError):
        raise InvalidRequest(f"“{name}” is no time zone: write it like Europe/Paris.", example) from None


def _end(now: datetime, clock: time, day: str | None, example: str) -> datetime:
    """The next moment at that time, or the one of the named day."""
    end = now.replace(hour=clock.hour, minute=clock.minute, second=0, microsecond=0)
    is_over = end.astimezone(UTC) - now.astimezone(UTC) < SHORTEST
    if day in {"today", "tonight"} and is_over:
        raise InvalidRequest(f"It is after {clock:%H:%M} today, where you are.", example)
    return end + timedelta(days=1) if day == "tomorrow" or (day is None and is_over) else end


def _name(zone: tzinfo | None) -> str:
    return getattr(zone, "key", None) or str(zone)
