"""Finds the index template of a name, fast enough for 10,000 names and as many templates."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from bot.access.policy.patterns import matcher


@dataclass(frozen=True, slots=True)
class IndexTemplate:
    """An index template, the owner of its indices if it names one, and its priority."""

    name: str
    patterns: tuple[str, ...]
    owner: str | None
    priority: int
    legacy: bool = False


class Templates:
    """The templates of a cluster.

    Of those that match a name, only the one with the highest priority applies; a legacy template applies only if no
    other matches ("Index templates", Elasticsearch).
    """

    def __init__(self, templates: Iterable[IndexTemplate]) -> None:
        self.all = tuple(sorted(templates, key=lambda each: (each.legacy, -each.priority)))
        # By the text before the star, so that a name is compared with few patterns.
        self._by_head: dict[str, list[tuple[int, Callable[[str], bool]]]] = {}
        for rank, template in enumerate(self.all):
            for pattern in template.patterns:
                head = pattern.partition("*")[0]
                self._by_head.setdefault(head, []).append((rank, _tail_matcher(pattern)))
        self._lengths = sorted(set(map(len, self._by_head)))

    def owner_of(self, name: str) -> str | None:
        """The owner in the template that applies to `name`; `None` if there is no template or no owner."""
        best = len(self.all)
        for length in self._lengths:
            for rank, fits in self._by_head.get(name[:length], ()):
                if rank < best and fits(name):
                    best = rank
        return self.all[best].owner if best < len(self.all) else None


def _tail_matcher(pattern: str) -> Callable[[str], bool]:
    """Checks whether the whole pattern matches a name that begins with its head."""
    head, star, tail = pattern.partition("*")
    if not star:
        return head.__eq__
    return matcher([pattern], hidden=True) if tail else lambda _: True
