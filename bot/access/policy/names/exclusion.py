"""Names that access leaves out: those under the patterns that its access flow excludes, and aliases of hidden data."""

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from bot.access.errors import Refusal
from bot.access.policy.names.evaluation import is_evaluable
from bot.access.policy.patterns import covers, matcher, reaches


class Leading(Protocol):
    """An index, data stream or alias, and the other names under which its data is known."""

    @property
    def name(self) -> str: ...

    @property
    def targets(self) -> tuple[str, ...]: ...

    @property
    def stream(self) -> str | None: ...


def check_exclusion(patterns: Sequence[str], excluded: Sequence[str]) -> None:
    """Raises `ValueError` if these patterns cannot be given without the excluded ones."""
    for each in excluded:
        if not any(reaches(pattern, each) for pattern in patterns):
            raise ValueError(f"exclude: {each} is not under the patterns of the flow, so it takes nothing away")
    for pattern in patterns:
        if is_excluded(pattern, excluded):
            raise ValueError(f"exclude: nothing is left of the pattern {pattern}")
        if excluded and not is_evaluable([pattern], excluded_under([pattern], excluded)):
            raise ValueError(f"exclude: Elasticsearch cannot evaluate a role of {pattern} that leaves all this out")


def is_excluded(pattern: str, excluded: Iterable[str]) -> bool:
    """Whether everything that the pattern could match is excluded."""
    return any(covers(each, pattern, hidden=True) for each in excluded)


def excluded_under(patterns: Sequence[str], excluded: Iterable[str]) -> tuple[str, ...]:
    """The excluded patterns that take something away from these patterns."""
    return tuple(dict.fromkeys(each for each in excluded if any(reaches(pattern, each) for pattern in patterns)))


def leaves_out(excluded: Sequence[str]) -> Callable[[Leading], bool]:
    """Returns a test of whether a resource is excluded, by its name or by that of its data."""
    matches = matcher(excluded, hidden=True)

    def test(resource: Leading) -> bool:
        return matches(resource.name) or leads_to_excluded(resource, matches)

    return test if excluded else lambda _resource: False


def leads_to_excluded(resource: Leading, matches: Callable[[str], bool]) -> bool:
    """Whether an alias or data stream has excluded data behind it, or an index is part of an excluded data stream.

    A role would give that data under the name of the resource.
    """
    return any(map(matches, resource.targets)) or (resource.stream is not None and matches(resource.stream))


def names_left(names: Sequence[str], withheld: Sequence[str]) -> list[str]:
    """The names and patterns of a role that still give something when these aliases are left out."""
    return [name for name in names if name not in set(withheld)]


def names_to_give(names: Sequence[str], withheld: Sequence[str]) -> list[str]:
    """The names and patterns of a role without these aliases. Raises `Refusal` if none is left."""
    left = names_left(names, withheld)
    if not left:
        raise Refusal(f"the alias {names[0]} leads to hidden or excluded data, and nothing else would be given")
    return left
