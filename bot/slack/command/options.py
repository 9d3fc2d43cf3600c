"""The options of a command, such as `--key` and `--for`. They may stand anywhere."""

import re
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from difflib import get_close_matches
from itertools import takewhile
from typing import Any

from bot.access.durations import read_duration_words
from bot.access.errors import InvalidRequest
from bot.access.models.columns import CredentialKind
from bot.access.requests.drafts import Draft
from bot.slack.command.words import DASHES, bare, shown

CountNameWords = Callable[[Sequence[str]], int]
"""How many of these words, at least one, are a person's name. The first begins with an @."""

_NAMED = {
    "--cluster": ("integration", "Say which cluster after --cluster.", "/es-access logs-* 1h --cluster NAME"),
    "--for": ("for_whom", "Say for whom after --for.", "/es-access logs-* 1h --for ada@example.com"),
}
"""Options that take a value: its field in the draft, the message if it is missing, and an example."""

_SWITCHES: dict[str, dict[str, Any]] = {
    **{kind.option: {"kind": kind} for kind in CredentialKind},
    "--break-glass": {"break_glass": True},
    "--again": {"again": True},
}
"""Options without a value, and the fields of the draft that they set."""

_EXAMPLES = {
    **{flag: f"/es-access logs-* 1h {flag}" for flag in _SWITCHES},
    **{flag: example for flag, (_, _, example) in _NAMED.items()},
    "--break-glass": "/es-access logs-* 1h --break-glass the site is down",
}
"""Every option, with an example."""

_NO_OPTIONS = {
    "--reason": ("The reason comes last, without an option.", "/es-access logs-* 1h read fixing INC-42"),
    "--duration": ("The duration comes after the pattern, without an option.", "/es-access logs-* 1h"),
    "--permission": ("The permission comes after the duration, without an option.", "/es-access logs-* 1h write"),
    "--index": ("The pattern comes first, without an option.", "/es-access logs-* 1h"),
}
"""Options that people expect, and where their values go."""
_SAME = {
    "--because": "--reason", "--why": "--reason", "--time": "--duration", "--hours": "--duration",
    "--until": "--duration", "--read": "--permission", "--write": "--permission", "--manage": "--permission",
    "--role": "--permission", "--pattern": "--index", "--indices": "--index", "--api-key": "--key",
    "--apikey": "--key", "--account": "--own", "--own-account": "--own", "--pass": "--password",
    "--user": "--for", "--emergency": "--break-glass", "--force": "--again",
}  # fmt: skip

_YES_OR_NO = frozenset({"yes", "no", "true", "false", "on", "off", "0", "1", "y", "n"})

_BEGINNING = re.compile(rf"(?:--+|[{DASHES}]*[{DASHES[1:]}][{DASHES}]*)(?=[^\W\d_])")
"""Two dashes or more, or a long one, before a letter."""

_SINGLE = re.compile(r"-[a-z]+(?:-[a-z]+)*", re.IGNORECASE)
_CLOSE = 0.7

_QUOTES = {'"': '"', "'": "'", "“": "”", "”": "”", "„": "“”", "«": "»", "‘": "’", "’": "’"}  # noqa: RUF001
"""An opening quotation mark → those that close it. Phones and Macs replace the straight ones."""


def option_of(word: str) -> str | None:
    """The word as an option with two plain dashes, in lower case; `None` if it is none."""
    found = _BEGINNING.match(word)
    if found is None:
        return None
    name = f"--{word[found.end() :]}".lower().rstrip(",.;:!")
    plain = set(found.group()) == {"-"}
    return name if plain or _known(name.partition("=")[0]) else None


def _known(name: str) -> bool:
    """Whether a word after a long dash, which may also be punctuation, is an option or close to one."""
    return name in {"--help", *_EXAMPLES, *_SAME, *_NO_OPTIONS} or bool(_nearest(name))


def _nearest(name: str) -> str | None:
    return next(iter(get_close_matches(name, [*_EXAMPLES, "--help"], n=1, cutoff=_CLOSE)), None)


def read_options(words: Sequence[str], count_name_words: CountNameWords) -> tuple[list[str], Draft]:
    """The other words, and a draft with the values of the options. Raises `InvalidRequest`."""
    rest: list[str] = []
    flags = Draft("", "")
    left = deque(words)
    while left:
        word = left.popleft()
        name, _, value = (option_of(word) or "").partition("=")
        if not name:
            _check_no_single_dash(word)
            rest.append(word)
        elif name in _NAMED:
            if value:
                left.appendleft(word.partition("=")[2])
            flags = replace(flags, **_read_value(name, flags, left, count_name_words))
        elif name in _SWITCHES:
            _check_no_value(name, value, left)
            _check_one_kind(flags, _SWITCHES[name])
            flags = replace(flags, **_SWITCHES[name])
        else:
            raise _unknown(word, name)
    return rest, flags


def _check_one_kind(flags: Draft, switch: dict[str, Any]) -> None:
    kind = switch.get("kind")
    if kind is not None and flags.kind not in {None, kind}:
        options = ", ".join(each.option for each in CredentialKind)
        raise InvalidRequest(f"Say one of {options}.", _EXAMPLES[kind.option])


def _read_value(name: str, flags: Draft, left: deque[str], count_name_words: CountNameWords) -> dict[str, Any]:
    field, missing, example = _NAMED[name]
    if not left or option_of(left[0]) or not bare(left[0]):
        if left and left[0][0] in _QUOTES:
            _read_quoted(left)  # names what is wrong with it
        raise InvalidRequest(missing, example)
    if field == "for_whom":
        duration = read_duration_words([left[0]])
        if duration and "@" not in left[0]:
            raise InvalidRequest(
                f"“{shown(left[0])}” is not a person: --for names for whom. A duration needs no option.",
                f"/es-access logs-* {duration[0] if len(duration[0]) < len('99999d') else '1h'}",
            )
        value = _read_person(left, count_name_words)
    else:
        value = bare(left.popleft().rstrip(",.;:")).rstrip(",.;:")
    if getattr(flags, field) not in {None, "", value}:
        raise InvalidRequest(f"{name} stands there twice, with different values.", example)
    return {field: value}


def _check_no_value(name: str, value: str, left: Sequence[str]) -> None:
    """Raises `InvalidRequest` for a switch with a value, such as `--break-glass no`.

    A yes or no counts as one if nothing follows it: otherwise a reason begins with it.
    """
    alone = left and (len(left) == 1 or option_of(left[1])) and bare(left[0]).lower().rstrip(".,;:!") in _YES_OR_NO
    if value or alone:
        raise InvalidRequest(f"{name} takes no value: write it alone, or leave it out.", _EXAMPLES[name])


def _check_no_single_dash(word: str) -> None:
    if _SINGLE.fullmatch(word) and f"-{word.lower()}" in _EXAMPLES:
        right = f"-{word.lower()}"
        raise InvalidRequest(f"“{word}” needs two dashes: {right}.", _EXAMPLES[right])


def _unknown(word: str, name: str) -> InvalidRequest:
    """A mistyped option must not pass for the reason: the request would be filed without it."""
    typed = shown(word)
    meant = _SAME.get(name, name)
    if meant in _NO_OPTIONS:
        hint, example = _NO_OPTIONS[meant]
        return InvalidRequest(f"“{typed}” is not an option. {hint}", example)
    near = meant if meant in _EXAMPLES else _nearest(meant)
    hint = f"Did you mean {near}?" if near in _EXAMPLES else f"The options are {', '.join(_EXAMPLES)}."
    return InvalidRequest(f"“{typed}” is not an option. {hint}", _EXAMPLES.get(near or "--key", _EXAMPLES["--key"]))


def _read_person(left: deque[str], count_name_words: CountNameWords) -> str:
    """Takes a person from the beginning of the words: a quoted name, an @name of some words, or one word."""
    if left[0][0] in _QUOTES:
        return _read_quoted(left)
    count = 1
    if left[0].startswith("@"):
        upcoming = list(takewhile(lambda word: not option_of(word), left))
        count = count_name_words(upcoming)
    name = " ".join(left.popleft() for _ in range(count))
    return name if name.startswith("<") else name.strip("`").rstrip(",.;:")


def _read_quoted(left: deque[str]) -> str:
    closing = _QUOTES[left[0][0]]
    left[0] = left[0][1:]
    taken: list[str] = []
    while left:
        taken.append(left.popleft())
        if taken[-1].rstrip(",.;").endswith(tuple(closing)):
            name = " ".join(taken).rstrip(",.;")[:-1].strip()
            if name:
                return name if "@" in name else f"@{name}"
            break
    raise InvalidRequest(
        "Put the whole name between quotation marks, after --for.", '/es-access logs-* 1h --for "Ada Lovelace"'
    )
