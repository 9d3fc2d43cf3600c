"""The room of a worker pool: how many more rows of each share it takes."""

from collections.abc import Mapping
from dataclasses import dataclass, field

ALL = ""
"""The share of rows that are not divided."""


@dataclass(frozen=True)
class Room:
    """Up to `most` rows of each share, less those that are `taken`. The share of a grant is its integration."""

    most: int
    taken: Mapping[str, int] = field(default_factory=dict)

    def left(self, share: str = ALL) -> int:
        """How many more rows of that share there is room for."""
        return self.most - self.taken.get(share, 0)

    @property
    def full(self) -> list[str]:
        """The shares without room."""
        return [share for share in self.taken if self.left(share) <= 0]
