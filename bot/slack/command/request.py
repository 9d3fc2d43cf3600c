"""The words of a request: patterns, how long, the permission, and the reason.

A request is read only if its words have one meaning. Nothing that was meant as another part becomes the reason.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bot.access.errors import InvalidRequest, RequestField, about
from bot.slack.command.end_times import LocalNow, read_end_time
from bot.slack.command.grammar import JOINERS, Grammar, names_at
from bot.slack.command.misplaced import RIGHTS, TO, check_names_nothing_else, check_order, check_reason, refuse_head
from bot.slack.command.words import COMMAND, bare, check_is_name, example

_CONJUNCTIONS = frozenset({"because", "for", "to", "as", "since", "please", "so"})


@dataclass(frozen=True)
class RequestWords:
    """A request as read. `note` is a sentence for the answer about how an end was read."""

    patterns: str = ""
    duration: str = ""
    permission: str | None = None
    reason: str = ""
    note: str = ""


@dataclass(frozen=True)
class RequestReader:
    """Reads requests. `local_now` is asked for an end such as `until 17:00` alone."""

    grammar: Grammar
    local_now: LocalNow

    def read(self, words: Sequence[str]) -> RequestWords:
        """Reads the words that are left without the options. Raises `InvalidRequest`."""
        check_order(self.grammar, words)
        patterns, permission, place = self._patterns(words)
        for word in words[:place]:
            check_is_name(word)
        if not patterns:
            raise InvalidRequest("Say which indices you need, and for how long.", example("logs-* 1h"))
        found, place = self._duration(words, place, ",".join(patterns))
        if not found.duration:
            if place < len(words):
                refuse_head(self.grammar, words, patterns, permission, place)
            return RequestWords(",".join(patterns), "", permission)
        if permission is None:
            permission, place = self._permission(words, place)
        reason = _without_label(words[place:])
        labelled = reason != list(words[place:])
        if permission is None:
            permission, reason = self._phrase(reason)
        check_names_nothing_else([] if labelled else reason, found.duration, permission)
        if permission is None:
            check_reason(self.grammar, reason, patterns, found.duration)
        return RequestWords(",".join(patterns), found.duration, permission, " ".join(reason), found.note)

    def _patterns(self, words: Sequence[str]) -> tuple[list[str], str | None, int]:
        """The patterns, a permission before or after them, and the place of the next word."""
        names, place = names_at(words)
        permission = None
        if (
            len(names) == 1
            and self.grammar.named(names[0])
            and words[place:]
            and not self.grammar.begins_with_duration(words[place:])
        ):
            after = place
            while after < len(words) and bare(words[after]).lower() in TO:
                after += 1
            others, end = names_at(words[after:])
            if end and (after + end == len(words) or self.grammar.begins_with_duration(words[after + end :])):
                return others, self.grammar.named(names[0]), after + end
        if self._named_at(words, place):
            after = place + 1 + (bare(words[place + 1]).lower() in RIGHTS if place + 1 < len(words) else 0)
            if after == len(words) or self.grammar.begins_with_duration(words[after:]):
                permission, place = self._named_at(words, place), after
        return names, permission, place

    def _named_at(self, words: Sequence[str], place: int) -> str | None:
        return self.grammar.named(words[place]) if place < len(words) else None

    def _duration(self, words: Sequence[str], place: int, patterns: str) -> tuple[RequestWords, int]:
        command = example(patterns if len(patterns) < len(COMMAND) * 3 else "logs-*")
        with about(RequestField.DURATION):
            end = read_end_time(words[place:], self.local_now, command)
        if end is not None:
            return RequestWords(duration=end.duration, note=end.note), place + end.words
        found = self.grammar.duration_at(words[place:])
        return (RequestWords(duration=found[0]), place + found[1]) if found else (RequestWords(), place)

    def _permission(self, words: Sequence[str], place: int) -> tuple[str | None, int]:
        named = self._named_at(words, place)
        if named is None:
            several = (
                [self.grammar.named(each) for each in re.split(r"[,+/&]", words[place])] if place < len(words) else []
            )
            if len(several) > 1 and all(several):
                raise self._one_permission()
            return None, place
        after = [bare(word).lower() for word in words[place + 1 : place + 3]]
        if len(after) == 1 and self.grammar.named(after[0]) not in {None, named}:
            raise self._one_permission()
        if len(after) > 1 and after[0] in JOINERS and self.grammar.named(after[1]):
            raise self._one_permission()
        place += 1
        rest = [bare(word).lower() for word in words[place : place + 2]]
        # “write access because …”: the word belongs to the permission.
        belongs = rest[:1] and rest[0] in {*RIGHTS, "only"} and (len(rest) == 1 or rest[1] in _CONJUNCTIONS)
        return named, place + 1 if belongs else place

    def _phrase(self, reason: list[str]) -> tuple[str | None, list[str]]:
        """The permission of a reason that begins like “with write access”, and the rest of it."""
        words = [bare(word).lower() for word in reason[:3]]
        if len(words) > 1 and words[0] in {"with", "as", "in"} and self.grammar.named(words[1]):
            if len(reason) == len("to"):
                return self.grammar.named(words[1]), []
            if words[2] in RIGHTS:
                return self.grammar.named(words[1]), reason[3:]
        return None, reason

    def _one_permission(self) -> InvalidRequest:
        return InvalidRequest(
            f"A request has one permission: {self.grammar.known}.", example("logs-* 1h read"), RequestField.PERMISSION
        )


def _without_label(reason: Sequence[str]) -> list[str]:
    """The words of the reason, without a “reason:” before them."""
    if reason and reason[0].lower().startswith(("reason:", "reason=")):
        first = reason[0][len("reason:") :]
        return [first, *reason[1:]] if first else list(reason[1:])
    return list(reason)
