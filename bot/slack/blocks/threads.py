"""What stands in the thread of an approval message: what happened since, a line each."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from bot.access.lifecycle.timeline import What, read_happenings
from bot.access.ports import Story
from bot.access.requests.approvals import APPLICATION
from bot.slack.blocks.content import Content, plain
from bot.slack.blocks.phrases import offer_of, people, terms, where_it_stands
from bot.slack.blocks.rich_text import Code, Line, Moment, Part, Person

Told = tuple[Part, ...]


def note(story: Story, text: str) -> Content:
    """One answer in the thread, of all that happened since the last one."""
    lines: list[Line] = [_LINES[what](story, *about) for what, about in read_happenings(text)]
    # Of a newer version of the application alone: something is said all the same.
    return plain(lines or [("Something has changed. It stands above.",)])


def _by(actor: str) -> Told:
    return ("by the access flow",) if actor == APPLICATION else ("by ", Person(actor))


def _approval_given(_story: Story, actor: str) -> Told:
    return (Person(actor), " approved. Others have to as well.")


def _approved(_story: Story, actor: str) -> Told:
    return ("Approved ", *_by(actor), ".")


def _denied(_story: Story, actor: str) -> Told:
    return ("Denied ", *_by(actor), ".")


def _cancelled(_story: Story, actor: str) -> Told:
    return ("Cancelled.",) if actor == APPLICATION else (Person(actor), " took it back.")


def _expired(_story: Story, _actor: str) -> Told:
    return ("Nobody decided in time, so it has expired.",)


def _reminded(_story: Story) -> Told:
    return ("Nobody has decided yet. Those who were asked are reminded.",)


def _escalated(_story: Story, *who: str) -> Told:
    return ("Nobody has decided, so others are asked as well: ", *people(who), ".")


def _delivered(_story: Story, until: str) -> Told:
    return ("The credential is delivered. Access until ", _moment(until), ".")


def _extended(_story: Story, actor: str, until: str) -> Told:
    return ("Extended ", *_by(actor), ", until ", _moment(until), ".")


def _extension_asked(_story: Story, request_id: str) -> Told:
    return ("More time is asked for: ", Code(request_id), ".")


def _offered(story: Story, offer_id: str) -> Told:
    offer = offer_of(story, offer_id)
    return (Person(offer.by), " offers ", *terms(offer), ".") if offer else ("Less was offered.",)


def _accepted(story: Story, offer_id: str) -> Told:
    offer = offer_of(story, offer_id)
    what = terms(offer) if offer else ("less",)
    return (Person(story.request.requester), " accepted ", *what, ".")


def _declined(story: Story, offer_id: str) -> Told:
    offer = offer_of(story, offer_id)
    by: Told = (" of ", Person(offer.by)) if offer else ()
    return (Person(story.request.requester), " declined the offer", *by, ".")


def _replaced(_story: Story, *left: str) -> Told:
    return (*people(left), " can no longer decide. Others are asked instead.")


def _ended(story: Story) -> Told:
    return where_it_stands(story.grant, story.request.kind) if story.grant else ("The access has ended.",)


def _moment(stamp: str) -> Moment:
    return Moment(datetime.fromtimestamp(int(stamp), UTC))


_LINES: Mapping[What, Callable[..., Told]] = {
    What.APPROVAL_GIVEN: _approval_given,
    What.APPROVED: _approved,
    What.DENIED: _denied,
    What.CANCELLED: _cancelled,
    What.EXPIRED: _expired,
    What.REMINDED: _reminded,
    What.ESCALATED: _escalated,
    What.DELIVERED: _delivered,
    What.EXTENDED: _extended,
    What.EXTENSION_ASKED: _extension_asked,
    What.OFFERED: _offered,
    What.OFFER_ACCEPTED: _accepted,
    What.OFFER_DECLINED: _declined,
    What.REPLACED: _replaced,
    What.ENDED: _ended,
}
