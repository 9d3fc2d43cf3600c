"""Previews: the resources that a request covers, shown before it is filed or approved."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bot.access.policy.owner_groups import Owned
from bot.access.policy.patterns import matcher, overlap
from bot.access.ports import Catalogue, Resource

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


def preview(patterns: Sequence[str], found: Sequence[Resource], *, grows: bool) -> Preview:
    """Summarizes matching resources. `grows`: the access extends to new ones."""
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
    """Each resource with each of its owners. With `grows`, also the index templates whose new indices would match."""
    now = [Owned(each.name, owner) for each in found for owner in each.owners]
    if not grows:
        return now
    later = [
        Owned(f"template {template.name}", template.owner)
        for template in catalogue.templates
        if any(overlap(mine, theirs) for mine in patterns for theirs in template.patterns)
    ]
    return now + later
