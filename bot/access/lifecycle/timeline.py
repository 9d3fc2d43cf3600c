"""What happened to a request, told below each of its approval messages. The words are made where they are shown."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from bot.access.models.requests import Message, MessageKind
from bot.access.store.protocol_transaction import Transaction

GATHER = timedelta(seconds=2)
"""A line waits that long for the next one: approved and delivered are one answer in the thread, not two."""

_BETWEEN = "|"
"""Between the parts of a line; none of them is anything that a person typed."""


class What(StrEnum):
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


class Happening(NamedTuple):
    """One line of a thread, as it is kept."""

    what: What
    about: tuple[str, ...]


def tell(write: Transaction, request_id: str, now: datetime, what: What, *about: str) -> None:
    """Tells it in the thread of every approval message of one request."""
    write.tell({request_id: _line(what, about)}, now + GATHER)


def tell_end(write: Transaction, grant_ids: Mapping[str, Sequence[str]], now: datetime) -> None:
    """Tells that these have ended. By id: who hears of it in a message that stands in the thread already."""
    write.tell({grant_id: _line(What.ENDED, ()) for grant_id in grant_ids}, now + GATHER, grant_ids)


def stamp(at: datetime) -> str:
    """A time as a part of a line."""
    return str(int(at.timestamp()))


def read_happenings(text: str) -> Iterable[Happening]:
    """The lines of a note. Those of a newer version of the application are left out."""
    known = {each.value: each for each in What}
    for line in text.splitlines():
        what, *about = line.split(_BETWEEN)
        if what in known:
            yield Happening(known[what], tuple(about))


def stands_below(message: Message) -> bool:
    """Whether a message is posted in the thread of its recipient's approval message, where there is one."""
    return message.kind in {MessageKind.THREAD, MessageKind.ENDED}


def _line(what: What, about: Sequence[str]) -> str:
    return _BETWEEN.join((what.value, *about))
