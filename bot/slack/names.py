"""The names of people, as others type them: whole names, in one form, and everybody who has them. Pure."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_INVISIBLE = "Cf"
"""The Unicode category of characters that show nothing, such as a zero-width space. No two names differ by these."""


@dataclass(frozen=True)
class Namesake:
    """A person with a name. Its text tells people of one name apart, by e-mail or, without one, by handle."""

    id: str
    contact: str

    def __str__(self) -> str:
        return f"<@{self.id}> ({self.contact})"


@dataclass
class Names:
    """Display names, real names and handles.

    People who do not belong to us keep their names, so that no part of one is taken for somebody else's, but are never
    found by them.
    """

    _whole: dict[str, dict[str, Namesake]] = field(default_factory=dict)
    _beginnings: dict[str, dict[str, Namesake]] = field(default_factory=dict)
    """The first words of longer names, without the last."""

    def add(self, user: Mapping[str, Any], *, belongs: bool) -> None:
        """Adds a person as Slack describes them."""
        profile = user.get("profile") or {}
        person = Namesake(str(user["id"]), str(profile.get("email") or f"@{user.get('name')}"))
        typed = (user.get("name"), profile.get("display_name"), profile.get("real_name"), user.get("real_name"))
        for name in typed:
            words = _normal(str(name or "")).split()
            for count in range(1, len(words) + 1):
                names = self._whole if count == len(words) else self._beginnings
                found = names.setdefault(" ".join(words[:count]), {})
                if belongs:
                    found[person.id] = person

    def count_words(self, words: Sequence[str]) -> int:
        """How many of these words, at least one, are the longest name of somebody or the beginning of one.

        A beginning counts, so that half of a name is looked up as it was typed, and not taken for a shorter name.
        """
        longest = 1
        for count in range(2, len(words) + 1):
            name = _normal(" ".join(words[:count]))
            if name not in self._whole and name not in self._beginnings:
                break
            longest = count
        return longest

    def find(self, name: str) -> Sequence[Namesake]:
        """Everybody of ours whose whole name that is."""
        return list(self._whole.get(_normal(name), {}).values())

    def find_beginning(self, name: str) -> Sequence[Namesake]:
        """Everybody of ours with a longer name that begins with these words."""
        return list(self._beginnings.get(_normal(name), {}).values())


def _normal(name: str) -> str:
    """The form in which names are compared: case, spacing and ways to write one character make no difference."""
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name.removeprefix("@")).casefold())
    return " ".join("".join(each for each in text if unicodedata.category(each) != _INVISIBLE).split())
