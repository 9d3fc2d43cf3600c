"""The Home tab: a person's access, decisions, requests and favourites, and others' access to their resources. Pure."""

from collections.abc import Callable, Sequence
from datetime import timedelta

from slack_sdk.models.blocks import (
    ActionsBlock,
    Block,
    ButtonElement,
    ConfirmObject,
    DividerBlock,
    HeaderBlock,
    PlainTextObject,
)
from slack_sdk.models.views import View

from bot.access.durations import format_duration
from bot.access.lookup.home_tab import HomeTabContent, Section
from bot.access.models.columns import CredentialKind, Delivery
from bot.access.models.grants import Grant
from bot.access.models.home import Favourite
from bot.access.models.request_details import RequestDetails
from bot.access.models.requests import AccessRequest
from bot.access.states import LIVE, GrantState, RequestState
from bot.access.store.home import RequestPage
from bot.slack import ids
from bot.slack.blocks.phrases import AS_CREDENTIAL, decision, reviewed, where_it_stands
from bot.slack.blocks.rich_text import (
    Bold,
    Code,
    Line,
    LocalTime,
    Person,
    TextPart,
    block,
    codes,
    middle_cut,
    shortened,
)

MOST_PATTERNS = 5
"""Patterns of one request in a line."""

_LONGEST_NAME = 80
_LONGEST_REASON = 150
"""Characters: a Home tab may have 250 kB, and people should read a list at a glance."""


Item = Callable[[RequestDetails], tuple[list[Line], list[ButtonElement]]]
"""Makes the lines and the buttons of one request in a list."""


def home(seen: HomeTabContent) -> View:
    """The Home tab of one person."""
    pages = seen.pages
    blocks: list[Block] = [
        HeaderBlock(text="Elasticsearch access"),
        ActionsBlock(elements=[_button("Ask for access", ids.HOME_ASK, "ask", style="primary")]),
        *_section("Waiting for you to decide", Section.WAITING, pages[Section.WAITING], _waiting),
        *_mine(pages[Section.MINE]),
        *_favourites(seen.favourites),
        *_owned(seen),
        *_section("What you asked for", Section.HISTORY, pages[Section.HISTORY], _past),
    ]
    return View(type="home", blocks=blocks)


def _mine(found: RequestPage) -> list[Block]:
    if not found.requests and found.previous is None:
        return [HeaderBlock(text="Your access now"), block([("You have none.",)])]
    return _section("Your access now", Section.MINE, found, _live)


def _owned(seen: HomeTabContent) -> list[Block]:
    blocks = _section("What others have of yours", Section.OWNED, seen.pages[Section.OWNED], _given)
    if seen.owned_count < 2:
        return blocks
    sure = ConfirmObject(
        title=f"Revoke all {seen.owned_count}?",
        text=PlainTextObject(text=f"It ends {seen.owned_count} grants of other people at once. They are told."),
        confirm="Revoke all",
        deny="Back",
        style="danger",
    )
    # The button ends the grants that this tab shows: those given after this time stay.
    at = str(int(seen.at.timestamp()))
    all_of_them = _button(f"Revoke all {seen.owned_count}", ids.REVOKE_ALL, at, style="danger", confirm=sure)
    return [*blocks, ActionsBlock(elements=[all_of_them])]


def _favourites(kept: Sequence[Favourite]) -> list[Block]:
    blocks: list[Block] = [HeaderBlock(text="Favourites")] if kept else []
    for each in kept:
        what = (*_terms(each), f" for {_length(each.duration)}, {AS_CREDENTIAL[each.kind]}")
        blocks.append(block([what, *([(_short(each.reason),)] if each.reason else [])]))
        buttons = [
            _button("Ask again", ids.ASK_FAVOURITE, each.key),
            _button("Remove", ids.REMOVE_FAVOURITE, each.key),
        ]
        blocks.append(ActionsBlock(elements=buttons))
    return blocks


def _section(title: str, section: Section, found: RequestPage, item: Item) -> list[Block]:
    if not found.requests and found.previous is None:
        return []
    blocks: list[Block] = [DividerBlock(), HeaderBlock(text=title)]
    for details in found.requests:
        lines, buttons = item(details)
        blocks.append(block(lines))
        if buttons:
            blocks.append(ActionsBlock(elements=list(buttons)))
    turns = []
    if found.previous is not None:
        turns.append(_button("Previous", f"{ids.TURN}-{section.value}-before", found.previous))
    if found.next is not None:
        turns.append(_button("Next", f"{ids.TURN}-{section.value}-after", found.next))
    return [*blocks, ActionsBlock(elements=turns)] if turns else blocks


def _live(details: RequestDetails) -> tuple[list[Line], list[ButtonElement]]:
    request, grant = details.request, _grant(details)
    until: Line = ("Until ", LocalTime(grant.expires_at), f", {AS_CREDENTIAL[request.kind]}.")
    if grant.state is GrantState.PROVISIONING:
        return [_title(request), ("It is being made.",)], [_revoke(grant)]
    if request.kind is CredentialKind.OWN_ACCOUNT:
        fresh = _button("Check", ids.CHECK, grant.id)
    elif request.delivery is Delivery.REVEAL:
        fresh = _button("Reveal", ids.REVEAL, grant.id, style="primary")
    else:
        fresh = _button("Reset", ids.RESET, grant.id, confirm=_fresh(request))
    return [_title(request), until], [fresh, _button("Extend", ids.EXTEND, grant.id), _revoke(grant)]


def _waiting(details: RequestDetails) -> tuple[list[Line], list[ButtonElement]]:
    request = details.request
    length, kind = f" asks for {_length(request.duration)}", f", {AS_CREDENTIAL[request.kind]}. "
    what: tuple[TextPart, ...] = (
        (length, " for ", Person(request.requester), kind) if request.asked_by else (length + kind,)
    )
    lines: list[Line] = [
        _title(request),
        (Person(request.asked_by or request.requester), *what, "Open until ", LocalTime(request.pending_until), "."),
        *([("Reason: ", _short(request.reason))] if request.reason else []),
    ]
    approve = _button("Approve", ids.APPROVE, request.id, style="primary")
    return lines, [approve, _button("Deny", ids.DENY, request.id, style="danger")]


def _given(details: RequestDetails) -> tuple[list[Line], list[ButtonElement]]:
    request, grant = details.request, _grant(details)
    lines: list[Line] = [
        _title(request),
        (Person(request.requester), ", until ", LocalTime(grant.expires_at), f", {AS_CREDENTIAL[request.kind]}."),
        *([reviewed(request)] if request.break_glass else []),
    ]
    to_review = request.break_glass and request.reviewed_at is None
    done = [_button("Reviewed", ids.REVIEWED, request.id, style="primary")] if to_review else []
    return lines, [*done, _revoke(grant)]


def _past(details: RequestDetails) -> tuple[list[Line], list[ButtonElement]]:
    request, grant = details.request, details.grant
    if request.state is RequestState.PENDING:
        state: Line = ("Waiting for an owner until ", LocalTime(request.pending_until), ".")
    elif grant is not None and request.extends is None:
        state = ("Active until ", LocalTime(grant.expires_at), ".") if grant.state in LIVE else _ended(details, grant)
    else:
        state = decision(details)
    again = _button("Request again", ids.ASK_AGAIN, request.id)
    return [_title(request), state], [again, _button("Save", ids.SAVE_FAVOURITE, request.id)]


def _ended(details: RequestDetails, grant: Grant) -> tuple[TextPart, ...]:
    return where_it_stands(grant, details.request)


def _title(request: AccessRequest) -> tuple[TextPart, ...]:
    more = f", {_length(request.duration)} more for {request.extends}" if request.extends else ""
    return (Code(request.id), " ", *_terms(request), more)


def _terms(terms: AccessRequest | Favourite) -> tuple[TextPart, ...]:
    names = [middle_cut(each, _LONGEST_NAME) for each in terms.patterns[:MOST_PATTERNS]]
    rest = len(terms.patterns) - len(names)
    more = f" and {rest} more" if rest > 0 else ""
    return (Bold(terms.permission), " on ", *codes(names), more, f" in {terms.integration}")


def _length(seconds: int) -> str:
    return format_duration(timedelta(seconds=seconds))


def _short(reason: str) -> str:
    return shortened(reason, _LONGEST_REASON)


def _grant(details: RequestDetails) -> Grant:
    if details.grant is None:
        raise LookupError(f"{details.request.id} has no grant")
    return details.grant


def _revoke(grant: Grant) -> ButtonElement:
    sure = ConfirmObject(
        title="Revoke it?",
        text=PlainTextObject(text=f"The access {grant.id} ends at once."),
        confirm="Revoke",
        deny="Back",
        style="danger",
    )
    return _button("Revoke", ids.REVOKE, grant.id, style="danger", confirm=sure)


def _fresh(request: AccessRequest) -> ConfirmObject:
    noun = "API key" if request.kind is CredentialKind.API_KEY else "password"
    return ConfirmObject(
        title="A fresh secret?",
        text=PlainTextObject(text=f"A new {noun} takes the place of this one, which stops. The end stays."),
        confirm="Reset",
        deny="Back",
    )


def _button(
    text: str, action: str, value: str, style: str | None = None, confirm: ConfirmObject | None = None
) -> ButtonElement:
    return ButtonElement(text=text, action_id=action, value=value, style=style, confirm=confirm)
