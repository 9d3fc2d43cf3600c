"""The mark on everything that the application creates in a cluster, and the installation that it names."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.access.errors import Outage
from bot.access.ports import CredentialSpec
from bot.cluster.roles import kept_patterns

METADATA_KEY = "es_access"
"""The metadata key on everything that the application creates, to tell it apart from other objects."""


@dataclass
class Installation:
    """This installation, of possibly several on one cluster. `id` is `None` until it is known."""

    id: str | None = None

    def require_id(self) -> str:
        """The id. Raises `Outage` while it is not known."""
        if self.id is None:
            raise Outage("which installation this is will be known when Slack has answered once")
        return self.id

    def metadata(self, spec: CredentialSpec) -> dict[str, Any]:
        """The metadata for everything that is created for a grant. Raises `Outage`."""
        return self.marked(
            {
                "grant": spec.grant_id,
                "requester": spec.requester,
                "expires_at": spec.expires_at.isoformat(),
                **kept_patterns(spec),
            }
        )

    def marked(self, details: Mapping[str, Any]) -> dict[str, Any]:
        """The metadata for something with these details. Raises `Outage`."""
        return {METADATA_KEY: {**details, "installation": self.require_id()}}

    def owns(self, found: Mapping[str, Any]) -> bool:
        """Whether that user, role or key is marked with this installation.

        Objects from before installation ids have a mark without one, and count as ours if they are found by name.
        """
        mark = mark_of(found)
        return mark is not None and mark.get("installation", self.id) == self.id


def mark_of(found: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The mark of a user, role or key; `None` if it has none."""
    mark = found.get("metadata", {}).get(METADATA_KEY)
    return mark if isinstance(mark, dict) else None
