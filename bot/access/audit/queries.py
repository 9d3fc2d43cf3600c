"""The questions of auditors: which events, and who had access to an index at a time. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bot.access.audit.terms import UNKNOWN, RecordedAccess, names_held
from bot.access.audit.verification import ChainBreak
from bot.access.models.grants import Grant
from bot.access.models.request_details import RequestDetails
from bot.access.policy.patterns import covers, overlap
from bot.access.states import GrantState


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
    `written_off`: its cluster is gone for good, and its end was never confirmed.
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
    written_off: bool
    approvers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Difference:
    """A request about which the tables say something else than the events."""

    request_id: str
    why: str


@dataclass(frozen=True)
class AccessAnswer:
    """Who had access, by the events. `differences` are the requests about which the tables disagree.

    `broken` is the first event that is not as it was written, if there is one: the answer may lack something then.
    """

    records: tuple[AccessRecord, ...]
    differences: tuple[Difference, ...] = ()
    broken: ChainBreak | None = None


def recorded_in_row(grant: Grant, details: RequestDetails) -> RecordedAccess:
    """The access of a grant as the tables tell it."""
    request = details.request
    return RecordedAccess(
        requester=request.requester, integration=request.integration, permission=request.permission,
        names=names_held(request), until=grant.expires_at, approvers=details.approvers,
        since=grant.delivered_at, ended=grant.ended_at, adopted=request.adopted, whole=True,
        written_off=grant.state is GrantState.WRITTEN_OFF,
    )  # fmt: skip


def completed(recorded: RecordedAccess, row: RecordedAccess | None) -> RecordedAccess:
    """The access with terms from its row that earlier versions wrote into no event: cluster, permission and end.

    The names are never taken from the row, because a changed row could then hide the access.
    """
    if recorded.whole or row is None:
        return recorded
    return replace(
        recorded,
        integration=recorded.integration or row.integration,
        permission=recorded.permission or row.permission,
        until=recorded.until or row.until,
    )


def difference(recorded: RecordedAccess | None, row: RecordedAccess | None) -> str | None:
    """What the tables say otherwise, for people; `None` if they agree."""
    if row is None:
        return "the events tell of this access, and the tables have none of it at that time"
    if recorded is None:
        return f"the tables tell of access of {row.requester} at that time, and the events do not"
    wrong = [name for name in _COMPARED if getattr(recorded, name) != getattr(row, name)]
    if not _same_names(recorded, row):
        wrong.append("names")
    if sorted(recorded.approvers) != sorted(row.approvers):
        wrong.append("approvers")
    return f"the tables say otherwise: {', '.join(_COMPARED.get(each, each) for each in wrong)}" if wrong else None


def _same_names(recorded: RecordedAccess, row: RecordedAccess) -> bool:
    """Whether the names agree. Earlier versions recorded the requested patterns, of which the role may hold less."""
    if recorded.whole:
        return recorded.names == row.names
    return recorded.names is None or _is_covered(row.names or (), recorded.names)


_COMPARED = {
    "requester": "requester", "integration": "cluster", "permission": "permission",
    "since": "start", "until": "planned end", "ended": "confirmed end",
}  # fmt: skip
"""Terms that must be equal, and their names for people."""


def record_of(request_id: str, access: RecordedAccess, index: str) -> AccessRecord | None:
    """The answer about one access; `None` if it gives nothing under that index or pattern.

    If neither events nor tables name the data, the access counts for all data.
    """
    held = (UNKNOWN,) if access.names is None else access.names
    names = tuple(each for each in held if each == UNKNOWN or overlap(each, index))
    until = access.ended or access.until or access.since
    if not names or access.since is None or until is None:
        return None
    return AccessRecord(
        requester=access.requester,
        permission=access.permission or UNKNOWN,
        integration=access.integration or UNKNOWN,
        names=names,
        request_id=request_id,
        since=access.since,
        until=until,
        gone=access.ended is not None,
        overdue=access.ended is not None and access.until is not None and access.ended > access.until,
        adopted=access.adopted,
        written_off=access.written_off,
        approvers=access.approvers,
    )


def _is_covered(names: Sequence[str], patterns: Sequence[str]) -> bool:
    return all(any(covers(pattern, name) for pattern in patterns) for name in names)
