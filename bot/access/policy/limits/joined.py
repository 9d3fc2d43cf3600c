"""Several accesses in one role, whose limits Elasticsearch joins."""

from collections.abc import Sequence
from itertools import product

from bot.access.policy.model import Permission
from bot.access.policy.patterns import overlap


def show_more_together(
    one: Permission, names: Sequence[str], other: Permission, other_names: Sequence[str]
) -> bool:  # fmt: skip
    """Whether two accesses could show more in one role than each of them shows by itself.

    Of entries with different limits on one index, Elasticsearch shows the documents of either query with the fields of
    either list (measured on 8.19 and 9.5). Where one access includes the other, it gives that anyway.
    """
    if not (one.limits or other.limits) or one.includes(other) or other.includes(one):
        return False
    return any(overlap(mine, theirs) for mine, theirs in product(names, other_names))
