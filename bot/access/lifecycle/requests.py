"""How requests end: complete approval, expiry, the outcome that people learn, and extensions of grants."""

from datetime import datetime, timedelta

from bot.access.errors import LostRace
from bot.access.ids import APPLICATION
from bot.access.lifecycle.expiry_warnings import first_warning
from bot.access.lifecycle.timeline import TimelineEvent, add_to_timeline, stamp
from bot.access.models.grants import Grant, GrantTask
from bot.access.models.messages import MessageKind
from bot.access.models.request_details import RequestDetails
from bot.access.models.requests import AccessRequest, AskedGroup
from bot.access.states import LIVE, GrantState, RequestState
from bot.access.store.transaction import Transaction

_TIMELINE_EVENTS = {
    RequestState.DENIED: TimelineEvent.DENIED,
    RequestState.CANCELLED: TimelineEvent.CANCELLED,
    RequestState.EXPIRED: TimelineEvent.EXPIRED,
}


def is_approved(details: RequestDetails) -> bool:
    """Whether enough owners have approved: those of each group, or of one group for each pattern if that is enough.

    The approval of the escalation group replaces all others, because it was asked when they did not answer.
    """
    satisfied = [group for group in details.groups if _count_approvals(details, group) >= group.approvals]
    if any(group.escalation for group in satisfied):
        return True
    if details.request.any_group:
        return all(any(owns_under(group, pattern) for group in satisfied) for pattern in details.request.patterns)
    needed = [group.id for group in details.groups if not group.escalation]
    return bool(needed) and {group.id for group in satisfied}.issuperset(needed)


def owns_under(group: AskedGroup, pattern: str) -> bool:
    """Whether the group owns something under that pattern of its request."""
    return group.patterns is None or pattern in group.patterns


def _count_approvals(details: RequestDetails, group: AskedGroup) -> int:
    return sum(1 for each in details.approvals if each.approved and group.id in each.groups)


def complete(write: Transaction, request: AccessRequest, username: str, actor: str, now: datetime) -> None:
    """Stores the decision after its last approval, and creates the grant or extends it.

    Raises `LostRace`, and `Conflict` for an account that is somebody else's.
    """
    if request.extends is None:
        write.take_account(request)
    write.move(
        request, RequestState.APPROVED, actor, now,
        decided_by=actor, decided_at=now, escalate_at=None, route_at=None,
    )  # fmt: skip
    write.refresh(request.id, [MessageKind.OFFER, MessageKind.ASKED], now)
    add_to_timeline(write, request.id, now, TimelineEvent.APPROVED, actor)
    if request.extends is not None:
        grant = write.grant(request.extends)
        if grant is None or grant.state not in LIVE or grant.expires_at <= now:
            raise LostRace(request.extends)
        extend_grant(write, grant, request.length, actor, now)
        write.enqueue(request.id, MessageKind.OUTCOME, audience_of(request), now)
        return
    write.add(
        Grant(
            id=request.id,
            first_username=username,
            state=GrantState.PROVISIONING,
            created_at=now,
            expires_at=now + request.length,
            due_at=now,
            warn_at=None if request.automatic else first_warning(now, now + request.length),
        )
    )
    write.enqueue(request.id, MessageKind.CREDENTIAL, [request.requester], at=None)


def extend_grant(
    write: Transaction, grant: Grant, length: timedelta, actor: str, now: datetime, *, automatic: bool = False
) -> None:
    """Extends a live grant; workers update the cluster. Raises `LostRace`.

    `automatic`: nobody asked for the extension, so it does not count towards the limit of the access flow.
    """
    until = grant.expires_at + length
    # A new secret that is due already will be valid until the new end.
    task = None if grant.state is GrantState.PROVISIONING else grant.task or GrantTask.EXTEND
    write.change(
        grant,
        "grant.extended",
        actor,
        now,
        detail={"until": until.isoformat()},
        expires_at=until,
        due_at=now,
        task=task,
        warn_at=None if automatic else first_warning(now, until),
        extensions=grant.extensions + (not automatic),
    )
    write.refresh(grant.id, [MessageKind.APPROVAL, MessageKind.WARNING, MessageKind.BREAK_GLASS], now)
    add_to_timeline(write, grant.id, now, TimelineEvent.EXTENDED, actor, stamp(until))


def expire(write: Transaction, request: AccessRequest, now: datetime) -> None:
    """Ends a request that nobody decided in time, and tells its requester."""
    try:
        write.move(request, RequestState.EXPIRED, APPLICATION, now, decided_at=now)
    except LostRace:
        return  # a decision at the last moment counts
    enqueue_outcome(write, request, now)


def describe_end(request: AccessRequest, grant: Grant | None = None) -> str:
    """The sentence for a person who acts on a request that has already ended.

    With its `grant`, or the one that it extends, for a person who may end the access.
    """
    by = f" by <@{request.decided_by}>" if request.decided_by and request.decided_by != APPLICATION else ""
    if request.state is RequestState.APPROVED and grant is not None and grant.state in LIVE:
        return f"{request.id} was approved{by} already. To end the access: /es-access revoke {grant.id}"
    if request.state is RequestState.EXPIRED:
        return f"{request.id} has expired: nobody decided in time. Nothing was changed."
    return f"{request.id} was already {request.state.value}{by}. Nothing was changed."


def enqueue_outcome(write: Transaction, request: AccessRequest, now: datetime) -> None:
    """Shows the outcome of a request in every owner's message, and enqueues a message to the requester."""
    show_outcome(write, request, now)
    write.enqueue(request.id, MessageKind.OUTCOME, audience_of(request), now)


def show_outcome(write: Transaction, request: AccessRequest, now: datetime) -> None:
    """Shows the outcome of a request in every message about it."""
    write.refresh(request.id, [MessageKind.APPROVAL, MessageKind.OFFER, MessageKind.ASKED], now)
    if request.state in _TIMELINE_EVENTS:
        add_to_timeline(write, request.id, now, _TIMELINE_EVENTS[request.state], request.decided_by or APPLICATION)


def audience_of(request: AccessRequest) -> list[str]:
    """The people who learn the outcome of a request: its requester and its asker."""
    return list(dict.fromkeys([request.requester, *([request.asked_by] if request.asked_by else [])]))
