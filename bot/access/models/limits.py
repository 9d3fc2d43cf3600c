"""Limits: the part of the data that access shows, by fields and by documents."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Limits:
    """The documents that access shows are those that match `query`, with the fields under `grant` and not `hidden`.

    Without `grant` these are all fields. `query` is a query of Elasticsearch in canonical JSON, or empty for all
    documents.
    """

    grant: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    query: str = ""

    def __bool__(self) -> bool:
        return bool(self.grant or self.hidden or self.query)

    def stored(self) -> dict[str, Any]:
        """The limits as JSON, under the keys of a permission; empty without any."""
        fields = {"grant": list(self.grant), "except": list(self.hidden)}
        return {
            **({"fields": {key: names for key, names in fields.items() if names}} if self.grant or self.hidden else {}),
            **({"query": self.query} if self.query else {}),
        }

    @staticmethod
    def restored(stored: Mapping[str, Any]) -> "Limits":
        """Reads the limits among stored privileges."""
        fields = stored.get("fields") or {}
        return Limits(tuple(fields.get("grant", ())), tuple(fields.get("except", ())), stored.get("query", ""))


NO_LIMITS = Limits()
