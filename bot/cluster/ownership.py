"""How what the application makes in a cluster says so, and whose it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.access.errors import Outage
from bot.access.ports import CredentialSpec

METADATA_KEY = "es_access"
"""Everything made by the application carries this key, so that it is told from what others made."""


@dataclass
class Installation:
    """Which of several installations on one cluster this one is. `id` is `None` until it is known."""

    id: str | None = None

    def require_id(self) -> str:
        """The id. Raises `Outage` while it is not known."""
        if self.id is None:
            raise Outage("which installation this is will be known when Slack has answered once")
        return self.id

    def metadata(self, spec: CredentialSpec) -> dict[str, Any]:
        """What is written into all that is made for a grant. Raises `Outage`."""
        return {
            METADATA_KEY: {
                "grant": spec.grant_id,
                "requester": spec.requester,
                "expires_at": spec.expires_at.isoformat(),
                "installation": self.require_id(),
            }
        }

    def owns(self, found: Mapping[str, Any]) -> bool:
        """Whether that user, role or key says that this installation made it.

        What was made before there were installation ids names none, and is taken for ours where it is met by name.
        """
        mark = mark_of(found)
        return mark is not None and mark.get("installation", self.id) == self.id


def mark_of(found: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What a user, role or key says of who made it; `None` where it says nothing."""
    mark = found.get("metadata", {}).get(METADATA_KEY)
    return mark if isinstance(mark, dict) else None
