"""What this installation has created in a cluster, as it was found there."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class InventoryItem:
    """A user, role or set of live keys of one name that this installation created in a cluster.

    `grant_id`, `requester` and `expires_at` come from its metadata and are `None` if missing or unreadable. `patterns`
    and `indices` come from its role, or from its key once the role is gone. `key_ids` are in order of creation. Objects
    from before installation ids existed are not `marked`: they are ours if their name is known.
    """

    username: str
    grant_id: str | None
    requester: str | None
    expires_at: datetime | None
    user: bool
    enabled: bool
    role: bool
    key_ids: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    indices: tuple[str, ...] = ()
    marked: bool = True

    @property
    def usable(self) -> bool:
        """Whether anyone can sign in with it."""
        return self.enabled or bool(self.key_ids)
