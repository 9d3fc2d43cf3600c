"""The error that lists the problems of the settings."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto


class ProblemKind(Enum):
    """Where a problem has to be corrected."""

    VALUE = auto()
    """A variable is missing or wrong."""
    MISSPELT = auto()
    """A name in `.env` resembles that of a setting."""
    SUPERSEDED = auto()
    """A variable is set although `access.yaml` holds that setting."""
    POLICY_FILE = auto()
    """A line of `access.yaml` is wrong."""
    ENV_FILE = auto()
    """`.env` cannot be read, so no setting is known."""


@dataclass(frozen=True)
class SettingsProblem:
    """One problem. `text` is a sentence for people, without the value; nothing else may depend on its words.

    `variables` are the names, in upper case, of the settings that cannot be used because of it.
    """

    text: str
    variables: tuple[str, ...] = ()
    kind: ProblemKind = ProblemKind.VALUE


class SettingsError(Exception):
    """Settings are missing or wrong."""

    def __init__(self, problems: Iterable[SettingsProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.sentences))

    @property
    def sentences(self) -> tuple[str, ...]:
        """The problems as texts for people."""
        return tuple(each.text for each in self.problems)
