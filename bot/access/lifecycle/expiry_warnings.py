"""Before access ends: when its requester is told, and telling them once, however many processes there are."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.access.models.messages import Message, MessageKind
from bot.access.models.request_details import RequestDetails
from bot.access.ports import Clock
from bot.access.states import GrantState
from bot.access.store.store import Store

LAST_NOTE = timedelta(minutes=10)
"""Ahead of the end."""

SHORTEST = timedelta(minutes=20)
"""Of the time left: below it a note would come while the access is still new."""

LONG = timedelta(hours=5)
"""From here on there is a first note when a tenth of the time is left: half an hour ahead, or more."""

FIRST_NOTE = 0.1
"""Of the time, at the first note."""

EARLIEST = timedelta(days=1)
"""Ahead of the end: of an access of three months, nine days ahead would be forgotten again."""

_BATCH = 100


@dataclass(frozen=True)
class ExpiryWarnings:
    """Owes the notes that are due."""

    store: Store
    clock: Clock

    def run_once(self) -> None:
        """Owes the requesters of what is about to end a note each."""
        now = self.clock.now()
        with self.store.reading() as read:
            due = read.ending_soon(now, _BATCH)
        for grant in due:
            with self.store.writing() as write:
                then = next_note(now, grant.expires_at)
                if not write.record_warning(grant, then) or grant.expires_at <= now:
                    continue
                requester = write.request_details(grant.id).request.requester
                # The number tells the two notes about one end from each other.
                about = f"{grant.expires_at.isoformat()} {1 if then else 2}"
                write.enqueue(grant.id, MessageKind.WARNING, [requester], now, about)


def notes(length: timedelta) -> Sequence[timedelta]:
    """How long ahead of its end somebody is told of access that lasts that long from now on, earliest first."""
    if length < SHORTEST:
        return ()
    if length < LONG:
        return (LAST_NOTE,)
    return min(length * FIRST_NOTE, EARLIEST), LAST_NOTE


def first_note(now: datetime, end: datetime) -> datetime | None:
    """When the first note is due about access that was given or prolonged now; `None` where there is none."""
    return next((end - ahead for ahead in notes(end - now)), None)


def next_note(now: datetime, end: datetime) -> datetime | None:
    """When the next one is due after one that is sent now."""
    return end - LAST_NOTE if now < end - LAST_NOTE else None


def is_current(message: Message, details: RequestDetails) -> bool:
    """Whether a note is about the end that the access has now. If not, it was prolonged or has ended."""
    grant = details.grant
    return grant is not None and grant.state is GrantState.ACTIVE and grant.expires_at == end_of(message.about or "")


def end_of(about: str) -> datetime | None:
    """The end that a note is about, from its row."""
    text = about.partition(" ")[0]
    return datetime.fromisoformat(text) if text else None
