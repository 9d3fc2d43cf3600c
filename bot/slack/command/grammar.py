"""What the words of a request may be: names of indices, a duration, a permission."""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from bot.access.durations import MOST_WORDS, read_duration_words
from bot.slack.command.end_times import UNTIL
from bot.slack.command.words import bare

_SEPARATORS = re.compile(r"[,;|]+")
JOINERS = frozenset({"and", "&", "+", "plus"})
LEADS = frozenset({"for", "during"})
_BETWEEN = frozenset({"", "or", "to", "till", "until", "/", "-", "–", "—", "..."})  # noqa: RUF001
"""Words between two durations."""
_APPROXIMATE = frozenset({"the", "next", "about", "around", "max", "maximum", "up", "to", "just", "only", "another"})
"""Words between “for” and a duration that change nothing."""


@dataclass(frozen=True)
class Grammar:
    """The words of requests under a policy with these permissions. `offered` are those that an answer names."""

    permissions: Collection[str]
    offered: Callable[[], Sequence[str]] = tuple

    @property
    def known(self) -> str:
        """The permissions that the person may ask for, in a list for an answer."""
        return ", ".join(self.offered() or self.permissions)

    def begins_with_duration(self, words: Sequence[str]) -> bool:
        """Whether a duration or an end stands at the beginning of these words."""
        if words and words[0].lower() in UNTIL:
            return len(words) > 1
        return self.duration_at(words) is not None

    def only_duration(self, words: Sequence[str]) -> str | None:
        """The duration, if these words are nothing else."""
        found = self.duration_at(words)
        return found[0] if found and found[1] == len(words) else None

    def duration_at(self, words: Sequence[str]) -> tuple[str, int] | None:
        """The duration at the beginning of these words, perhaps after “for”, and how many words it takes."""
        lead = 0
        if words and bare(words[0]).lower() in LEADS:
            lead = 1
            while lead < len(words) and words[lead].lower() in _APPROXIMATE:
                lead += 1
        found = read_duration_words([bare(word).lstrip("~≈") for word in words[lead : lead + MOST_WORDS]])
        return (found[0], lead + found[1]) if found else None

    def offers_another(self, words: Sequence[str]) -> bool:
        """Whether a second duration stands at the beginning, as in “or 2h”, “to 2h” or “- 2h”."""
        return bool(words) and bare(words[0]).lower() in _BETWEEN and self.duration_at(words[1:]) is not None

    def named(self, word: str) -> str | None:
        """The permission of that name, in any case."""
        name = bare(word).lower().rstrip(".,:;")
        return next((each for each in self.permissions if each.lower() == name), None)


def names_at(words: Sequence[str]) -> tuple[list[str], int]:
    """The patterns at the beginning of these words, and how many words they take."""
    names: list[str] = []
    place, expects = 0, True
    while place < len(words):
        word = words[place]
        if expects and names and read_duration_words([bare(each) for each in words[place : place + MOST_WORDS]]):
            break  # a comma too many, before the duration
        if expects or word.startswith((",", ";")):
            names += split_names(word)
            expects = not names or bare(word).endswith((",", ";"))
        elif word.lower() in JOINERS and place + 1 < len(words):
            if read_duration_words([bare(each) for each in words[place + 1 : place + 1 + MOST_WORDS]]):
                break
            expects = True
        else:
            break
        place += 1
    return names, place


def split_names(word: str) -> list[str]:
    """The names in a word, which commas separate."""
    return [name for part in _SEPARATORS.split(bare(word)) if (name := bare(part))]


def is_pattern(name: str) -> bool:
    """Whether a word looks like the name of an index and not like a word of a sentence."""
    return "*" in name or re.fullmatch(r"[a-z0-9]+(?:[-_.][a-z0-9]+)+", name) is not None
