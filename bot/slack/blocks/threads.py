"""The replies in the thread of an approval message: a line for each later event."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from bot.access.ids import APPLICATION
from bot.access.lifecycle.timeline import TimelineEvent, read_timeline
from bot.access.models.request_details import RequestDetails
from bot.access.wording import counted
from bot.slack.blocks.content import MessageContent, plain
from bot.slack.blocks.phrases import offer_of, offer_terms, people, where_it_stands
from bot.slack.blocks.rich_text import Code, Line, LocalTime, Person, TextPart

Parts = tuple[TextPart, ...]

_MOST_LABELS = 5
"""Owner groups that a line names."""


def note(details: RequestDetails, text: str) -> MessageContent:
    """One reply in the thread, with all events since the last one."""
    lines: list[Line] = [_LINES[what](details, *about) for what, about in read_timeline(text)]
    # All events are of a newer version of the application, so this one cannot word them.
    return plain(lines or [("Something has changed. It stands above.",)])


def _by(actor: str) -> Parts:
    return ("by the access flow",) if actor == APPLICATION else ("by ", Person(actor))


def _approval_given(_details: RequestDetails, actor: str) -> Parts:
    return (Person(actor), " approved. Others have to as well.")


def _approved(_details: RequestDetails, actor: str) -> Parts:
    return ("Approved ", *_by(actor), ".")


def _denied(_details: RequestDetails, actor: str) -> Parts:
    return ("Denied ", *_by(actor), ".")


def _cancelled(_details: RequestDetails, actor: str) -> Parts:
    return ("Cancelled.",) if actor == APPLICATION else (Person(actor), " took it back.")


def _expired(_details: RequestDetails, _actor: str) -> Parts:
    return ("Nobody decided in time, so it has expired.",)


def _reminded(_details: RequestDetails) -> Parts:
    return ("Nobody has decided yet. Those who were asked are reminded.",)


def _escalated(_details: RequestDetails, *who: str) -> Parts:
    return ("Nobody has decided, so others are asked as well: ", *people(who), ".")


def _delivered(_details: RequestDetails, until: str) -> Parts:
    return ("The credential is delivered. Access until ", _moment(until), ".")


def _extended(_details: RequestDetails, actor: str, until: str) -> Parts:
    return ("Extended ", *_by(actor), ", until ", _moment(until), ".")


def _extension_asked(_details: RequestDetails, request_id: str) -> Parts:
    return ("More time is asked for: ", Code(request_id), ".")


def _offered(details: RequestDetails, offer_id: str) -> Parts:
    offer = offer_of(details, offer_id)
    return (Person(offer.by), " offers ", *offer_terms(offer), ".") if offer else ("Less was offered.",)


def _accepted(details: RequestDetails, offer_id: str) -> Parts:
    offer = offer_of(details, offer_id)
    what = offer_terms(offer) if offer else ("less",)
    return (Person(details.request.requester), " accepted ", *what, ".")


def _declined(details: RequestDetails, offer_id: str) -> Parts:
    offer = offer_of(details, offer_id)
    by: Parts = (" of ", Person(offer.by)) if offer else ()
    return (Person(details.request.requester), " declined the offer", *by, ".")


def _replaced(_details: RequestDetails, *left: str) -> Parts:
    return (*people(left), " can no longer decide. Others are asked instead.")


def _owners_added(details: RequestDetails, *ids: str) -> Parts:
    labels = [group.label[:80] for group in details.groups if str(group.id) in ids]
    more = f"{counted(len(ids), 'owner')} more since it was filed"
    return (f"{more}: {', '.join(labels[:_MOST_LABELS])}." if labels else f"{more}.",)


def _waits(_details: RequestDetails, actor: str) -> Parts:
    return (Person(actor), " approved. The cluster does not answer, so it is looked at again before access is given.")


def _ended(details: RequestDetails) -> Parts:
    return where_it_stands(details.grant, details.request) if details.grant else ("The access has ended.",)


def _moment(stamp: str) -> LocalTime:
    return LocalTime(datetime.fromtimestamp(int(stamp), UTC))


_LINES: Mapping[TimelineEvent, Callable[..., Parts]] = {
    TimelineEvent.APPROVAL_GIVEN: _approval_given,
    TimelineEvent.APPROVED: _approved,
    TimelineEvent.DENIED: _denied,
    TimelineEvent.CANCELLED: _cancelled,
    TimelineEvent.EXPIRED: _expired,
    TimelineEvent.REMINDED: _reminded,
    TimelineEvent.ESCALATED: _escalated,
    TimelineEvent.DELIVERED: _delivered,
    TimelineEvent.EXTENDED: _extended,
    TimelineEvent.EXTENSION_ASKED: _extension_asked,
    TimelineEvent.OFFERED: _offered,
    TimelineEvent.OFFER_ACCEPTED: _accepted,
    TimelineEvent.OFFER_DECLINED: _declined,
    TimelineEvent.REPLACED: _replaced,
    TimelineEvent.OWNERS_ADDED: _owners_added,
    TimelineEvent.WAITS: _waits,
    TimelineEvent.ENDED: _ended,
}
