"""Extensions: how far and how often an access flow lets a grant be extended."""

from datetime import datetime, timedelta

from bot.access.durations import format_duration
from bot.access.errors import Conflict, InvalidRequest
from bot.access.models.grants import Grant
from bot.access.models.requests import AccessRequest
from bot.access.requests.drafts import ParsedRequest
from bot.access.requests.routing import Plan


def check_extension(original: AccessRequest, grant: Grant, plan: Plan, parsed: ParsedRequest, now: datetime) -> None:
    """Raises `Conflict` or `InvalidRequest` if the plan may not extend the grant."""
    _check_same_access(original, plan, parsed)
    _check_number(grant, plan)
    _check_end(grant.expires_at + plan.duration - now, plan)
    _check_total(grant, plan)


def _check_same_access(original: AccessRequest, plan: Plan, parsed: ParsedRequest) -> None:
    """An extension keeps the approved access. A plan for other access would mislead the owners who approve it."""
    resolved = list(plan.resolved) if plan.resolved is not None else None
    approved = (original.resolved, original.privileges, original.excluded or [])
    if approved != (resolved, parsed.permission.stored(), list(plan.excluded)):
        raise Conflict(
            f"{original.id} is not what you would be given today, so it cannot be extended. Ask for access anew."
        )


def _check_number(grant: Grant, plan: Plan) -> None:
    most = plan.flow.max_extensions
    if most is not None and grant.extensions >= most:
        times = "It cannot be extended" if most == 0 else f"It was extended {_count_of_times(most)}, which is the most"
        raise InvalidRequest(
            f"{times} under the access flow “{plan.flow.name}”. When it has ended, ask for access anew."
        )


def _check_end(ahead: timedelta, plan: Plan) -> None:
    """An extended grant ends no later than a new request under the same flow could."""
    if ahead > plan.flow.max_duration:
        raise InvalidRequest(
            f"That would end {format_duration(ahead)} from now, and the access flow “{plan.flow.name}” allows "
            f"{format_duration(plan.flow.max_duration)} at a time. Ask for less, or later."
        )


def _check_total(grant: Grant, plan: Plan) -> None:
    most = plan.flow.max_total
    total = grant.expires_at + plan.duration - grant.created_at
    if most is None or total <= most:
        return
    left = most - (grant.expires_at - grant.created_at)
    rest = f"Ask for {format_duration(left)} or less." if left >= timedelta(minutes=1) else "Ask for access anew."
    raise InvalidRequest(
        f"With that it would last {format_duration(total)} in all, and the access flow “{plan.flow.name}” allows "
        f"{format_duration(most)}. {rest}"
    )


def _count_of_times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"
