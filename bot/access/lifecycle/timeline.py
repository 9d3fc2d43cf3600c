"""The timeline of a request, shown in the thread of each approval message. The text is rendered where it is shown."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from bot.access.models.messages import Message, MessageKind
from bot.access.store.transaction import Transaction

GATHER = timedelta(seconds=2)
"""How long a line waits for the next one, so that approved and delivered are one reply instead of two."""

_BETWEEN = "|"
"""Separates the parts of a line; no part is typed by a person."""


class TimelineEvent(StrEnum):
    """Every event that a thread shows, with its arguments in comments."""

    APPROVAL_GIVEN = "approval_given"  # by whom; others still have to approve
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
    OWNERS_ADDED = "owners_added"  # the ids of the groups
    WAITS = "waits"  # for the cluster, after the last approval
    ENDED = "ended"


class TimelineEntry(NamedTuple):
    """One stored line of a thread."""

    what: TimelineEvent
    about: tuple[str, ...]


def add_to_timeline(write: Transaction, request_id: str, now: datetime, what: TimelineEvent, *about: str) -> None:
    """Adds an event to the timeline of one request."""
    write.add_to_timeline({request_id: _line(what, about)}, now + GATHER)


def add_end_to_timeline(write: Transaction, grant_ids: Mapping[str, Sequence[str]], now: datetime) -> None:
    """Adds the end of each grant to its timeline, except for the given people: a message in that thread tells them."""
    write.add_to_timeline({grant_id: _line(TimelineEvent.ENDED, ()) for grant_id in grant_ids}, now + GATHER, grant_ids)


def stamp(at: datetime) -> str:
    """A time as a part of a line."""
    return str(int(at.timestamp()))


def read_timeline(text: str) -> Iterable[TimelineEntry]:
    """The entries of a stored reply. Those of a newer version of the application are skipped."""
    known = {each.value: each for each in TimelineEvent}
    for line in text.splitlines():
        what, *about = line.split(_BETWEEN)
        if what in known:
            yield TimelineEntry(known[what], tuple(about))


def is_thread_reply(message: Message) -> bool:
    """Whether a message is posted in the thread of its recipient's approval message, if there is one."""
    return message.kind in {MessageKind.THREAD, MessageKind.ENDED}


def _line(what: TimelineEvent, about: Sequence[str]) -> str:
    return _BETWEEN.join((what.value, *about))
