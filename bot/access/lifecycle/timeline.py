"""What happened to a request, told below each of its approval messages. The words are made where they are shown."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from bot.access.models.messages import Message, MessageKind
from bot.access.store.transaction import Transaction

GATHER = timedelta(seconds=2)
"""A line waits that long for the next one: approved and delivered are one answer in the thread, not two."""

_BETWEEN = "|"
"""Between the parts of a line; none of them is anything that a person typed."""


class TimelineEvent(StrEnum):
    """Everything that is told in a thread."""

    APPROVAL_GIVEN = "approval_given"  # by whom; others have to approve as well
    APPROVED = "approved"  # by whom
    DENIED = "denied"  # by whom
    CANCELLED = "cancelled"  # by whom
    EXPIRED = "expired"
    REMINDED = "reminded"
    ESCALATED = "escalated"  # who was asked
    DELIVERED = "delivered"  # until when
    EXTENDED = "extended"  # by whom, until when
    EXTENSION_ASKED = "extension_asked"  # the id of the request for it
    OFFERED = "offered"  # the id of the offer
    OFFER_ACCEPTED = "offer_accepted"  # the id of the offer
    OFFER_DECLINED = "offer_declined"  # the id of the offer
    REPLACED = "replaced"  # who left
    ENDED = "ended"


class TimelineEntry(NamedTuple):
    """One line of a thread, as it is kept."""

    what: TimelineEvent
    about: tuple[str, ...]


def add_to_timeline(write: Transaction, request_id: str, now: datetime, what: TimelineEvent, *about: str) -> None:
    """Tells it in the thread of every approval message of one request."""
    write.add_to_timeline({request_id: _line(what, about)}, now + GATHER)


def add_end_to_timeline(write: Transaction, grant_ids: Mapping[str, Sequence[str]], now: datetime) -> None:
    """Tells that these have ended. By id: who hears of it in a message that stands in the thread already."""
    write.add_to_timeline({grant_id: _line(TimelineEvent.ENDED, ()) for grant_id in grant_ids}, now + GATHER, grant_ids)


def stamp(at: datetime) -> str:
    """A time as a part of a line."""
    return str(int(at.timestamp()))


def read_timeline(text: str) -> Iterable[TimelineEntry]:
    """The lines of a note. Those of a newer version of the application are left out."""
    known = {each.value: each for each in TimelineEvent}
    for line in text.splitlines():
        what, *about = line.split(_BETWEEN)
        if what in known:
            yield TimelineEntry(known[what], tuple(about))


def stands_below(message: Message) -> bool:
    """Whether a message is posted in the thread of its recipient's approval message, where there is one."""
    return message.kind in {MessageKind.THREAD, MessageKind.ENDED}


def _line(what: TimelineEvent, about: Sequence[str]) -> str:
    return _BETWEEN.join((what.value, *about))
