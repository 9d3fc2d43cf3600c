"""The same request while one waits or lives: it is answered with that one, and files nothing."""

from collections.abc import Sequence
from typing import Any

from bot.access.models.request_details import RequestDetails
from bot.access.models.requests import AccessRequest
from bot.access.policy.patterns import covers
from bot.access.states import RequestState
from bot.access.store.transaction import Transaction


def find_duplicate(read: Transaction, request: AccessRequest) -> RequestDetails | None:
    """What its requester has already, or waits for, that gives all of this. What lives comes before what waits.

    Who breaks the glass does not wait for what owners have not decided.
    """
    found = [each for each in read.access_of(request.requester, request.integration) if _gives(each.request, request)]
    if request.break_glass:
        waits = RequestState.PENDING
        found = [each for each in found if each.request.break_glass or each.request.state is not waits]
    return next(iter(sorted(found, key=lambda each: each.request.state is RequestState.PENDING)), None)


def _gives(one: AccessRequest, other: AccessRequest) -> bool:
    return (
        (not one.flow or not other.flow or one.kind is other.kind)
        and _covers_names(one, other)
        and (one.permission == other.permission or _holds(one.privileges or {}, other.privileges or {}))
    )


def _covers_names(one: AccessRequest, other: AccessRequest) -> bool:
    if one.resolved is not None:
        # It gives these names and nothing that has come since.
        return other.resolved is not None and set(other.resolved) <= set(one.resolved)
    return all(any(covers(wide, narrow) for wide in one.patterns) for narrow in other.patterns)


def _holds(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether what one holds is all that the other asks for."""
    return bool(other) and all(
        set(_listed(value)) <= set(_listed(one.get(key))) for key, value in other.items() if key != "spaces"
    )


def _listed(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else [value] if value else []
