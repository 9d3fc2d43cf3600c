"""Limits on the requests of one person, so that a script or a mistake does not flood the owners."""

from datetime import datetime, timedelta

from bot.access.errors import NotAllowed
from bot.access.models.requests import AccessRequest
from bot.access.policy.model import Policy
from bot.access.requests.duplicates import find_duplicate
from bot.access.store.transaction import Transaction

HOUR = timedelta(hours=1)


def serialize_filing(write: Transaction, person: str) -> None:
    """Lets one transaction at a time file requests for a person, so that each sees the one before."""
    write.lock_name(f"requests of {person}")


def check_limits_early(
    read: Transaction, policy: Policy, request: AccessRequest, now: datetime, *, again: bool
) -> None:
    """Raises `NotAllowed` for a person at a limit, before Slack or a cluster is asked anything for the request.

    Not for a duplicate, which is answered with the earlier request, unless it is asked for `again`.
    """
    try:
        check_limits_of(read, policy, request, now)
    except NotAllowed:
        if again or find_duplicate(read, request) is None:
            raise


def check_limits_of(read: Transaction, policy: Policy, request: AccessRequest, now: datetime) -> None:
    """Raises `NotAllowed` if the person who asks for this is at a limit."""
    check_limits(read, policy, request.asked_by or request.requester, now, waits=not request.break_glass)


def check_limits(read: Transaction, policy: Policy, person: str, now: datetime, *, waits: bool = True) -> None:
    """Raises `NotAllowed` for a person at a limit. `waits`: the new request will wait for a decision."""
    counts = read.count_requests(person, now - HOUR)
    if waits and counts.pending >= policy.pending_per_person:
        raise NotAllowed(
            f"{counts.pending} of your requests wait for a decision, and that is as many as may wait at a time. "
            "Take one back, or ask its owners.",
            "/es-access list",
        )
    if counts.lately >= policy.requests_per_hour:
        raise NotAllowed(
            f"You have filed {counts.lately} requests within an hour, and that is as many as one may. "
            "Ask again later; one request can name several patterns.",
            "/es-access logs-*,metrics-* 1h",
        )
