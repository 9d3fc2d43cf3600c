"""Index privileges: what each lets its holder do, and which others it implies ("Security privileges", Elasticsearch).

A privilege without an entry counts as every effect, so that a name from a newer version widens nothing unseen.
"""

from collections.abc import Iterable
from enum import StrEnum


class Effect(StrEnum):
    """What a privilege lets its holder do with the data. Ordered from the weakest to the strongest."""

    READS = "reads"
    WRITES = "writes"
    MANAGES = "manages"


EVERYTHING = frozenset(Effect)

_NOTHING: frozenset[Effect] = frozenset()
_READS = frozenset({Effect.READS})
_WRITES = frozenset({Effect.WRITES})
_MANAGES = frozenset({Effect.MANAGES})

EFFECTS = {
    "none": _NOTHING,
    "monitor": _NOTHING,
    "view_index_metadata": _NOTHING,
    "read": _READS,
    "read_cross_cluster": _READS,
    "read_failure_store": _READS,
    "create_doc": _WRITES,
    "create": _WRITES,
    "index": _WRITES,
    "delete": _WRITES,
    "write": _WRITES,
    "auto_configure": _MANAGES,
    "create_index": _MANAGES,
    "maintenance": _MANAGES,
    # Whoever may delete an index may delete its documents.
    "delete_index": _WRITES | _MANAGES,
    "manage": _WRITES | _MANAGES,
    "all": EVERYTHING,
}

_CHANGE_NO_OWNER = frozenset({
    "none", "monitor", "view_index_metadata", "read", "read_cross_cluster", "read_failure_store", "delete",
    "create_index", "auto_configure", "maintenance",
})  # fmt: skip
"""Privileges that cannot change the `_meta` of an index that exists (measured on 9.5.3 and 8.19.21)."""


def effects_of(privileges: Iterable[str]) -> frozenset[Effect]:
    """Everything that these index privileges let their holder do."""
    return frozenset().union(*(EFFECTS.get(each.lower(), EVERYTHING) for each in privileges))


def may_change_owner(privileges: Iterable[str]) -> bool:
    """Whether one of these index privileges may change the `_meta` of an index, and so its owner."""
    return any(each.lower() not in _CHANGE_NO_OWNER for each in privileges)
