"""The words of a typed command, without what Slack, phones and pasting add to them."""

import re
import unicodedata
from collections.abc import Sequence
from html import unescape

from bot.access.errors import InvalidRequest

MOST_SHOWN = 60
"""Characters of the typed text that an answer repeats."""

COMMAND = "/es-access"

DASHES = "-\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\uff0d"
"""Every character that looks like a dash. Phones and Macs make one long dash of two."""

_LINK = re.compile(r"<(?P<scheme>https?://|mailto:)(?P<address>[^\s|<>]+)(?:\|(?P<label>[^<>|]*))?>")
"""A link as Slack writes it, such as `<http://logs.x.com|logs.x.com>`."""

_CODE = re.compile(r"\s*(`{1,3})(?P<inside>[^`]*)\1\s*")
_MARKS = frozenset({">", "•", "◦", "▪", "·", "$", "%", *DASHES})
"""Words before a pasted command: quotation, list and prompt marks."""

_QUOTES = "\"'`´“”„‟«»‘’‚‹›"  # noqa: RUF001
_AROUND = f"{_QUOTES}()[]{{}}"
"""Characters around a word that belong to no name, id or duration."""

_LOOKALIKES = {
    **dict.fromkeys(map(ord, "\u2010\u2011\u2212\ufe58\uff0d"), "-"),
    **dict.fromkeys(map(ord, "\uff0a\u2217\u204e\u2731\ufe61"), "*"),
    ord("\uff0c"): ",", ord("\u3001"): ",", ord("\uff1b"): ";",
}  # fmt: skip
"""Characters that phones, editors and keyboards of other languages write in place of those of a pattern."""

_TOKEN = re.compile(r"<(?P<mark>[@#!])[^<>]*>|(?P<link>(?:<?https?://|<?mailto:).*)", re.IGNORECASE)
_KINDS = {"@": "a person", "#": "a channel", "!": "a mention", None: "a link"}


def typed_words(text: str) -> list[str]:
    """The words of a command as the person meant to type them, without a pasted `/es-access` before them."""
    whole = _CODE.fullmatch(unescape(text))
    words = _LINK.sub(_without_link, whole["inside"] if whole else unescape(text)).split()
    while words and (_is_command(words) or words[0] in _MARKS) and len(words) > (words[0] in _MARKS):
        words = words[1:]
    return words


def _is_command(words: Sequence[str]) -> bool:
    return bare(words[0]).lower().rstrip(":") in {COMMAND, COMMAND[1:]} and (words[0] != COMMAND[1:] or len(words) > 1)


def _without_link(found: re.Match[str]) -> str:
    """The text that Slack made a link of, or the link itself if somebody gave it another text."""
    address, label = found["address"], found["label"]
    if label is None:
        return address if found["scheme"] == "mailto:" else found["scheme"] + address
    same = {address, address.rstrip("/"), found["scheme"] + address, found["scheme"] + address.rstrip("/")}
    return label if label in same else found.group()


def bare(word: str) -> str:
    """The word without quotation marks, backticks, brackets and invisible characters around it or in it."""
    seen = "".join(each for each in word.translate(_LOOKALIKES) if unicodedata.category(each) != "Cf")
    return seen.strip(_AROUND)


def bare_id(word: str) -> str:
    """The word without anything around it that is no part of an id, such as the dot at the end of a sentence."""
    return bare(bare(word).strip("#<>.,;:!?"))


def shown(text: str) -> str:
    """The beginning of a typed text, for an answer."""
    return text[:MOST_SHOWN]


def example(words: str, otherwise: str = "logs-*,metrics-* 1h") -> str:
    """A command with these words if they are short enough to show, or else with the others."""
    return f"{COMMAND} {words if len(words) <= MOST_SHOWN else otherwise}"


_EMOJI = re.compile(r":[\w+'-]+:")
_LABELLED = re.compile(
    r"(?:index|indices|pattern|patterns|duration|time|permission|role|reason|cluster|key)[:=]", re.IGNORECASE
)
_BRACES = re.compile(r"(?P<before>[^{}]+)\{(?P<each>[^{}]+,[^{}]+)\}(?P<after>[^{}]*)|\{[^{}]+,[^{}]+\}[^{}]+")


def check_is_name(word: str) -> None:
    """Raises `InvalidRequest` for anything that stands where an index should and is no name or pattern."""
    bare_word = bare(word)
    if _EMOJI.fullmatch(bare_word):
        raise InvalidRequest(f"“{shown(word)}” is an emoji, not the name of an index.", f"{COMMAND} logs-* 1h")
    check_no_label(bare_word)
    braces = _BRACES.fullmatch(word.strip(f"{_QUOTES},;"))
    if braces:
        parts = (braces["each"] or "").split(",")
        names = ",".join(f"{braces['before']}{part}{braces['after']}" for part in parts) if braces["each"] else "logs-*"
        raise InvalidRequest("Braces are not read: write each name, separated by commas.", example(f"{names} 1h"))
    found = _TOKEN.match(bare_word)
    if found:
        raise InvalidRequest(
            f"“{shown(word)}” is {_KINDS[found['mark']]}, not the name of an index.", f"{COMMAND} logs-* 1h"
        )


def check_no_label(word: str) -> None:
    """Raises `InvalidRequest` for a value with its name, such as `duration=1h`."""
    if _LABELLED.match(word):
        raise InvalidRequest(
            "Write the values without their names: patterns, duration, permission, reason.",
            f"{COMMAND} logs-* 1h read fixing INC-42",
        )
