"""Warnings before access ends: when they are due, and sending each once with any number of processes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.access.models.messages import Message, MessageKind
from bot.access.models.request_details import RequestDetails
from bot.access.ports import Clock
from bot.access.states import GrantState
from bot.access.store.store import Store

LAST_WARNING = timedelta(minutes=10)
"""How long before the end the last warning comes."""

SHORTEST_WARNED = timedelta(minutes=20)
"""Shorter access gets no warning: it would come while the access is still new."""

LONG = timedelta(hours=5)
"""Longer access gets an additional first warning when a tenth of the time is left: half an hour before, or more."""

FIRST_WARNING_SHARE = 0.1
"""The share of the time that is left at the first warning."""

EARLIEST = timedelta(days=1)
"""The first warning comes at most this long before the end: after nine days it would be forgotten."""

_BATCH = 100


@dataclass(frozen=True)
class ExpiryWarnings:
    """Enqueues warnings that are due."""

    store: Store
    clock: Clock

    def run_once(self) -> None:
        """Enqueues a warning to the requester of each grant that ends soon."""
        now = self.clock.now()
        with self.store.reading() as read:
            due = read.grants_to_warn(now, _BATCH)
        for grant in due:
            with self.store.writing() as write:
                then = next_warning(now, grant.expires_at)
                if not write.record_warning(grant, then) or grant.expires_at <= now:
                    continue
                requester = write.request_details(grant.id).request.requester
                # The number distinguishes the two warnings about one end.
                about = f"{grant.expires_at.isoformat()} {1 if then else 2}"
                write.enqueue(grant.id, MessageKind.WARNING, [requester], now, about)


def leads(length: timedelta) -> Sequence[timedelta]:
    """How long before its end each warning of an access of that length comes, earliest first."""
    if length < SHORTEST_WARNED:
        return ()
    if length < LONG:
        return (LAST_WARNING,)
    return min(length * FIRST_WARNING_SHARE, EARLIEST), LAST_WARNING


def first_warning(now: datetime, end: datetime) -> datetime | None:
    """When the first warning about access given or extended now is due; `None` if there is none."""
    return next((end - ahead for ahead in leads(end - now)), None)


def next_warning(now: datetime, end: datetime) -> datetime | None:
    """When the next warning is due after one sent now."""
    return end - LAST_WARNING if now < end - LAST_WARNING else None


def is_current(message: Message, details: RequestDetails) -> bool:
    """Whether a warning is about the current end of the access, which may have been extended or ended since."""
    grant = details.grant
    return grant is not None and grant.state is GrantState.ACTIVE and grant.expires_at == end_of(message.about or "")


def end_of(about: str) -> datetime | None:
    """The end that a warning is about, from its row."""
    text = about.partition(" ")[0]
    return datetime.fromisoformat(text) if text else None
