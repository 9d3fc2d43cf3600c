"""Refuses words in a place where they have no meaning, or another one than their place says."""

import re
from collections.abc import Collection, Sequence
from difflib import get_close_matches
from itertools import dropwhile

from bot.access.durations import parse_duration
from bot.access.errors import InvalidRequest, RequestField, about
from bot.slack.command.end_times import UNTIL
from bot.slack.command.grammar import JOINERS, LEADS, Grammar, is_pattern, names_at, split_names
from bot.slack.command.words import bare, check_no_label, example, shown

TO = frozenset({"access", "on", "to", "of", "for", "from"})
"""Words between a permission and the pattern."""
RIGHTS = frozenset({"access", "permission", "permissions", "right", "rights", "privilege", "privileges"})
_FILLERS = frozenset({
    "a", "an", "all", "can", "could", "get", "give", "have", "i", "id", "like", "me", "my", "need", "please", "request",
    "the", "want", "would", "you", "us", "we", "index", "indices", "indexes", "data", "stream", "streams", "ask", "hi",
    "hello", "hey", "grant", "temporary", "some", "pattern", "patterns", "alias", "aliases", "both", "or", "=", "->",
    "=>", "-", "--", ":", *TO, *RIGHTS, *LEADS,
})  # fmt: skip
"""Words that an example leaves out."""
_NO_PERMISSIONS = frozenset({
    "admin", "administrator", "superuser", "all", "full", "rw", "ro", "r", "w", "readonly", "read-only", "readwrite",
    "read-write", "editor", "viewer", "reader", "writer", "edit", "view", "root", "owner", "monitor", "delete", "index",
    "create",
})  # fmt: skip
"""Words that people expect to be permissions. One of them alone is no reason."""
_ALWAYS_PERMISSIONS = frozenset({"rw", "ro", "r/w", "readonly", "read-only", "readwrite", "read-write", "superuser"})
"""Those that begin no sentence either."""

_OPTION_NAMES = {
    "key": "key", "apikey": "key", "api-key": "key", "api key": "key", "again": "again", "break-glass": "break-glass",
    "breakglass": "break-glass", "break glass": "break-glass", "emergency": "break-glass",
}  # fmt: skip
"""Words that people write for an option → the option."""

_LEAVES_OUT = frozenset({"except", "without", "excluding", "exclude", "not", "minus", "besides", "no"})
"""Words before a pattern that somebody does not want."""

_NARROWS = frozenset({"on", "to", "in", "for", "only", "just", "please", "the", "index", "indices", "thanks"})
"""Words around patterns that come too late."""

_UNREAD_UNITS = frozenset({"month", "months", "fortnight", "fortnights", "quarter", "quarters", "year", "years"})

_START = re.compile(r"(?:starting|beginning|tomorrow)\b|(?:from|at) (?:tomorrow|\d)", re.IGNORECASE)
_FOR_SOMEBODY = re.compile(r"(?:for |on behalf of )?(?P<who><@\w+(?:\|[^>]*)?>|@\S+)", re.IGNORECASE)
_ON_BEHALF = re.compile(r"on behalf of (?P<who>\S+)", re.IGNORECASE)
_NEARLY = 0.8


def check_order(grammar: Grammar, words: Sequence[str]) -> None:
    """Raises `InvalidRequest` for a duration before the patterns. An index may be called `1h`: it has its own."""
    if len(words) > 1 and words[0].lower() in UNTIL and not grammar.named(words[1]):
        raise InvalidRequest("The pattern comes first, then the end.", example("logs-* until 17:00"))
    found = grammar.duration_at(words)
    if found is None or grammar.begins_with_duration(words[1:] if found[1] == 1 else []):
        return
    rest = words[found[1] :]
    permission = grammar.named(rest[0]) if len(rest) > 1 else None
    if permission:
        rest = list(dropwhile(lambda word: bare(word).lower() in {*TO, *RIGHTS}, rest[1:]))
    names, _ = names_at(rest)
    if names:
        right = " ".join(filter(None, (",".join(names), found[0], permission)))
        raise InvalidRequest("The pattern comes first, then the duration.", example(right))


def refuse_head(
    grammar: Grammar, words: Sequence[str], patterns: list[str], permission: str | None, place: int
) -> None:
    """Raises `InvalidRequest` for words between the patterns and the duration, or for a missing duration."""
    with about(RequestField.DURATION):
        at = next((at for at in range(place, len(words)) if grammar.begins_with_duration(words[at:])), None)
        if at is None:
            if words[place].lower() in UNTIL:
                raise InvalidRequest("“until” needs a time of the day.", example("logs-* until 17:00"))
            if all(bare(word).lower() in _FILLERS for word in words[:2]):
                _refuse_words(grammar, words, len(words))  # a sentence, such as “I need access to logs”
            if any("*" in word for word in words[place:]) and not any("*" in name for name in patterns):
                _refuse_words(grammar, words, len(words))
            check_no_label(words[place])
            kept = ",".join(patterns) + " 1h" + (f" {permission}" if permission else "")
            counted = len(words) > place + 1 and bare(words[place + 1]).lower() in _UNREAD_UNITS
            unread = words[place + 1 :] if words[place].lower() in LEADS else words[place : place + 1 + counted]
            parse_duration(" ".join(unread), command=example(kept).removesuffix(" 1h"))
    _refuse_words(grammar, words, at or len(words))


def _refuse_words(grammar: Grammar, words: Sequence[str], at: int) -> None:
    """Raises `InvalidRequest` for words before the duration that are no list of patterns."""
    found = grammar.duration_at(words[at:])
    length = found[0] if found else "1h"
    if any(_leaves_out(words[place:at]) for place in range(at)):
        raise _cannot_leave_out(length)
    head = [word for word in words[:at] if word.lower() not in _FILLERS and word.lower() not in JOINERS]
    named = next((grammar.named(word) for word in head if grammar.named(word)), None)
    names = [name for word in head if not grammar.named(word) for name in split_names(word)]
    stars = [name for name in names if "*" in name or is_pattern(name)]
    first, end = names_at(words)
    # After patterns that come first, the words before the duration are a reason.
    reason = f" {named or 'read'} {' '.join(words[end:at])}" if stars == first else f" {named}" if named else ""
    right = f"{','.join(stars or names[:1] or ['logs-*'])} {length}{reason}"
    raise InvalidRequest(
        "An index pattern has no spaces, and several patterns are separated by commas. "
        "The duration follows them, and the reason comes last.",
        example(right),
        RequestField.PATTERNS,
    )


def check_reason(grammar: Grammar, reason: Sequence[str], patterns: Sequence[str], duration: str) -> None:
    """Raises `InvalidRequest` for a reason that looks like another part of the request."""
    if not reason:
        return
    asked, first = ",".join(patterns), bare(reason[0]).lower().rstrip(".,:;")
    _check_leaves_nothing_out(reason, duration)
    _check_no_more_patterns(grammar, reason, asked, duration)
    if first in _ALWAYS_PERMISSIONS or (len(reason) == 1 and first in _NO_PERMISSIONS):
        raise _unknown_permission(grammar, reason[0], f"{asked} {duration} read")
    check_no_label(reason[0])
    _check_no_option(reason, f"{asked} {duration}")
    if len(reason) == 1 and first.isdigit():
        raise InvalidRequest(f"“{shown(first)}” has no unit.", example(f"{asked} {duration}"), RequestField.DURATION)
    if _START.match(" ".join(reason)):
        raise InvalidRequest(
            "Access begins when it is approved, so ask when you need it. If it is your reason, write a permission "
            "before it.",
            example(f"{asked} {duration} read {' '.join(reason)}"),
        )
    near = _mistyped(first, grammar.permissions)
    if near:
        raise _unknown_permission(grammar, reason[0], f"{asked} {duration} {' '.join((near, *reason[1:]))}")


def check_names_nothing_else(reason: Sequence[str], duration: str, permission: str | None) -> None:
    """Raises `InvalidRequest` for a reason that only names patterns, such as “on test-* only”."""
    if not reason or bare(reason[0]).lower() not in {"on", "to", "in", "only"}:
        return
    words = list(dropwhile(lambda word: bare(word).lower() in _NARROWS, reason))
    names, end = names_at(words)
    if any(map(is_pattern, names)) and all(bare(word).lower().rstrip(".!") in _NARROWS for word in words[end:]):
        raise InvalidRequest(
            "All patterns come before the duration. If it is your reason, write “reason:” before it.",
            example(f"{','.join(names)} {duration}{f' {permission}' if permission else ''}"),
            RequestField.PATTERNS,
        )


def _check_no_option(reason: Sequence[str], asked: str) -> None:
    """Raises `InvalidRequest` for a reason that says in words what an option says."""
    text = " ".join(reason)
    plain = " ".join(
        word for word in text.lower().rstrip(".,;:!").split() if word not in {"with", "as", "a", "an", "the"}
    )
    option = _OPTION_NAMES.get(plain)
    if option:
        end = " the site is down" if option == "break-glass" else ""
        raise InvalidRequest(f"If you mean the option, write --{option}.", example(f"{asked} --{option}{end}"))
    if len(reason) == len(("cluster", "NAME")) and reason[0].lower() == "cluster":
        right = example(f"{asked} --cluster {bare(reason[1])}")
        raise InvalidRequest("If you mean the option, write --cluster.", right)
    somebody = _ON_BEHALF.match(text) or _FOR_SOMEBODY.match(text)
    if somebody and (text.lower().startswith(("for", "on behalf")) or somebody.end() == len(text)):
        who = somebody["who"] if somebody["who"].startswith(("@", "<@")) else f"@{somebody['who']}"
        raise InvalidRequest(
            "If it is for somebody else, write --for. If it is your reason, write a permission before it.",
            example(f"{asked} --for {who}", "logs-* 1h --for ada@example.com"),
        )


def _unknown_permission(grammar: Grammar, word: str, right: str) -> InvalidRequest:
    return InvalidRequest(
        f"“{shown(word)}” is not a permission. There is: {grammar.known}. "
        "If it is your reason, write a permission before it.",
        example(right),
        RequestField.PERMISSION,
    )


def _check_no_more_patterns(grammar: Grammar, reason: Sequence[str], asked: str, duration: str) -> None:
    found = grammar.duration_at(reason)
    another = found and (found[1] == len(reason) or bare(reason[0]).lower() not in LEADS)
    if grammar.offers_another(reason):
        raise InvalidRequest("Say one duration.", example(f"{asked} {duration}"), RequestField.DURATION)
    if another or reason[0].lower() in UNTIL:
        raise InvalidRequest(
            "There are two durations. If the second belongs to your reason, write a permission before it.",
            example(f"{asked} {duration} read {' '.join(reason)}"),
            RequestField.DURATION,
        )
    joined = reason[0].lower() in JOINERS or reason[0].startswith((",", ";"))
    after = reason[1:] if reason[0].lower() in JOINERS else reason
    names, end = names_at(after)
    rest = after[end:]
    if not names or (rest and not grammar.begins_with_duration(rest)):
        return
    if rest and any(map(is_pattern, names)):
        raise InvalidRequest("Ask for one duration at a time.", example(f"{asked} {duration}"), RequestField.DURATION)
    if not rest and (joined or any("*" in name for name in names)):
        raise InvalidRequest(
            "All patterns come before the duration.",
            example(f"{','.join((asked, *names))} {duration}"),
            RequestField.PATTERNS,
        )


def _check_leaves_nothing_out(reason: Sequence[str], duration: str) -> None:
    """Raises `InvalidRequest` for a reason such as “except logs-secret-*”, under which the whole would be given."""
    words = list(dropwhile(lambda word: bare(word).lower() in {*_LEAVES_OUT, "but", "all", "for", "the"}, reason))
    names, end = names_at(words)
    meant = any(bare(each).lower() in _LEAVES_OUT for each in reason[: len(reason) - len(words)])
    if (meant and end == len(words) and any(map(is_pattern, names))) or (_leaves_out(reason) and len(reason) == 1):
        raise _cannot_leave_out(duration)


def _leaves_out(words: Sequence[str]) -> bool:
    """Whether these words begin with a pattern that somebody does not want, as in “minus logs-*” or “!logs-*”."""
    if words[0][0] in "-!":
        return is_pattern(words[0].lstrip("-!"))
    return len(words) > 1 and bare(words[0]).lower() in _LEAVES_OUT and is_pattern(bare(words[1]))


def _cannot_leave_out(duration: str) -> InvalidRequest:
    return InvalidRequest(
        "A request cannot leave names out: name what you need. If it is your reason, write a permission before it.",
        example(f"logs-web-* {duration}"),
        RequestField.PATTERNS,
    )


def _mistyped(word: str, permissions: Collection[str]) -> str | None:
    """The permission that somebody mistyped. A longer form, such as “reading”, may begin a reason."""
    names = [each.lower() for each in permissions]
    turned = [name for name in names if sorted(name) == sorted(word)]
    near = next(iter([*turned, *get_close_matches(word, names, n=1, cutoff=_NEARLY)]), None)
    return near if near and not (word.startswith(near) or word.endswith(near)) else None
