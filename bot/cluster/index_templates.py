"""Which index template a name falls under, quick enough to be asked for 10,000 names and as many templates."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from bot.access.policy.patterns import matcher


@dataclass(frozen=True, slots=True)
class IndexTemplate:
    """A template, the owner of what comes from it if it names one, and how far it goes before others."""

    name: str
    patterns: tuple[str, ...]
    owner: str | None
    priority: int
    legacy: bool = False


class Templates:
    """The templates of a cluster.

    Of those that match a name the one with the highest priority holds, alone; a legacy one holds only where there is
    no other ("Index templates", Elasticsearch).
    """

    def __init__(self, templates: Iterable[IndexTemplate]) -> None:
        self.all = tuple(sorted(templates, key=lambda each: (each.legacy, -each.priority)))
        # By what a pattern begins with, so that a name is compared with the few that could match it.
        self._by_head: dict[str, list[tuple[int, Callable[[str], bool]]]] = {}
        for rank, template in enumerate(self.all):
            for pattern in template.patterns:
                head = pattern.partition("*")[0]
                self._by_head.setdefault(head, []).append((rank, _tail_matcher(pattern)))
        self._lengths = sorted(set(map(len, self._by_head)))

    def owner_of(self, name: str) -> str | None:
        """The owner that the template of that name has, if there is such a template and it has one."""
        best = len(self.all)
        for length in self._lengths:
            for rank, fits in self._by_head.get(name[:length], ()):
                if rank < best and fits(name):
                    best = rank
        return self.all[best].owner if best < len(self.all) else None


def _tail_matcher(pattern: str) -> Callable[[str], bool]:
    """Tells whether a name that begins as the pattern does is matched by all of it."""
    head, star, tail = pattern.partition("*")
    if not star:
        return head.__eq__
    return matcher([pattern]) if tail else lambda _: True
