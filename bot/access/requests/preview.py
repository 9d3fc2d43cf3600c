"""What a request covers, as people are shown it before they ask for it or agree to it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bot.access.policy.owner_groups import Owned
from bot.access.policy.patterns import matcher, overlap
from bot.access.ports import Catalogue, Resource

FIRST_NAMES = 5
"""Shown of what matches: enough to see a wrong pattern."""


@dataclass(frozen=True)
class Preview:
    """What matches now. `size` is in bytes. `grows`: what is created later under the patterns is covered too."""

    indices: int
    data_streams: int
    aliases: int
    size: int
    names: tuple[str, ...]
    grows: bool

    @property
    def count(self) -> int:
        """Everything that matches."""
        return self.indices + self.data_streams + self.aliases

    def stored(self) -> dict[str, Any]:
        """As it is kept with the request."""
        return {**asdict(self), "names": list(self.names)}


def read_preview(stored: dict[str, Any] | None) -> Preview | None:
    """The preview as it was kept with a request, if one could be made."""
    return Preview(**{**stored, "names": tuple(stored["names"])}) if stored else None


def matched(patterns: Sequence[str], catalogue: Catalogue) -> list[Resource]:
    """The resources that one of the patterns covers, in the order of their names."""
    covered = matcher(patterns)
    return [each for each in catalogue.resources if covered(each.name)]


def preview(patterns: Sequence[str], found: Sequence[Resource], *, grows: bool) -> Preview:
    """Counts what was found. `grows` says that new resources may come to be covered."""
    kinds = [each.kind for each in found]
    return Preview(
        indices=kinds.count("index"),
        data_streams=kinds.count("data stream"),
        aliases=kinds.count("alias"),
        size=sum(each.size for each in found),
        names=tuple(each.name for each in found[:FIRST_NAMES]),
        grows=grows and any("*" in pattern for pattern in patterns),
    )


def owned(patterns: Sequence[str], found: Sequence[Resource], catalogue: Catalogue, *, grows: bool) -> list[Owned]:
    """Each owner of each resource; with `grows`, also of the templates that new ones under the patterns come from."""
    now = [Owned(each.name, owner) for each in found for owner in each.owners]
    if not grows:
        return now
    later = [
        Owned(f"template {template.name}", template.owner)
        for template in catalogue.templates
        if any(overlap(mine, theirs) for mine in patterns for theirs in template.patterns)
    ]
    return now + later
