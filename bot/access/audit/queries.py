"""The questions of auditors: which events, and who had access to an index at a time. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime

from bot.access.models.grants import Grant
from bot.access.models.requests import AccessRequest
from bot.access.policy.patterns import overlap


@dataclass(frozen=True)
class AuditFilter:
    """A selection of events. `event` is a name or the part before its dot; `person` acted, or it is about their
    request.
    """

    since: datetime | None = None
    until: datetime | None = None
    event: str = ""
    request: str | None = None
    person: str | None = None


@dataclass(frozen=True)
class AccessRecord:
    """One person's access. `until` is when its end was confirmed or is due; `overdue`: it outlasted its expiry.

    Only this application ends a credential: while it or the cluster was unavailable, access outlived `expires_at`.
    `adopted`: it was found in the cluster, after the database that knew its approvers was lost or restored.
    """

    requester: str
    permission: str
    integration: str
    names: tuple[str, ...]
    request_id: str
    since: datetime
    until: datetime
    gone: bool
    overdue: bool
    adopted: bool
    approvers: tuple[str, ...] = ()

    def approved_by(self, approvers: tuple[str, ...]) -> "AccessRecord":
        """The same record with its approvers."""
        return replace(self, approvers=approvers)


def access_of(grant: Grant, request: AccessRequest, index: str) -> AccessRecord | None:
    """The access that a grant gives to an index, or to anything under a pattern; `None` if it gives none."""
    names = tuple(request.patterns if request.resolved is None else request.resolved)
    matching = tuple(name for name in names if overlap(name, index))
    if not matching or grant.delivered_at is None:
        return None
    gone = grant.ended_at is not None
    return AccessRecord(
        requester=request.requester,
        permission=request.permission,
        integration=request.integration,
        names=matching,
        request_id=request.id,
        since=grant.delivered_at,
        until=grant.ended_at or grant.expires_at,
        gone=gone,
        overdue=grant.ended_at is not None and grant.ended_at > grant.expires_at,
        adopted=request.adopted,
    )
