"""Durations as people type them: `30m`, `2h30m`, `1 hour`, `90 minutes`, `half an hour`."""

import re
import unicodedata
from collections.abc import Sequence
from datetime import timedelta
from fractions import Fraction

from bot.access.errors import InvalidRequest

SHORTEST = timedelta(minutes=1)
"""A shorter credential would expire before anyone had copied it."""

LONGEST = timedelta(days=3650)
"""Ten years: a longer duration is a typo, and a much longer one is not a valid date."""

COMMAND = "/es-access logs-*"
"""The beginning of an example, before the duration."""

MOST_WORDS = 8
"""Words of the longest duration that is read: `2 days , 3 hours and 30 minutes`."""

_SHOWN = 40
"""Characters of the typed text that an error repeats."""

_UNITS = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))

_SIZES = {
    **dict.fromkeys(("w", "wk", "wks", "week", "weeks"), 7 * 86_400),
    **dict.fromkeys(("d", "day", "days"), 86_400),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3_600),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1),
}
"""A unit → its seconds."""

_NUMBERS = {
    "a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "twelve": 12, "fifteen": 15, "twenty": 20, "thirty": 30, "forty-five": 45, "sixty": 60, "ninety": 90,
}  # fmt: skip

_UNIT = "|".join(sorted(_SIZES, key=len, reverse=True))
_UNIT_WORD = "|".join(sorted((each for each in _SIZES if len(each) > 1), key=len, reverse=True))
_NUMBER_WORD = "|".join(_NUMBERS)

# Digits are bounded so that the answer to a very long number is quick.
_COUNTED = re.compile(rf"(?P<count>\d{{1,30}}(?:[.,]\d{{1,9}})?) ?(?P<unit>{_UNIT})(?![a-z])")
_SPELLED = re.compile(
    rf"(?P<count>\d{{1,9}}|{_NUMBER_WORD})(?P<half> and a half)? (?P<unit>{_UNIT_WORD})(?P<later> and a half)?(?![a-z])"
)
_FRACTION = re.compile(rf"(?P<part>half|quarter of|quarter) (?:an? )?(?P<unit>{_UNIT_WORD})(?![a-z])")
_MINUTES = re.compile(r"\d{1,2}(?![\da-z])")
"""The minutes after an hour, as in 1h30."""

_BETWEEN = re.compile(r" ?(?:,|and )? ?")
_END = re.compile(r"[,.;:!?]?(?= |$)")

_STRICT = re.compile(r"(?:\d{1,7}d)?(?:\d{1,7}h)?(?:\d{1,7}m)?(?:\d{1,9}s)?", re.IGNORECASE | re.ASCII)


_CAPITAL = re.compile(r"(?P<count>\d+(?:[.,]\d+)?) ?M[,.;:!?]?(?= |$)")
"""`1M` may be a minute or a month. Behind hours or days it is minutes."""


def is_plain_duration(text: str) -> bool:
    """Whether the text is written like `2h30m`, the form in which durations are shown."""
    return bool(text) and _STRICT.fullmatch(text) is not None


def read_duration_words(words: Sequence[str]) -> tuple[str, int] | None:
    """The duration with which these words begin, as `parse_duration` reads it, and how many words it takes.

    `None` if they begin with no duration.
    """
    text = " ".join(_plain(word) for word in words[:MOST_WORDS])
    unclear = _CAPITAL.match(" ".join(words[:MOST_WORDS]))
    if unclear:
        return f"{unclear['count']}M", unclear.group().count(" ") + 1  # which `parse_duration` refuses
    found = _longest_phrase(text)
    if found is None:
        return None
    seconds, end = found
    count = text[:end].count(" ") + 1
    first = words[0].rstrip(",.;:!?")
    return (first if count == 1 and is_plain_duration(first) else _formatted(seconds)), count


def parse_duration(text: str, longest: timedelta = LONGEST, command: str = COMMAND) -> timedelta:
    """Parses a typed duration. Raises `InvalidRequest` if it is not one, is too short, or exceeds `longest`.

    The example in the error is `command` with a good duration.
    """
    words = text.split()
    found = read_duration_words(words)
    example = f"{command} {format_duration(min(longest, timedelta(hours=1)))}"
    if found is None or found[1] != len(words):
        raise InvalidRequest(_not_a_duration(" ".join(words)), example)
    if _CAPITAL.match(found[0]):
        count = found[0][:-1]
        raise InvalidRequest(
            f"“{found[0][:_SHOWN]}” may mean minutes or months. Write {count[:_SHOWN]}m for minutes, or days like 30d.",
            example,
        )
    seconds = _seconds(" ".join(map(_plain, words)))
    shown = " ".join(words)[:_SHOWN]
    if seconds < SHORTEST.total_seconds():
        raise InvalidRequest(f"“{shown}” is too short: the shortest access is {format_duration(SHORTEST)}.", example)
    if seconds > longest.total_seconds():
        raise InvalidRequest(f"“{shown}” is too long: the longest access is {format_duration(longest)}.", example)
    return timedelta(seconds=seconds)


def format_duration(duration: timedelta) -> str:
    """Formats a duration as a person would type it, such as `2h30m`; `parse_duration` reads it back."""
    return _formatted(int(duration.total_seconds()))


def _formatted(seconds: int) -> str:
    parts = []
    for unit, size in _UNITS:
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0m"


def _not_a_duration(text: str) -> str:
    shown = text[:_SHOWN]
    if text.isascii() and text.isdigit():
        return f"“{shown}” is not a duration: it has no unit. Write minutes like 30m, hours like 1h, days like 1d."
    return f"“{shown}” is not a duration. Write days, hours and minutes like 1d, 1h, 30m or 2h30m."


def _plain(word: str) -> str:
    """The word in lower case, with ASCII digits: phones and keyboards of other languages write other ones."""
    whole = unicodedata.normalize("NFKC", word.replace("½", ".5"))
    text = "".join(str(unicodedata.decimal(each, each)) for each in whole if not each.isspace()).lower()
    return f"0{text}" if text.startswith(".") else text


def _seconds(text: str) -> int:
    found = _longest_phrase(text)
    return found[0] if found else 0


def _longest_phrase(text: str) -> tuple[int, int] | None:
    """The seconds of the longest duration at the beginning of the text, and where it ends."""
    best: tuple[int, int] | None = None
    total, place, smaller_than = Fraction(0), 0, max(_SIZES.values()) + 1
    while (part := _part(text, place)) is not None and part[1] < smaller_than:
        seconds, smaller_than, place = part
        total += seconds
        minutes = _MINUTES.match(text, place) if smaller_than == _SIZES["h"] else None
        if minutes:
            total, place = total + 60 * int(minutes.group()), minutes.end()
        if end := _END.match(text, place):
            best = int(total), end.end()
        if minutes:
            break
        between = _BETWEEN.match(text, place)
        place = between.end() if between else place
    return best


def _part(text: str, place: int) -> tuple[Fraction, int, int] | None:
    """The seconds of a number with a unit, the seconds of the unit, and the end."""
    if found := _SPELLED.match(text, place):
        size = _SIZES[found["unit"]]
        count = Fraction(_NUMBERS.get(found["count"]) or int(found["count"]))
        half = Fraction(1, 2) if found["half"] or found["later"] else Fraction(0)
        return (count + half) * size, size, found.end()
    if found := _COUNTED.match(text, place):
        size = _SIZES[found["unit"]]
        return Fraction(found["count"].replace(",", ".")) * size, size, found.end()
    if found := _FRACTION.match(text, place):
        size = _SIZES[found["unit"]]
        return Fraction(1, 2 if found["part"] == "half" else 4) * size, size, found.end()
    return None
