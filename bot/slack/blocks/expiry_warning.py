"""The warning before access ends."""

from slack_sdk.models.blocks import ButtonElement

from bot.access.lifecycle.expiry_warnings import end_of
from bot.access.models.request_details import RequestDetails
from bot.access.states import LIVE
from bot.slack import ids
from bot.slack.blocks.content import MessageContent, content
from bot.slack.blocks.phrases import request_terms, where_it_stands
from bot.slack.blocks.rich_text import Line, LocalTime


def expiry_warning(details: RequestDetails, about: str) -> MessageContent:
    """To the requester, ahead of the end. Later the same message says that access was extended or has ended."""
    request, grant = details.request, details.grant
    if grant is None:
        raise LookupError(f"{request.id} has no grant")
    if grant.state not in LIVE:
        return content(f"Access {request.id} has ended", [where_it_stands(grant, request.kind), request_terms(request)])
    if grant.expires_at != end_of(about):
        lines: list[Line] = [
            ("It was extended and ends ", LocalTime(grant.expires_at), " now."),
            request_terms(request),
        ]
        return content(f"Access {request.id} goes on", lines)
    lines = [
        ("It ends ", LocalTime(grant.expires_at), ". Do you need it for longer?"),
        request_terms(request),
    ]
    return content(f"Access {request.id} ends soon", lines, _buttons(grant.id))


def _buttons(grant_id: str) -> tuple[ButtonElement, ...]:
    return (
        ButtonElement(text="Extend", action_id=ids.EXTEND, value=grant_id, style="primary"),
        ButtonElement(text="I'm done", action_id=ids.REVOKE, value=grant_id),
    )
