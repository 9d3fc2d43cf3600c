"""How much one person may ask for: a slip, a script or a bad day must not bury the owners."""

from datetime import datetime, timedelta

from bot.access.errors import NotAllowed
from bot.access.policy.model import Policy
from bot.access.store.transaction import Transaction

HOUR = timedelta(hours=1)


def take_turn(write: Transaction, person: str) -> None:
    """Lets one transaction at a time file a request for that person: two clicks at once see each other."""
    write.lock_name(f"requests of {person}")


def check_limits(read: Transaction, policy: Policy, person: str, now: datetime, *, waits: bool = True) -> None:
    """Raises `NotAllowed` when this person has asked for as much as one may. `waits`: for the request to be decided."""
    asking = read.count_requests(person, now - HOUR)
    if waits and asking.pending >= policy.pending_per_person:
        raise NotAllowed(
            f"{asking.pending} of your requests wait for a decision, and that is as many as may wait at a time. "
            "Take one back, or ask its owners.",
            "/es-access list",
        )
    if asking.lately >= policy.requests_per_hour:
        raise NotAllowed(
            f"You have filed {asking.lately} requests within an hour, and that is as many as one may. "
            "Ask again later; one request can name several patterns.",
            "/es-access logs-*,metrics-* 1h",
        )
