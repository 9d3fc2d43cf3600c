"""The message that asks owners to review break-glass access."""

from slack_sdk.models.blocks import ButtonElement

from bot.access.models.request_details import RequestDetails
from bot.access.models.requests import AccessRequest
from bot.access.states import LIVE
from bot.slack import ids
from bot.slack.blocks.approval import revoke_button
from bot.slack.blocks.content import MessageContent, content
from bot.slack.blocks.parts.risks import risks
from bot.slack.blocks.phrases import coverage_of, request_terms, reviewed, where_it_stands
from bot.slack.blocks.rich_text import Line, Person, TextPart


def to_review(details: RequestDetails, *, again: bool) -> MessageContent:
    """To owners and a channel: who has which access, and why; later who reviewed it. `again`: it is a reminder."""
    request, grant = details.request, details.grant
    live = grant is not None and grant.state in LIVE
    lines: list[Line] = [
        (*_who(request, "has" if live else "had"), *request_terms(request), ", without approval."),
        *risks(request.privileges, request.kind),
        *coverage_of(request),
        ("Reason: ", request.reason),
        *([where_it_stands(grant, request)] if grant else []),
        ("Please review it: talk to them if need be, then press Reviewed. One owner is enough.",)
        if request.reviewed_at is None
        else reviewed(request),
    ]
    buttons = (
        *(() if request.reviewed_at else (_reviewed(request),)),
        *((revoke_button(grant, request),) if grant and live else ()),
    )
    return content(_title(request, again=again), lines, buttons)


def _title(request: AccessRequest, *, again: bool) -> str:
    if request.reviewed_at is not None:
        return f"Break-glass {request.id}: reviewed"
    return f"Still to review: break-glass {request.id}" if again else f"Break-glass: {request.id}"


def _who(request: AccessRequest, has: str) -> tuple[TextPart, ...]:
    by: tuple[TextPart, ...] = (", for whom ", Person(request.asked_by), " asked,") if request.asked_by else ()
    return (Person(request.requester), *by, f" {has} ")


def _reviewed(request: AccessRequest) -> ButtonElement:
    return ButtonElement(text="Reviewed", action_id=ids.REVIEWED, value=request.id, style="primary")
