"""Previews: the resources that a request covers, shown before it is filed or approved."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bot.access.errors import InvalidRequest, RequestField
from bot.access.policy.names.exclusion import is_excluded
from bot.access.policy.owner_groups import Owned
from bot.access.policy.patterns import matcher, reaches
from bot.access.ports import Catalogue, Resource

MOST_RESOLVED = 500
"""Names in a role of scope `resolved`: nobody reads a longer list before approving it."""

FIRST_NAMES = 5
"""Matching names in a preview: enough to notice a wrong pattern."""


@dataclass(frozen=True)
class Preview:
    """The resources that match now. `size` is in bytes. `grows`: resources that are created later can match too."""

    indices: int
    data_streams: int
    aliases: int
    size: int
    names: tuple[str, ...]
    grows: bool

    @property
    def count(self) -> int:
        """The number of matching resources."""
        return self.indices + self.data_streams + self.aliases

    def stored(self) -> dict[str, Any]:
        """The preview as JSON, stored with the request."""
        return {**asdict(self), "names": list(self.names)}


def read_preview(stored: dict[str, Any] | None) -> Preview | None:
    """Reads a stored preview; `None` if the cluster did not answer at the time."""
    return Preview(**{**stored, "names": tuple(stored["names"])}) if stored else None


def matched(patterns: Sequence[str], catalogue: Catalogue) -> list[Resource]:
    """The resources that match one of the patterns, sorted by name."""
    covered = matcher(patterns)
    return [each for each in catalogue.resources if covered(each.name)]


def given(patterns: Sequence[str], resolved: Sequence[str] | None, catalogue: Catalogue) -> list[Resource]:
    """The resources that access covers now: those that match, or those of the names that its role holds.

    Raises `InvalidRequest` if none of these names exists any more.
    """
    if resolved is None:
        return matched(patterns, catalogue)
    names = set(resolved)
    found = [each for each in catalogue.resources if each.name in names]
    if not found:
        raise InvalidRequest("None of the names that it covers exists any more.", about=RequestField.PATTERNS)
    return found


def with_failure_store(patterns: Sequence[str], found: Sequence[Resource], catalogue: Catalogue) -> list[Resource]:
    """The resources with a failure store: data streams, and aliases of some.

    Raises `InvalidRequest` for a pattern that matches none of them, and if none is left.
    """
    streams = {each.name for each in catalogue.resources if each.kind == "data stream"}

    def has_one(resource: Resource) -> bool:
        return resource.name in streams or (resource.kind == "alias" and not streams.isdisjoint(resource.targets))

    for pattern in patterns:
        matching = matched([pattern], catalogue)
        if matching and not any(map(has_one, matching)):
            what = f"is an {matching[0].kind}" if "*" not in pattern else "matches no data stream"
            what = "points to no data stream" if what == "is an alias" else what
            why = f"“{pattern}” {what}, and only data streams have a failure store (::failures)."
            raise InvalidRequest(why, f"/es-access {pattern} 1h", RequestField.PATTERNS)
    left = [each for each in found if has_one(each)]
    if not left:
        why = "Nothing that it covers is a data stream, and only data streams have a failure store (::failures)."
        raise InvalidRequest(why, about=RequestField.PATTERNS)
    return left


def names_given(resource: Resource) -> tuple[str, ...]:
    """The names in a role of scope `resolved`: for an alias those of its targets."""
    return resource.targets if resource.kind == "alias" and resource.targets else (resource.name,)


def resolved_names(resources: Sequence[Resource]) -> tuple[str, ...]:
    """The names for a role of scope `resolved`: for an alias those that it points to, so that it is not followed.

    Raises `InvalidRequest` if they are too many.
    """
    names = tuple(sorted({name for each in resources for name in names_given(each)}))
    if len(names) > MOST_RESOLVED:
        raise InvalidRequest(
            f"That is {len(names)} names, and at most {MOST_RESOLVED} are given by name. Ask for less.",
            "/es-access logs-web-* 1h",
            RequestField.PATTERNS,
        )
    return names


def without_excluded(names: Sequence[str] | None, excluded: Sequence[str]) -> tuple[str, ...]:
    """The names of a resolved request that are not excluded."""
    return tuple(each for each in names or () if not is_excluded(each, excluded))


def preview(patterns: Sequence[str], found: Sequence[Resource], catalogue: Catalogue, *, grows: bool) -> Preview:
    """Summarizes matching resources of a catalogue. `grows`: the access extends to new ones."""
    kinds = [each.kind for each in found]
    return Preview(
        indices=kinds.count("index"),
        data_streams=kinds.count("data stream"),
        aliases=kinds.count("alias"),
        size=_size(found, catalogue),
        names=tuple(each.name for each in found[:FIRST_NAMES]),
        grows=grows and any("*" in pattern for pattern in patterns),
    )


def _size(found: Sequence[Resource], catalogue: Catalogue) -> int:
    """The bytes of the resources and of the targets of their aliases, each counted once."""
    aliases = [each for each in found if each.kind == "alias"]
    behind = {target for alias in aliases for target in alias.targets}
    named = [each for each in catalogue.resources if each.name in behind] if behind else []
    sizes = {(each.kind, each.name): each.size for each in (*found, *named) if each.kind != "alias"}
    known: dict[str, int] = {}
    for (_, name), size in sizes.items():
        known[name] = known.get(name, 0) + size
    # Backing and system indices are not in the catalogue: their size is the rest of the size of the alias.
    hidden = {
        tuple(target for target in alias.targets if target not in known):
        alias.size - sum(known.get(target, 0) for target in alias.targets)
        for alias in aliases
    }  # fmt: skip
    return sum(sizes.values()) + sum(size for targets, size in hidden.items() if targets and size > 0)


def owned(
    patterns: Sequence[str],
    found: Sequence[Resource],
    catalogue: Catalogue,
    *,
    grows: bool,
    excluded: Sequence[str] = (),
) -> list[Owned]:
    """Each resource with each of its owners. With `grows`, also the index templates whose new indices would match.

    Templates whose indices are all `excluded` do not count.
    """
    under = _patterns_of(patterns, found, catalogue)
    now = [Owned(each.name, owner, under(each.name)) for each in found for owner in each.owners]
    if not grows:
        return now
    overlapping = (
        (template, tuple(mine for mine in patterns if any(reaches(mine, theirs) for theirs in template.patterns)))
        for template in catalogue.templates
        if not all(is_excluded(each, excluded) for each in template.patterns)
    )
    return now + [Owned(f"template {each.name}", each.owner, mine) for each, mine in overlapping if mine]


def _patterns_of(
    patterns: Sequence[str], found: Sequence[Resource], catalogue: Catalogue
) -> Callable[[str], tuple[str, ...]]:
    """Says under which of the patterns a found name is, by itself or as the target of a matching alias."""
    if len(patterns) == 1:
        only = tuple(patterns)
        return lambda _name: only
    each_covers = [(pattern, matcher([pattern])) for pattern in patterns]
    behind: dict[str, set[str]] = {}
    if not all(map(matcher(patterns), (each.name for each in found))):
        behind = {
            pattern: {target for each in matched([pattern], catalogue) for target in each.targets}
            for pattern in patterns
        }
    return lambda name: tuple(
        pattern for pattern, covered in each_covers if covered(name) or name in behind.get(pattern, ())
    )
