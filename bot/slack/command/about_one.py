"""Commands about one request: its id and, for `extend`, a duration and a reason."""

from collections.abc import Sequence
from itertools import dropwhile

from bot.access.errors import InvalidRequest
from bot.access.ids import read_id
from bot.slack.command.command import VERBS, Command, Verb
from bot.slack.command.grammar import JOINERS, Grammar
from bot.slack.command.options import option_of
from bot.slack.command.words import COMMAND, bare, bare_id, shown

_ABOUT_ONE = frozenset({Verb.STATUS, Verb.CANCEL, Verb.REVOKE, Verb.EXTEND, Verb.RESET})
_NOISE = frozenset({"request", "requests", "access", "id", "my", "the", "please", "now", "thanks", "grant", "for", "by",
                    "another", "more", "with", "of", "req", "req-", "it", "longer"})  # fmt: skip
"""Words around an id or a duration that change nothing."""
_IDS = "/es-access list shows your requests and their ids."
_SOME_ID = "REQ-7K3F9Q"
_FARTHEST = 5
"""Words before the duration of an extension, such as “my request REQ-7K3F9Q by”."""


def about_one(verb: Verb, words: Sequence[str], grammar: Grammar) -> Command:
    """Reads a command about one request: an id and, for `extend`, a duration and a reason."""
    right = f"{COMMAND} {verb.value} {_SOME_ID}" + (" 1h" if verb is Verb.EXTEND else "")
    duration, rest = _duration_in(words, grammar) if verb is Verb.EXTEND else ("", list(words))
    before = list(rest)
    while rest and bare_id(rest[0]).lower() in _NOISE:
        rest.pop(0)
    if not rest:
        if verb is Verb.EXTEND and duration and not before:
            right_name = f"{COMMAND} extend read {duration}"
            raise InvalidRequest(f"Say which request you mean. {_IDS} For an index called extend: {right_name}", right)
        raise InvalidRequest(f"Say which request you mean. {_IDS}", right)
    request_id = read_id(bare_id(rest[0]))
    if request_id is None:
        raise InvalidRequest(f"“{shown(rest[0])}” is not a request id. {_IDS}", right)
    more = rest[1:]
    _check_one(verb, request_id, more)
    if verb is not Verb.EXTEND:
        if any(bare_id(word).lower() not in _NOISE for word in more):
            raise InvalidRequest(
                f"{verb.value} takes the id of a request, and nothing else.", f"{COMMAND} {verb.value} {request_id}"
            )
        return Command(verb, id=request_id)
    _check_duration(request_id, duration, more, grammar)
    return Command(verb, id=request_id, duration=duration, text=" ".join(_without_noise(more)))


def _check_one(verb: Verb, request_id: str, more: Sequence[str]) -> None:
    right = f"{COMMAND} {verb.value} {request_id}" + (" 1h" if verb is Verb.EXTEND else "")
    # The reason of an extension may name another request, but not begin with its id.
    listed = list(dropwhile(lambda word: bare_id(word).lower() in {*JOINERS, ""}, more))
    others = listed[:1] if verb is Verb.EXTEND else more
    if any(bare_id(word).upper().startswith("REQ-") and read_id(bare_id(word)) for word in others):
        raise InvalidRequest("One request at a time.", right)
    option = next((word for word in more if option_of(word)), None)
    if option:
        raise InvalidRequest(f"“{shown(option)}” is not an option of {verb.value}.", right)


def _check_duration(request_id: str, duration: str, more: Sequence[str], grammar: Grammar) -> None:
    if not duration:
        what = "Say for how much longer." if not more else f"“{shown(more[0])}” is not a duration."
        raise InvalidRequest(what, f"{COMMAND} extend {request_id} 1h")
    if grammar.offers_another(more) or grammar.only_duration(more):
        raise InvalidRequest("Say one duration.", f"{COMMAND} extend {request_id} {duration}")


def _duration_in(words: Sequence[str], grammar: Grammar) -> tuple[str, list[str]]:
    """The duration next to the id, and the other words."""
    for at in range(min(len(words), _FARTHEST)):
        found = grammar.duration_at(words[at:])
        if found is not None:
            start = at
            while start and bare(words[start - 1]).lower() in _NOISE:
                start -= 1
            return found[0], [*words[:start], *words[at + found[1] :]]
        if at and words[at - 1].upper().startswith("REQ-") and bare(words[at]).lower() not in _NOISE:
            break
    return "", list(words)


def _without_noise(words: Sequence[str]) -> Sequence[str]:
    """The reason behind a duration, without a “more” or “please” that belongs to the duration."""
    rest = list(words)
    while rest and bare_id(rest[0]).lower() in {"more", "longer", "please", "thanks"}:
        rest.pop(0)
    return rest


def about_named(request_id: str, words: Sequence[str]) -> Command:
    """Reads a command that begins with an id. Alone it asks for the state of the request."""
    if not words:
        return Command(Verb.STATUS, id=request_id)
    verb = VERBS.get(bare(words[0]).lower())
    right = verb.value if verb in _ABOUT_ONE else Verb.STATUS.value
    raise InvalidRequest(
        "Say first what to do, then with which request.",
        f"{COMMAND} {right} {request_id}" + (" 1h" if right == Verb.EXTEND else ""),
    )
