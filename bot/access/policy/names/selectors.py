"""Selectors behind a name: `NAME::failures` is the failure store of a data stream, `NAME::data` the stream itself.

A role names no selector: the failure store has a privilege of its own ("Failure store", Elasticsearch).
"""

from collections.abc import Mapping
from typing import Any

from bot.access.errors import InvalidRequest, NotAllowed, RequestField
from bot.access.policy.model import Permission, Policy
from bot.access.policy.privileges import includes

FAILURES = "failures"

_PRIVILEGES = ("read_failure_store",)


def without_selectors(text: str) -> tuple[str, bool]:
    """The patterns of a comma-separated list without selectors, and whether these are failure stores.

    Raises `InvalidRequest` for other selectors, and for a list of both.
    """
    parts = [part.strip() for part in text.split(",")]
    split = [part.rpartition("::")[::2] if "::" in part else (part, "data") for part in parts]
    kinds = {kind.lower() for _, kind in split}
    if not kinds <= {"data", FAILURES}:
        raise InvalidRequest("Behind :: stands failures or data.", "/es-access logs-app 1h", RequestField.PATTERNS)
    if len(kinds) > 1:
        why = "Ask for failure stores (::failures) and for the data itself in two requests."
        raise InvalidRequest(why, "/es-access logs-app 1h", RequestField.PATTERNS)
    return ",".join(name for name, _ in split), FAILURES in kinds


def is_failure_store(privileges: Mapping[str, Any] | None) -> bool:
    """Whether access with these privileges reads failure stores alone."""
    return tuple((privileges or {}).get("indices", ())) == _PRIVILEGES


def reads_failure_stores(privileges: Mapping[str, Any] | None) -> bool:
    """Whether access with these privileges reads failure stores, alone or with the data."""
    return includes((privileges or {}).get("indices", ()), _PRIVILEGES)


def privileges_beside_name(permission: Permission) -> dict[str, Any]:
    """The privileges of a permission with limits, or for failure stores alone; empty for others, which a name tells."""
    stored = permission.stored()
    return stored if permission.limits or is_failure_store(stored) else {}


def failure_store_part(policy: Policy, permission: Permission) -> Permission:
    """The permission as far as it is about failure stores. Raises `NotAllowed` if it does not read them."""
    if includes(permission.indices, _PRIVILEGES):
        return permission.model_copy(update={"indices": _PRIVILEGES})
    offered = {name for flow in policy.access_flows if flow.usual or flow.break_glass for name in flow.offers}
    giving = (each.name for each in policy.permissions if includes(each.indices, _PRIVILEGES))
    right = next((name for name in giving if name in offered), None)
    instead = f"Ask for {right}." if right else "Nobody may ask for one that does: an administrator can add it."
    why = f"{permission.name} does not give failure stores (::failures), which need read_failure_store. {instead}"
    example = f"/es-access logs-app::failures 1h {right}" if right else "/es-access logs-app 1h"
    raise NotAllowed(why, example, RequestField.PERMISSION)
