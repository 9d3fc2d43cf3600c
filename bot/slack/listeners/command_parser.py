"""Parses the text after `/es-access`. Looks up nothing but where a name after `--for` ends, and the person's time."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from bot.access.errors import InvalidRequest
from bot.access.ids import read_id
from bot.access.policy.patterns import parse_patterns
from bot.access.requests.drafts import Draft
from bot.slack.command.about_one import about_named, about_one
from bot.slack.command.command import VERBS, Command, Verb
from bot.slack.command.end_times import LocalNow
from bot.slack.command.grammar import JOINERS, Grammar
from bot.slack.command.mistyped import check_is_no_command
from bot.slack.command.options import CountNameWords, option_of, read_options
from bot.slack.command.request import RequestReader
from bot.slack.command.words import COMMAND, bare, bare_id, example, shown, typed_words

_HELP = frozenset({"help", "--help", "-h", "-help", "?", "-?", "/?", "/h"})


def one_word(_words: Sequence[str]) -> int:
    """For a reader who knows no names."""
    return 1


def utc_now() -> datetime:
    """For a reader who knows no time zones."""
    return datetime.now(UTC)


def parse(
    text: str,
    permissions: Collection[str],
    count_name_words: CountNameWords = one_word,
    local_now: LocalNow = utc_now,
    offered: Callable[[], Sequence[str]] = tuple,
) -> Command:
    """Parses a command; `permissions` are the names that may follow a duration, `offered` those that an answer names.

    Raises `InvalidRequest`, and what the given functions raise.
    """
    grammar = Grammar(permissions, offered)
    try:
        return _parse(text, grammar, count_name_words, local_now)
    except InvalidRequest as error:
        if error.example and not _is_accepted(error.example, grammar, local_now):
            error.example = f"{COMMAND} logs-* 1h"
        raise


def _is_accepted(command: str, grammar: Grammar, local_now: LocalNow) -> bool:
    """Whether an example, which may be made of the typed words, is itself read."""
    try:
        draft = _parse(command, grammar, one_word, local_now).draft
        return draft is None or bool(parse_patterns(draft.patterns))
    except InvalidRequest:
        return False


def _parse(text: str, grammar: Grammar, count_name_words: CountNameWords, local_now: LocalNow) -> Command:
    words = typed_words(text)
    if not words:
        return Command(Verb.FORM)
    first = bare(words[0]).lower()
    if not _asks_for(words, grammar):
        if first in _HELP or option_of(words[0]) == "--help" or _asks_help(words):
            return Command(Verb.HELP)
        verb = VERBS.get(first.lstrip("/").rstrip(".:!,"))
        if verb is not None:
            return _command(verb, words[1:], RequestReader(grammar, local_now), count_name_words)
        check_is_no_command(words, grammar, lambda typed: _parse(typed, grammar, one_word, local_now))
    if any(option_of(word) == "--help" for word in words):
        return Command(Verb.HELP)
    found = read_id(bare_id(words[0])) if first.startswith("req-") else None
    if found is not None:
        return about_named(found, words[1:])
    return _request(words, RequestReader(grammar, local_now), count_name_words)


def explaining(command: str | None) -> str | None:
    """The example of a request as one of `explain`; any other example as it is."""
    words = typed_words(command or "")
    if not command or not words or bare(words[0]).lower() in VERBS:
        return command
    return f"{COMMAND} {Verb.EXPLAIN} {' '.join(words)}"


def _asks_for(words: Sequence[str], grammar: Grammar) -> bool:
    """Whether the first word is the name of an index though it may be that of a command: `list 1h`."""
    rest = words[1:]
    if not rest or any(bare_id(word).upper().startswith("REQ-") for word in rest):
        return False
    if words[0].endswith((",", ";")) or rest[0].startswith((",", ";")) or rest[0].lower() in JOINERS:
        return True
    named = grammar.named(rest[0]) is not None
    # A duration after “extend” is that of an extension, unless a permission says otherwise.
    takes_one = bare(words[0]).lower() in {Verb.EXTEND, Verb.EXPLAIN}
    return grammar.begins_with_duration(rest[named:]) and (named or not takes_one)


def _asks_help(words: Sequence[str]) -> bool:
    """Whether it is a command with an option for help: `status --help`."""
    alone = len(words) == len(("status", "?")) and bare(words[1]).lower() in _HELP - {"help"}
    return bare(words[0]).lower() in VERBS and (alone or any(option_of(word) == "--help" for word in words))


def _command(verb: Verb, words: Sequence[str], reader: RequestReader, count_name_words: CountNameWords) -> Command:
    if verb is Verb.HELP:
        return Command(verb)
    if verb is Verb.LIST:
        return _list(words, reader.grammar)
    if verb is Verb.RESOURCES:
        return Command(verb, text=shown(" ".join(map(bare, words))))
    if verb is Verb.EXPLAIN:
        return _explain(words, reader, count_name_words)
    return about_one(verb, words, reader.grammar)


def _explain(words: Sequence[str], reader: RequestReader, count_name_words: CountNameWords) -> Command:
    try:
        return _draft(Verb.EXPLAIN, reader, *read_options(words, count_name_words))
    except InvalidRequest as error:
        error.example = explaining(error.example)
        raise


def _list(words: Sequence[str], grammar: Grammar) -> Command:
    asks = any(grammar.begins_with_duration(words[at:]) for at in range(len(words)))
    if asks or any("*" in word or option_of(word) for word in words):
        raise InvalidRequest("list shows your requests, and takes nothing else.", f"{COMMAND} list")
    return Command(Verb.LIST)


def _request(words: Sequence[str], reader: RequestReader, count_name_words: CountNameWords) -> Command:
    rest, flags = read_options(words, count_name_words)
    permission = reader.grammar.named(rest[-1]) if rest else None
    duration = reader.grammar.only_duration(rest[:-1] if permission else rest)
    permission = permission if duration or len(rest) == 1 else None
    # The form has no field for another person: a request for somebody else has to be typed.
    if (not rest or duration or permission) and not flags.only_typed:
        draft = replace(flags, duration=duration or "", permission=permission or flags.permission)
        return Command(Verb.FORM, draft=draft, text="Say which indices you need.")
    return _draft(Verb.REQUEST, reader, rest, flags)


def _draft(verb: Verb, reader: RequestReader, words: Sequence[str], flags: Draft) -> Command:
    duration = reader.grammar.only_duration(words)
    if duration:
        right = example(f"logs-* {duration}", "logs-* 1h")
        raise InvalidRequest("Say which indices you need, before the duration.", right)
    read = reader.read(words)
    draft = replace(
        flags, patterns=read.patterns, duration=read.duration, permission=read.permission or "read", reason=read.reason
    )
    return Command(verb, draft=draft, note=read.note)
