"""Lines of text for Slack, as data: rich text blocks, and the plain fallback of the same words.

Slack does not parse rich text, so typed text is shown as typed: `<!channel>` or `*bold*` in a reason has no effect.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from slack_sdk.models.blocks import RichTextBlock, RichTextElementParts, RichTextPreformattedElement
from slack_sdk.models.blocks import RichTextSectionElement as Section

MENTION = re.compile(r"<@([UW][A-Z0-9]+)>")
_PARTS = RichTextElementParts


@dataclass(frozen=True)
class Bold:
    """Emphasis."""

    text: str


@dataclass(frozen=True)
class Code:
    """A name or a value, shown exactly."""

    text: str


@dataclass(frozen=True)
class Person:
    """A person, by Slack user id."""

    user: str


@dataclass(frozen=True)
class LocalTime:
    """A time, shown in the reader's own time zone."""

    at: datetime


@dataclass(frozen=True)
class Link:
    """Words that lead to an address."""

    text: str
    url: str


@dataclass(frozen=True)
class Pre:
    """A line to copy, in a box of its own."""

    text: str


TextPart = str | Bold | Code | Link | Person | LocalTime
Line = tuple[TextPart, ...] | Pre


def codes(names: Iterable[str]) -> list[TextPart]:
    """Several names, separated by commas."""
    parts: list[TextPart] = []
    for name in names:
        parts += [", ", Code(name)] if parts else [Code(name)]
    return parts


def middle_cut(name: str, most: int) -> str:
    """A name in at most `most` characters, cut in the middle: names usually differ at their ends."""
    if len(name) <= most:
        return name
    tail = most // 2
    return f"{name[: most - tail - 1]}…{name[-tail:]}"


def sentence(text: str) -> tuple[TextPart, ...]:
    """The parts of a message of the domain, which writes people as `<@U…>`."""
    pieces = MENTION.split(text)
    return tuple(Person(piece) if index % 2 else piece for index, piece in enumerate(pieces) if piece)


def shortened(text: str, most: int) -> str:
    """A text of at most `most` characters, cut at a word, with an ellipsis if it was cut."""
    if len(text) <= most:
        return text
    kept = text[: most - 1]
    at_a_word = kept.rsplit(maxsplit=1)[0] if not text[most - 1].isspace() and len(kept.split()) > 1 else kept
    return f"{at_a_word.rstrip()}…"


def within(lines: Sequence[Line], most: int) -> list[Line]:
    """Lines of at most `most` characters in all. The last one is shortened; a box is kept whole or left out."""
    kept: list[Line] = []
    left = most
    for line in lines:
        size = _size(line)
        if size <= left:
            kept.append(line)
            left -= size
            continue
        if not isinstance(line, Pre) and left > _ROOM_FOR_A_WORD:
            kept.append(_shortened_line(line, left))
        break
    return kept


_ROOM_FOR_A_WORD = 20
"""Characters: a line with less room than this is left out."""

_SIZE_OF_A_NAME = 90
"""Characters that a person or a time may take as plain text."""


def _size(line: Line) -> int:
    if isinstance(line, Pre):
        return len(escape(line.text)) + 1
    return 1 + sum(map(_part_size, line))


def _part_size(part: TextPart) -> int:
    return _SIZE_OF_A_NAME if isinstance(part, Person | LocalTime) else len(escape(_text_of(part)))


def _text_of(part: str | Bold | Code | Link) -> str:
    return part if isinstance(part, str) else part.text


def _cut(text: str, most: int) -> str:
    """A text of at most `most` characters after escaping, which may make it five times as long."""
    size = most
    while (over := len(escape(shortened(text, size))) - most) > 0:
        size -= max(1, over // 5)
        if size < 1:
            return ""
    return shortened(text, size)


def _shortened_line(line: tuple[TextPart, ...], most: int) -> Line:
    kept: list[TextPart] = []
    left = most - 1
    for part in line:
        size = _part_size(part)
        if size <= left:
            kept.append(part)
            left -= size
            continue
        if not isinstance(part, Link | Person | LocalTime) and left > 1:
            cut = _cut(_text_of(part), left)
            kept.append(cut if isinstance(part, str) else type(part)(cut))
        break
    return tuple(kept)


def block(lines: Sequence[Line]) -> RichTextBlock:
    """One rich text block of these lines."""
    elements: list[Any] = []
    for index, line in enumerate(lines):
        if isinstance(line, Pre):
            if line.text:
                elements.append(RichTextPreformattedElement(elements=[_PARTS.Text(text=line.text)], border=0))
            continue
        last = index + 1 == len(lines) or isinstance(lines[index + 1], Pre)
        parts: tuple[TextPart, ...] = line if last else (*line, "\n")
        elements.append(Section(elements=[_element(part) for part in parts if _says_something(part)]))
    return RichTextBlock(elements=elements)


def _says_something(part: TextPart) -> bool:
    """Whether the part is not empty: Slack refuses a message with an empty text element."""
    return isinstance(part, Person | LocalTime) or bool(_text_of(part))


def fallback(lines: Sequence[Line]) -> str:
    """The same lines for notifications and screen readers, escaped."""
    return "\n".join(
        escape(line.text) if isinstance(line, Pre) else "".join(_plain(part) for part in line) for line in lines
    )


def escape(text: str) -> str:
    """Makes text inert where Slack would read markup (Slack, "Escaping text")."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _element(part: TextPart) -> Any:
    if isinstance(part, Bold):
        return _PARTS.Text(text=part.text, style=_PARTS.TextStyle(bold=True))
    if isinstance(part, Code):
        return _PARTS.Text(text=part.text, style=_PARTS.TextStyle(code=True))
    if isinstance(part, Link):
        return _PARTS.Link(url=part.url, text=part.text)
    if isinstance(part, Person):
        return _PARTS.User(user_id=part.user)
    if isinstance(part, LocalTime):
        return _PARTS.Date(
            timestamp=int(part.at.timestamp()), format="{date_short_pretty} at {time}", fallback=_utc(part.at)
        )
    return _PARTS.Text(text=part)


def _plain(part: TextPart) -> str:
    if isinstance(part, Person):
        return f"<@{part.user}>"
    if isinstance(part, LocalTime):
        return f"<!date^{int(part.at.timestamp())}^{{date_short_pretty}} at {{time}}|{_utc(part.at)}>"
    return escape(part if isinstance(part, str) else part.text)


def _utc(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M UTC")
