"""Parses the text after `/es-access`. Looks up nothing but, after `--for`, where a name ends."""

import re
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from enum import StrEnum
from html import unescape
from itertools import takewhile
from typing import Any

from bot.access.durations import looks_like_duration
from bot.access.errors import InvalidRequest
from bot.access.ids import read_id
from bot.access.models.columns import CredentialKind
from bot.access.requests.drafts import Draft

MOST_SHOWN = 60
"""Characters of the typed text that an answer repeats."""


class Verb(StrEnum):
    """The commands."""

    FORM = "form"
    HELP = "help"
    LIST = "list"
    STATUS = "status"
    CANCEL = "cancel"
    REVOKE = "revoke"
    EXTEND = "extend"
    RESET = "reset"
    REQUEST = "request"
    EXPLAIN = "explain"
    RESOURCES = "resources"


_ABOUT_ONE = {verb.value: verb for verb in (Verb.STATUS, Verb.CANCEL, Verb.REVOKE, Verb.EXTEND, Verb.RESET)}
_ALONE = {"help": Verb.HELP, "list": Verb.LIST}


@dataclass(frozen=True)
class Command:
    """One command. `draft` is set for a request, even an incomplete one, and for `explain`.

    `id` is set for commands about one request, `duration` for `extend`. `text` is the text to search for, or a sentence
    about the missing part of an incomplete request.
    """

    verb: Verb
    id: str = ""
    duration: str = ""
    text: str = ""
    draft: Draft | None = None


CountNameWords = Callable[[Sequence[str]], int]
"""How many of these words, at least one, are a person's name. The first begins with an @."""


def one_word(_words: Sequence[str]) -> int:
    """For a reader who knows no names."""
    return 1


def parse(text: str, permissions: Collection[str], count_name_words: CountNameWords = one_word) -> Command:
    """Parses a command; `permissions` are the names that may follow a duration.

    Raises `InvalidRequest`, and what `count_name_words` raises.
    """
    words = unescape(text).split()
    if not words:
        return Command(Verb.FORM)
    first = words[0].lower()
    # An index may be called “list”: followed by a duration it is a request for that index.
    asks = len(words) > 1 and looks_like_duration(words[1])
    if first in _ALONE and not asks:
        return Command(_ALONE[first])
    if first in _ABOUT_ONE and not asks:
        return _about_one(_ABOUT_ONE[first], words[1:])
    if first == "explain" and not asks:
        return Command(Verb.EXPLAIN, draft=_draft(*_without_flags(words[1:], count_name_words), permissions))
    if first == "resources" and not asks:
        return Command(Verb.RESOURCES, text=" ".join(words[1:])[:MOST_SHOWN])
    return _request(*_without_flags(words, count_name_words), permissions)


def _request(rest: list[str], flags: Draft, permissions: Collection[str]) -> Command:
    # The form has no field for another person: a request for somebody else has to be typed.
    if len(rest) > 1 or flags.only_typed or (rest and not looks_like_duration(rest[0])):
        return Command(Verb.REQUEST, draft=_draft(rest, flags, permissions))
    draft = replace(flags, duration="".join(rest))
    return Command(Verb.FORM, draft=draft, text="Say which indices you need.")


def _about_one(verb: Verb, words: list[str]) -> Command:
    example = f"/es-access {verb.value} REQ-7K3F9Q" + (" 1h" if verb is Verb.EXTEND else "")
    if not words:
        raise InvalidRequest(f"Say which request you mean. {_IDS}", example)
    request_id = read_id(words[0])
    if request_id is None:
        raise InvalidRequest(f"“{words[0][:MOST_SHOWN]}” is not a request id. {_IDS}", example)
    if verb is Verb.EXTEND and len(words) == 1:
        raise InvalidRequest("Say for how much longer.", f"/es-access extend {request_id} 1h")
    return Command(verb, id=request_id, duration=words[1] if verb is Verb.EXTEND else "")


_IDS = "/es-access list shows your requests and their ids."


def _draft(words: list[str], flags: Draft, permissions: Collection[str]) -> Draft:
    words = _commas_joined(words)
    if not words:
        raise InvalidRequest("Say which indices you need, and for how long.", "/es-access logs-* 1h")
    if len(words) == 1:
        if looks_like_duration(words[0]):
            shown = words[0] if len(words[0]) <= MOST_SHOWN else "1h"
            raise InvalidRequest("Say which indices you need, before the duration.", f"/es-access logs-* {shown}")
        # The access flow may have a duration of its own.
        return replace(flags, patterns=words[0])
    _check_no_spaces(words)
    patterns, duration, *rest = words
    named = rest and rest[0].lower() in {each.lower() for each in permissions}
    permission = rest.pop(0) if named else "read"
    return replace(flags, patterns=patterns, duration=duration, permission=permission, reason=" ".join(rest))


_NAMED = {
    "--cluster": ("integration", "Say which cluster after --cluster.", "/es-access logs-* 1h --cluster NAME"),
    "--for": ("for_whom", "Say for whom after --for.", "/es-access logs-* 1h --for ada@example.com"),
}
"""Flags that take a value: its field in the draft, the message if it is missing, and an example."""

_SWITCHES: dict[str, dict[str, Any]] = {
    "--key": {"kind": CredentialKind.API_KEY},
    "--break-glass": {"break_glass": True},
    "--again": {"again": True},
}
"""Flags without a value, and the fields of the draft that they set."""

_EXAMPLES = {
    **{flag: f"/es-access logs-* 1h {flag}" for flag in _SWITCHES},
    **{flag: example for flag, (_, _, example) in _NAMED.items()},
}
"""Every flag, with an example."""


_DASHES = re.compile("(?:--|\u2014|\u2013)(?=[A-Za-z])")
"""The beginning of a flag. Phones and Macs make one long dash of two."""

_QUOTES = {'"': '"', "'": "'", "“": "”", "”": "”", "„": "“”", "«": "»", "‘": "’", "’": "’"}  # noqa: RUF001
"""An opening quotation mark → those that close it. Phones and Macs replace the straight ones."""


def _without_flags(words: list[str], count_name_words: CountNameWords) -> tuple[list[str], Draft]:
    """The other words, and a draft with the values of the flags."""
    rest: list[str] = []
    flags = Draft("", "")
    left = deque(words)
    while left:
        word = left.popleft()
        typed = _DASHES.sub("--", word)
        flag, (name, _, value) = typed.lower(), typed.partition("=")
        if name.lower() in _NAMED:
            field, missing, example = _NAMED[name.lower()]
            if value:
                left.appendleft(value)
            if not left:
                raise InvalidRequest(missing, example)
            named: dict[str, Any] = {
                field: _read_person(left, count_name_words) if field == "for_whom" else left.popleft()
            }
            flags = replace(flags, **named)
        elif flag in _SWITCHES:
            flags = replace(flags, **_SWITCHES[flag])
        elif word.startswith("--") and _DASHES.match(word):
            raise _unknown_flag(word)
        else:
            rest.append(word)
    return rest, flags


def _unknown_flag(word: str) -> InvalidRequest:
    """A mistyped flag must not pass for the reason: the request would be filed without it."""
    typed = word[:MOST_SHOWN]
    near = get_close_matches(typed.lower(), _EXAMPLES, n=1)
    hint = f"Did you mean {near[0]}?" if near else f"The options are {', '.join(_EXAMPLES)}."
    return InvalidRequest(f"“{typed}” is not an option. {hint}", _EXAMPLES[near[0] if near else "--key"])


def _read_person(left: deque[str], count_name_words: CountNameWords) -> str:
    """Takes a person from the beginning of the words: a quoted name, an @name of some words, or one word."""
    if left[0][0] in _QUOTES:
        return _read_quoted(left)
    count = 1
    if left[0].startswith("@"):
        upcoming = list(takewhile(lambda word: not _DASHES.match(word), left))
        count = count_name_words(upcoming)
    return " ".join(left.popleft() for _ in range(count))


def _read_quoted(left: deque[str]) -> str:
    closing = _QUOTES[left[0][0]]
    left[0] = left[0][1:]
    taken: list[str] = []
    while left:
        taken.append(left.popleft())
        if taken[-1].endswith(tuple(closing)):
            name = " ".join(taken)[:-1].strip()
            if name:
                return name if "@" in name else f"@{name}"
            break
    raise InvalidRequest(
        "Put the whole name between quotation marks, after --for.", '/es-access logs-* 1h --for "Ada Lovelace"'
    )


def _commas_joined(words: list[str]) -> list[str]:
    # People type "logs-*, metrics-* 1h". Only the list at the start is joined, never the reason.
    joined = words[:1]
    rest = words[1:]
    while rest and (rest[0].startswith(",") or (joined[0].endswith(",") and not looks_like_duration(rest[0]))):
        joined[0] += rest.pop(0)
    return joined + rest


def _check_no_spaces(words: list[str]) -> None:
    """Raises `InvalidRequest` for patterns separated by spaces, which put the duration later than second."""
    if looks_like_duration(words[1]):
        return
    place = next((index for index, word in enumerate(words) if looks_like_duration(word)), None)
    if place is None or not any("*" in word for word in words[1:place]):
        return
    right = f"{','.join(words[:place])} {words[place]}"
    raise InvalidRequest(
        "An index pattern has no spaces. Several patterns are separated by commas.",
        f"/es-access {right if len(right) <= MOST_SHOWN else 'logs-*,metrics-* 1h'}",
    )
