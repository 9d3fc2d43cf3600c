"""Compares an offer with its request: it has to be covered by the request, and less."""

from datetime import datetime, timedelta

from bot.access.durations import format_duration
from bot.access.errors import Conflict, InvalidRequest, RequestField, about
from bot.access.models.counter_offers import CounterOffer
from bot.access.models.limits import Limits
from bot.access.models.requests import AccessRequest
from bot.access.policy.limits.combination import combined
from bot.access.policy.limits.fields import parse_fields
from bot.access.policy.limits.query import since
from bot.access.policy.model import LIMITS_READING, Permission, Policy
from bot.access.policy.patterns import covers, matcher

MOST_NAMED = 5
"""Names in an error."""


RECENT = timedelta(days=1)
"""How far back an offer of recent documents reaches. A role cannot say it from the current time on."""


def offered_limits(hidden: str, now: datetime, *, recent: bool) -> Limits:
    """The limits that an owner typed: fields to hide, and whether to show only documents since 24 hours ago."""
    with about(RequestField.FIELDS):
        return Limits(hidden=parse_fields(hidden), query=since(now - RECENT) if recent else "")


def limited_permission(permission: Permission, offer: CounterOffer) -> Permission:
    """The permission with the limits of the offer as well. Raises `InvalidRequest` if it cannot have them."""
    added = Limits.restored(offer.limits or {})
    if not added:
        return permission
    if not permission.may_be_limited:
        why = f"{permission.name} cannot be given in part: hiding {LIMITS_READING}. Offer a permission that only reads."
        raise InvalidRequest(why, about=RequestField.PERMISSION)
    with about(RequestField.FIELDS):
        return permission.limited(combined(permission.limits, added))


def resolved_within(request: AccessRequest, offer: CounterOffer) -> tuple[str, ...] | None:
    """The names of a resolved request that the offer would leave. Raises `InvalidRequest` if these are none.

    A name may be the target of an alias, which no pattern of the request matches: an offer of part of it names it.
    """
    if request.resolved is None or set(offer.patterns) == set(request.patterns):
        return None if request.resolved is None else tuple(request.resolved)
    covered = matcher(offer.patterns)
    if left := tuple(name for name in request.resolved if covered(name)):
        return left
    named = ", ".join(request.resolved[:MOST_NAMED])
    raise InvalidRequest(f"{request.id} covers exactly these names: {named}. Offer some of them.")


def check_less(policy: Policy, request: AccessRequest, offer: CounterOffer) -> None:
    """Checks that an offer is covered by the request, and less than it. Raises `Conflict`, `InvalidRequest`."""
    wide = request.patterns if request.resolved is None else [*request.patterns, *request.resolved]
    outside = [each for each in offer.patterns if not any(covers(one, each) for one in wide)]
    if outside:
        why = f"{outside[0]} is not part of what {request.id} asks for: {', '.join(request.patterns)}."
        raise InvalidRequest(why, about=RequestField.PATTERNS)
    if offer.duration > request.duration:
        why = f"{request.id} asks for {format_duration(request.length)}: offer that or less."
        raise InvalidRequest(why, about=RequestField.DURATION)
    same_name = offer.permission == request.permission
    if not same_name and not is_covered(policy.permission(offer.permission), request):
        raise InvalidRequest(
            f"{offer.permission} is not less than {request.permission}.", about=RequestField.PERMISSION
        )
    held = held_by(policy, request)
    limits = limited_permission(held if same_name else policy.permission(offer.permission), offer).limits
    asked = (set(request.patterns), request.permission, held.limits)
    if request.extends is not None and (set(offer.patterns), offer.permission, limits) != asked:
        raise InvalidRequest(f"{request.id} only extends {request.extends}: a shorter time is all that can be offered.")
    if (set(offer.patterns), offer.permission, limits, offer.duration) == (*asked, request.duration):
        raise Conflict(
            f"That is all that {request.id} asks for. Approve it, or choose less.", about=RequestField.DURATION
        )


def held_by(policy: Policy, request: AccessRequest) -> Permission:
    """The permission with the privileges that the request has."""
    held = request.privileges
    return Permission.restored(request.permission, held) if held else policy.permission(request.permission)


def is_covered(permission: Permission, request: AccessRequest) -> bool:
    """Whether the request's privileges include the whole permission."""
    held = request.privileges
    return bool(held) and Permission.restored(request.permission, held).includes(permission)
