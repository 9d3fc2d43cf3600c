"""Refuses mistyped commands, and words that people expect to be commands, with the nearest that exists."""

from collections.abc import Callable, Sequence
from difflib import get_close_matches

from bot.access.errors import InvalidRequest
from bot.slack.command.command import VERBS, Verb
from bot.slack.command.grammar import Grammar
from bot.slack.command.words import COMMAND, MOST_SHOWN, bare, bare_id, example, shown

_OTHER_WORDS = {
    "ls": "list", "my": "list", "pending": "list", "history": "list", "mine": "list", "requests": "list",
    "show": "status", "info": "status", "state": "status", "end": "revoke", "stop": "revoke", "finish": "revoke",
    "remove": "revoke", "delete": "revoke", "withdraw": "cancel", "abort": "cancel", "undo": "cancel",
    "renew": "extend", "prolong": "extend", "more": "extend", "longer": "extend", "password": "reset",
    "rotate": "reset", "search": "resources", "find": "resources", "indices": "resources", "indexes": "resources",
    "who": "explain", "preview": "explain", "why": "explain", "usage": "help", "commands": "help", "man": "help",
    "manual": "help", "what": "help", "how": "help", "version": "help",
}  # fmt: skip
"""Words that people expect to be commands → the command."""
_KEEPS = frozenset({"status", "cancel", "revoke", "extend", "reset", "resources"})
"""Commands that keep the words behind a word that was meant as their name."""
_BY_BUTTON = frozenset({"approve", "deny", "accept", "reject", "decline", "offer", "confirm", "grant"})
_CLOSE = 0.75


def check_is_no_command(words: Sequence[str], grammar: Grammar, check: Callable[[str], object]) -> None:
    """Raises `InvalidRequest` for a mistyped command, and for a command in the middle of a sentence.

    `check` parses an example and raises if it is not accepted.
    """
    first = bare(words[0]).lower()
    _check_no_sentence(words, grammar, check)
    if not _may_be_command(words, first, grammar):
        return
    near = _OTHER_WORDS.get(first) or _nearest(first, [*VERBS])
    if first in _BY_BUTTON or (near is None and _nearest(first, [*_BY_BUTTON])):
        raise InvalidRequest(
            f"“{shown(words[0])}” is not a command. Owners decide with the buttons of the message about the request, "
            "or in the Home tab.",
            f"{COMMAND} help",
        )
    if near is not None:
        alone = len(words) == 1 and len(first) < MOST_SHOWN
        named = f" For an index of that name: {COMMAND} {first} 1h" if alone else ""
        raise InvalidRequest(
            f"“{shown(words[0])}” is not a command. Did you mean {near}?{named}",
            _accepted(" ".join([near, *words[1:]]) if near in _KEEPS or first not in _OTHER_WORDS else near, check),
        )


def _check_no_sentence(words: Sequence[str], grammar: Grammar, check: Callable[[str], object]) -> None:
    """Raises `InvalidRequest` for a pasted command behind other words, unless it is in a reason."""
    at = next((at for at, word in enumerate(words) if at and bare(word).lower() == COMMAND), 0)
    if at and not any(grammar.begins_with_duration(words[place:]) for place in range(1, at)):
        raise InvalidRequest(
            "Write the command without other words before it.", _accepted(" ".join(words[at + 1 :]), check)
        )


def _may_be_command(words: Sequence[str], first: str, grammar: Grammar) -> bool:
    """Whether the words after the first are those of a command rather than of a request."""
    if len(words) == 1 or any(bare_id(word).upper().startswith("REQ-") for word in words[1:]):
        return True
    asks = any(grammar.begins_with_duration(words[place:]) for place in range(1, len(words)))
    return (first in _OTHER_WORDS and not asks) or _nearest(first, [Verb.EXPLAIN, Verb.RESOURCES]) is not None


def _nearest(word: str, known: Sequence[str]) -> str | None:
    return next(iter(get_close_matches(word, known, n=1, cutoff=_CLOSE)), None)


def _accepted(typed: str, check: Callable[[str], object]) -> str:
    """The command as an example if it is short and accepted; otherwise the example of its error."""
    try:
        check(typed)
    except InvalidRequest as error:
        return error.example or f"{COMMAND} help"
    return example(typed, "help") if typed else f"{COMMAND} logs-* 1h"
