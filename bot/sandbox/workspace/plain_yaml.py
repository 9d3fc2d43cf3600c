"""The part of YAML a Slack manifest is written in: nested mappings, lists, scalars, whole-line comments.

Anything else (anchors, block scalars, flow style, tabs) is refused, so that nothing is misread in silence.
"""

from dataclasses import dataclass
from typing import Any

WORDS: dict[str, Any] = {"true": True, "false": False, "null": None, "~": None}


class YamlError(ValueError):
    """The text is outside the part of YAML read here; the message names the line."""


@dataclass(frozen=True)
class Line:
    number: int
    indent: int
    text: str


def read_mapping(text: str) -> dict[str, Any]:
    """Read a document whose top level is a mapping; YamlError names the line that cannot be read."""
    lines = [line for number, raw in enumerate(text.splitlines(), 1) if (line := _line(number, raw))]
    value, rest = _block(lines, 0)
    if rest:
        raise YamlError(f"line {rest[0].number}: unexpected indentation")
    if not isinstance(value, dict):
        raise YamlError("the document must be a mapping")
    return value


def _line(number: int, raw: str) -> Line | None:
    text = raw.strip()
    if not text or text.startswith("#"):
        return None
    if "\t" in raw or " #" in raw:
        raise YamlError(f"line {number}: tabs and comments after a value are not read here")
    return Line(number, len(raw) - len(raw.lstrip(" ")), text)


def _block(lines: list[Line], indent: int) -> tuple[Any, list[Line]]:
    if not lines or lines[0].indent < indent:
        return None, lines
    indent = lines[0].indent
    return _list(lines, indent) if lines[0].text.startswith("- ") else _mapping(lines, indent)


def _list(lines: list[Line], indent: int) -> tuple[list[Any], list[Line]]:
    items: list[Any] = []
    while lines and lines[0].indent == indent and lines[0].text.startswith("- "):
        head, inner = lines[0], lines[0].text[2:].strip()
        if _key(inner) is None:
            items.append(_scalar(inner, head.number))
            lines = lines[1:]
            continue
        # "- key: value" opens a mapping two columns further in.
        item, lines = _mapping([Line(head.number, indent + 2, inner), *lines[1:]], indent + 2)
        items.append(item)
    return items, lines


def _mapping(lines: list[Line], indent: int) -> tuple[dict[str, Any], list[Line]]:
    found: dict[str, Any] = {}
    while lines and lines[0].indent == indent:
        line, parts = lines[0], _key(lines[0].text)
        if parts is None or parts[0] in found:
            raise YamlError(f"line {line.number}: expected a new key")
        key, rest = parts
        if rest:
            found[key], lines = _scalar(rest, line.number), lines[1:]
        else:
            found[key], lines = _block(lines[1:], indent + 1)
    return found, lines


def _key(text: str) -> tuple[str, str] | None:
    if text[0] in "\"'":
        return None
    head, colon, rest = text.partition(":")
    # "chat:write" is a scalar: a key's colon is followed by a space or by nothing.
    if not colon or (rest and not rest.startswith(" ")):
        return None
    return head.strip(), rest.strip()


def _scalar(text: str, number: int) -> Any:
    if text[0] in "\"'":
        if len(text) < 2 or text[-1] != text[0] or text[0] in text[1:-1] or "\\" in text:
            raise YamlError(f"line {number}: this quoting is not read here")
        return text[1:-1]
    if text[0] in "&*!|>{[%@`":
        raise YamlError(f"line {number}: {text[0]} is not read here")
    if text.lower() in WORDS:
        return WORDS[text.lower()]
    return int(text) if text.isdigit() else text
