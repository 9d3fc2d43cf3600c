"""What a directory answers about people: the members behind owners, and whether somebody is among requesters."""

from dataclasses import dataclass
from typing import NamedTuple


class OwnerProblem(NamedTuple):
    """An owner that stands for nobody. `why` is for people; `code`, if given, stays the same when that is reworded."""

    owner: str
    why: str
    code: str | None = None

    @property
    def text(self) -> str:
        """The owner and the reason, as one line."""
        return f"{self.owner}: {self.why}"


@dataclass(frozen=True)
class Members:
    """The Slack user ids behind some owners, and the owners that stand for nobody."""

    users: tuple[str, ...]
    problems: tuple[OwnerProblem, ...] = ()


@dataclass(frozen=True)
class PersonNames:
    """The names of a person in Slack. `email` is `None` where Slack does not tell it."""

    slack_name: str
    email: str | None = None


@dataclass(frozen=True)
class Inclusion:
    """Whether a person is among some requesters. `certain` is false if one of these could not be resolved."""

    found: bool
    certain: bool = True
