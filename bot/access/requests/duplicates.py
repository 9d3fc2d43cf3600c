"""Duplicates: a request whose access the requester already has, or has asked for. It is not filed again."""

from datetime import datetime, timedelta

from bot.access.durations import SHORTEST, format_duration
from bot.access.models.request_details import RequestDetails
from bot.access.models.requests import AccessRequest
from bot.access.policy.model import Permission
from bot.access.policy.names.exclusion import excluded_under, is_excluded
from bot.access.policy.patterns import covers
from bot.access.requests.drafts import ParsedRequest
from bot.access.states import RequestState
from bot.access.store.transaction import Transaction


def find_duplicate(read: Transaction, request: AccessRequest) -> RequestDetails | None:
    """A live grant or pending request of the same requester that gives all of the access. Grants come first.

    A pending request is no duplicate of a break-glass request, which does not wait for owners.
    """
    candidates = read.access_of(request.requester, request.integration)
    found = [each for each in candidates if _includes_access(each.request, request)]
    if request.break_glass:
        waits = RequestState.PENDING
        found = [each for each in found if each.request.break_glass or each.request.state is not waits]
    return next(iter(sorted(found, key=lambda each: each.request.state is RequestState.PENDING)), None)


def commands_for_longer(
    found: RequestDetails, length: timedelta, parsed: ParsedRequest, now: datetime
) -> tuple[str, ...]:
    """The commands to have that access for that length from now on; none if it lasts as long.

    A pending request ends at no time yet, so the durations are compared.
    """
    request_id, grant = found.request.id, found.grant
    missing = length - found.request.length if grant is None else now + length - grant.expires_at
    if missing < SHORTEST or (grant is not None and parsed.asked_by is not None):
        return ()  # only the requester extends live access
    if grant is None:
        return (f"/es-access cancel {request_id}", parsed.example_with())
    whole_minutes = -(-missing // SHORTEST) * SHORTEST
    return (f"/es-access extend {request_id} {format_duration(whole_minutes)}",)


def _includes_access(one: AccessRequest, other: AccessRequest) -> bool:
    return (
        (not one.flow or not other.flow or one.kind is other.kind)
        and _covers_names(one, other)
        and _includes_permission(one, other)
    )


def _covers_names(one: AccessRequest, other: AccessRequest) -> bool:
    if one.resolved is not None:
        # A resolved request gives these names, and no index that was created later.
        return other.resolved is not None and set(other.resolved) <= set(one.resolved)
    left_out = excluded_under(other.patterns, one.excluded or ())
    return all(is_excluded(each, other.excluded or ()) for each in left_out) and all(
        any(covers(wide, narrow) for wide in one.patterns) for narrow in other.patterns
    )


def _includes_permission(one: AccessRequest, other: AccessRequest) -> bool:
    if not one.privileges or not other.privileges:
        # Before routing, only the name is known.
        return one.permission == other.permission
    held, asked = (Permission.restored(each.permission, each.privileges) for each in (one, other))
    return held.includes(asked)
