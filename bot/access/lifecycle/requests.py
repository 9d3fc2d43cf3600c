"""How requests come out: the last approval, the outcome that everybody is told, and more time for a grant."""

from datetime import datetime, timedelta

from bot.access.errors import LostRace
from bot.access.ids import APPLICATION
from bot.access.lifecycle.expiry_warnings import first_warning
from bot.access.lifecycle.timeline import TimelineEvent, add_to_timeline, stamp
from bot.access.models.grants import Grant, GrantTask
from bot.access.models.messages import MessageKind
from bot.access.models.request_details import RequestDetails
from bot.access.models.requests import AccessRequest, AskedGroup
from bot.access.states import GrantState, RequestState
from bot.access.store.transaction import Transaction

_TOLD = {
    RequestState.DENIED: TimelineEvent.DENIED,
    RequestState.CANCELLED: TimelineEvent.CANCELLED,
    RequestState.EXPIRED: TimelineEvent.EXPIRED,
}


def complete(details: RequestDetails) -> bool:
    """Whether enough owners have said yes: each group, or one of them where that is enough.

    An approval of the escalation group stands in for all: it was asked because the others did not answer.
    """
    satisfied = {group.id for group in details.groups if _yeses(details, group) >= group.approvals}
    if any(group.escalation and group.id in satisfied for group in details.groups):
        return True
    needed = [group.id for group in details.groups if not group.escalation]
    enough = any if details.request.any_group else all
    return bool(needed) and enough(group in satisfied for group in needed)


def _yeses(details: RequestDetails, group: AskedGroup) -> int:
    return sum(1 for each in details.approvals if each.approved and group.id in each.groups)


def prolong(
    write: Transaction, grant: Grant, length: timedelta, actor: str, now: datetime, *, automatic: bool = False
) -> None:
    """Moves the end of a live grant; workers tell the cluster. Raises `LostRace`.

    `automatic`: nobody asked for it, so that it is not one of the extensions that an access flow may limit.
    """
    until = grant.expires_at + length
    # A fresh secret that is owed already will be one that lasts as long.
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
        return  # somebody decided at the last moment: that counts
    enqueue_outcome(write, request, now)


def describe_end(request: AccessRequest) -> str:
    """How a request ended, as told to somebody who came too late."""
    by = f" by <@{request.decided_by}>" if request.decided_by and request.decided_by != APPLICATION else ""
    return f"{request.id} was already {request.state.value}{by}. Nothing was changed."


def enqueue_outcome(write: Transaction, request: AccessRequest, now: datetime) -> None:
    """Shows the end of a request in every owner's copy, and owes the requester a message about it."""
    show_outcome(write, request, now)
    write.enqueue(request.id, MessageKind.OUTCOME, audience_of(request), now)


def show_outcome(write: Transaction, request: AccessRequest, now: datetime) -> None:
    """Shows the end of a request in every message about it."""
    write.refresh(request.id, [MessageKind.APPROVAL, MessageKind.OFFER, MessageKind.ASKED], now)
    if request.state in _TOLD:
        add_to_timeline(write, request.id, now, _TOLD[request.state], request.decided_by or APPLICATION)


def audience_of(request: AccessRequest) -> list[str]:
    """Who hears what becomes of a request: its requester, and who asked for them."""
    return list(dict.fromkeys([request.requester, *([request.asked_by] if request.asked_by else [])]))
