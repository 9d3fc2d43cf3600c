"""The approval message: what an owner reads before and after deciding."""

from dataclasses import replace
from datetime import timedelta

from slack_sdk.models.blocks import (
    ButtonElement,
    ConfirmObject,
    HeaderBlock,
    PlainTextObject,
)

from bot.access.models.grants import Grant
from bot.access.models.request_details import RequestDetails
from bot.access.models.requests import AccessRequest
from bot.access.requests.preview import read_preview
from bot.access.states import LIVE, RequestState
from bot.slack import ids
from bot.slack.blocks.content import MessageContent, content
from bot.slack.blocks.phrases import (
    coverage,
    dangers,
    decision,
    flow_line,
    needed_approvals,
    offers_made,
    people,
    request_terms,
    where_it_stands,
    who_asks,
    why_asked,
)
from bot.slack.blocks.rich_text import Line, LocalTime


def approval(details: RequestDetails, recipient: str) -> MessageContent:
    """To an owner: the requester, the terms, their coverage, the approvals so far, and the result."""
    request = details.request
    what = "more time" if request.extends else "access"
    lines: list[Line] = [
        who_asks(request, what),
        request_terms(request),
        *dangers(request.privileges or {}),
        *coverage(read_preview(request.preview)),
        *([("Reason: ", request.reason)] if request.reason else []),
    ]
    if request.state is RequestState.PENDING:
        lines += [
            *([flow_line(request.flow, timedelta(seconds=request.flow_limit))] if request.flow else []),
            *needed_approvals(details),
            ("Asked: ", *people(request.owners), "."),
            why_asked(details, recipient),
            *offers_made(details),
            ("Open until ", LocalTime(request.pending_until), "."),
        ]
        decide = (_approve(request), _deny(request), _offer(request))
        return content(f"Request {request.id}", lines, () if recipient in details.approvers else decide)
    lines += [decision(details), *offers_made(details)]
    if details.grant is None or request.extends is not None:
        return content(f"Request {request.id}: {request.state.value}", lines)
    lines.append(where_it_stands(details.grant, request.kind))
    revoke = (revoke_button(details.grant, request),) if details.grant.state in LIVE else ()
    return content(f"Request {request.id}: {request.state.value}", lines, revoke)


def reminder(details: RequestDetails, recipient: str) -> MessageContent:
    """Reminds an owner that nobody has decided yet."""
    again = approval(details, recipient)
    if details.request.state is not RequestState.PENDING:
        return again
    title = HeaderBlock(text=f"Still waiting: {details.request.id}")
    return replace(again, text=f"Still waiting: {again.text}", blocks=[title, *again.blocks[1:]])


def _approve(request: AccessRequest) -> ButtonElement:
    return ButtonElement(text="Approve", action_id=ids.APPROVE, value=request.id, style="primary")


def _offer(request: AccessRequest) -> ButtonElement:
    return ButtonElement(text="Offer less…", action_id=ids.OFFER, value=request.id)


def revoke_button(grant: Grant, request: AccessRequest) -> ButtonElement:
    """The button that ends a grant, for an owner, who has to confirm it."""
    sure = ConfirmObject(
        title="Revoke this access?",
        text=PlainTextObject(text=f"{request.id} ends now. Its requester is told that it was you."),
        confirm="Revoke",
        deny="Back",
    )
    return ButtonElement(text="Revoke", action_id=ids.REVOKE, value=grant.id, style="danger", confirm=sure)


def _deny(request: AccessRequest) -> ButtonElement:
    return ButtonElement(text="Deny", action_id=ids.DENY, value=request.id, style="danger")
