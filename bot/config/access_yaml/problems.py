"""Problems in `access.yaml`."""

from collections.abc import Iterable
from typing import NamedTuple


class Problem(NamedTuple):
    """A sentence about a line, counted from 1. It repeats no value, since any may be a secret in the wrong place.

    `in_environment`: the file is right, and a variable that the line refers to has to be corrected.
    """

    line: int
    sentence: str
    in_environment: bool = False


class PolicyFileError(Exception):
    """The file cannot be used. `problems` lists all problems by line."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(dict.fromkeys(sorted(problems)))
        super().__init__("\n".join(f"line {each.line}: {each.sentence}" for each in self.problems))
