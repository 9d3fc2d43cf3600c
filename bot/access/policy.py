"""The policy: integrations, permissions and limits. Decisions are pure functions of it, with a reason."""

from datetime import timedelta

from pydantic import BaseModel, ConfigDict, Field

from bot.access.errors import InvalidRequest

LONGEST_REASON = 500
"""Characters: more does not fit beside the rest of an approval message on a phone."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Permission(_Part):
    """A named set of Elasticsearch index privileges. It never holds a cluster privilege."""

    name: str
    index_privileges: tuple[str, ...]


PERMISSIONS = {
    each.name: each
    for each in (
        Permission(name="read", index_privileges=("read", "view_index_metadata")),
        Permission(name="write", index_privileges=("read", "view_index_metadata", "write")),
        Permission(name="manage", index_privileges=("read", "view_index_metadata", "write", "manage")),
    )
}
"""Each holds the one before: who may write may read what was written."""


class Integration(_Part):
    """One cluster, and whom to ask about it. `owners` are Slack user ids, e-mails and `@group` handles."""

    name: str
    owners: tuple[str, ...]
    public_url: str
    access_details: str = Field(default="", max_length=400)


class Policy(_Part):
    """Everything a decision depends on, read once at start."""

    integrations: tuple[Integration, ...] = Field(min_length=1)
    longest: timedelta
    pending_for: timedelta

    def integration(self, name: str | None) -> Integration:
        """The integration of that name, or the only one when none is named. Raises `InvalidRequest`."""
        known = ", ".join(each.name for each in self.integrations)
        if name is None:
            if len(self.integrations) > 1:
                raise InvalidRequest(
                    f"Say which cluster you mean: {known}.",
                    f"/es-access logs-* 1h --cluster {self.integrations[0].name}",
                )
            return self.integrations[0]
        for each in self.integrations:
            if each.name.lower() == name.lower():
                return each
        raise InvalidRequest(
            f"There is no cluster “{name[:40]}” here. There is: {known}.",
            f"/es-access logs-* 1h --cluster {self.integrations[0].name}",
        )


def permission_named(name: str) -> Permission:
    """The permission of that name. Raises `InvalidRequest`."""
    found = PERMISSIONS.get(name.lower())
    if found is None:
        raise InvalidRequest(
            f"“{name[:40]}” is not a permission. There is: {', '.join(PERMISSIONS)}.",
            "/es-access logs-* 1h write",
        )
    return found
