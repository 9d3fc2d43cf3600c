"""Index privileges: what each lets its holder do, and which others it includes ("Security privileges", Elasticsearch).

The table holds what 9.5.3 and 8.19.21 do, as measured, and not what a name promises. A privilege without an entry
counts as every effect, so that a name from a newer version widens nothing unseen.
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
    # `_validate/query` with `rewrite` and `explain` spells out the values of a field.
    "view_index_metadata": _READS,
    "read": _READS,
    "read_cross_cluster": _READS,
    "read_failure_store": _READS,
    # It reads every operation on a shard.
    "cross_cluster_replication": _READS,
    "cross_cluster_replication_internal": _READS,
    "create_doc": _WRITES,
    "create": _WRITES,
    "delete": _WRITES,
    # `_update` with `_source=true` returns the document, even if it changes nothing.
    "index": _READS | _WRITES,
    "write": _READS | _WRITES,
    "auto_configure": _MANAGES,
    "create_index": _MANAGES,
    "maintenance": _MANAGES,
    "manage_follow_index": _MANAGES,
    "manage_leader_index": _MANAGES,
    # Deleting an index, or letting it expire, deletes its documents.
    "delete_index": _WRITES | _MANAGES,
    "manage_data_stream_lifecycle": _WRITES | _MANAGES,
    "manage_ilm": _WRITES | _MANAGES,
    "manage_failure_store": EVERYTHING,
    "manage": EVERYTHING,
    "all": EVERYTHING,
    "read_dataset_metadata": _NOTHING,
    "read_view_metadata": _NOTHING,
    # Replacing a view or a data set changes the data that its readers see.
    "create_dataset": _WRITES | _MANAGES,
    "create_view": _WRITES | _MANAGES,
    "delete_dataset": _WRITES | _MANAGES,
    "delete_view": _WRITES | _MANAGES,
    "manage_dataset": _WRITES | _MANAGES,
    "manage_view": _WRITES | _MANAGES,
}

_INCLUDED = {
    "create": {"create_doc"},
    "index": {"create", "create_doc"},
    "write": {"index", "create", "create_doc", "delete"},
    "manage_dataset": {"create_dataset", "delete_dataset", "read_dataset_metadata"},
    "manage_view": {"create_view", "delete_view", "read_view_metadata"},
    "manage": {
        "auto_configure", "create_dataset", "create_index", "create_view", "delete_dataset", "delete_index",
        "delete_view", "maintenance", "manage_data_stream_lifecycle", "manage_dataset", "manage_failure_store",
        "manage_follow_index", "manage_ilm", "manage_leader_index", "manage_view", "monitor", "read_dataset_metadata",
        "read_view_metadata", "view_index_metadata",
    },
}  # fmt: skip
"""What each privilege includes on every version that knows both. `all` includes all, and all include `none`."""

_CHANGE_NO_OWNER = frozenset({
    "none", "monitor", "view_index_metadata", "read", "read_cross_cluster", "read_failure_store", "delete",
    "create_index", "auto_configure", "maintenance",
})  # fmt: skip
"""Privileges that cannot change the `_meta` of an index that exists (measured on 9.5.3 and 8.19.21)."""


def effects_of(privileges: Iterable[str]) -> frozenset[Effect]:
    """Everything that these index privileges let their holder do."""
    return frozenset().union(*(EFFECTS.get(each.lower(), EVERYTHING) for each in privileges))


def strongest_effect(privileges: Iterable[str]) -> Effect | None:
    """The strongest effect of these index privileges; `None` if they have none."""
    effects = effects_of(privileges)
    return next((each for each in reversed(Effect) if each in effects), None)


def includes(wide: Iterable[str], narrow: Iterable[str]) -> bool:
    """Whether the wide index privileges include each of the narrow ones."""
    held = {each.lower() for each in wide}
    more = {"none"}.union(*(_INCLUDED.get(each, ()) for each in held))
    return "all" in held or {each.lower() for each in narrow} <= held | more


def may_change_owner(privileges: Iterable[str]) -> bool:
    """Whether one of these index privileges may change the `_meta` of an index, and so its owner."""
    return any(each.lower() not in _CHANGE_NO_OWNER for each in privileges)


LIMITED = ("read", "read_cross_cluster", "view_index_metadata", "monitor")
"""Privileges for which limits of fields and documents hold. Others change or delete documents that they hide, or read
what a failure store or a replication keeps of them."""


def heeds_limits(privileges: Iterable[str]) -> bool:
    """Whether limits of fields and documents hold for all that these index privileges let their holder do."""
    return {each.lower() for each in privileges} <= {*LIMITED, "none"}


_CREATE_NO_INDEX = frozenset({
    "none", "monitor", "view_index_metadata", "read", "read_cross_cluster", "read_failure_store", "delete",
    "create_doc", "create", "index", "write", "maintenance", "delete_index",
})  # fmt: skip
"""Privileges that cannot create an index, by a call or by storing a document (measured on 9.5.3 and 8.19.21)."""


def may_create_index(privileges: Iterable[str]) -> bool:
    """Whether one of these index privileges may create an index, and so write the owner of a new one."""
    return any(each.lower() not in _CREATE_NO_INDEX for each in privileges)
