"""The approval message: what an owner reads before and after deciding."""

from dataclasses import replace
from datetime import timedelta

from slack_sdk.models.blocks import (
    ButtonElement,
    ConfirmObject,
    HeaderBlock,
    PlainTextObject,
)

from bot.access.lifecycle.requests import owns_under
from bot.access.models.grants import Grant
from bot.access.models.request_details import RequestDetails
from bot.access.models.requests import AccessRequest
from bot.access.states import LIVE, RequestState
from bot.access.wording import counted
from bot.slack import ids
from bot.slack.blocks.content import MessageContent, content
from bot.slack.blocks.parts.risks import risks
from bot.slack.blocks.phrases import (
    LONGEST_LABEL,
    coverage_of,
    decision,
    flow_line,
    offers_made,
    people,
    request_terms,
    where_it_stands,
    who_asks,
    why_asked,
)
from bot.slack.blocks.rich_text import Bold, Line, LocalTime, TextPart, codes

_MOST_GROUPS = 15
"""Owner groups with their own line in a message: nobody reads texts that are too long, and Slack refuses them."""

_MOST_NAMED = 5
"""Owner groups named in one sentence, and such sentences."""


def approval(details: RequestDetails, recipient: str, *, writes_owner: bool = False) -> MessageContent:
    """To an owner: the requester, the terms, their coverage, the approvals so far, and the result.

    `writes_owner`: the permission can change who owns the resources. Without a recipient, nobody is told why they are
    asked.
    """
    request = details.request
    what = "more time" if request.extends else "access"
    lines: list[Line] = [
        who_asks(request, what),
        request_terms(request),
        *risks(request.privileges, request.kind),
        *coverage_of(request),
        *([_WRITES_OWNER] if writes_owner else []),
        *([("Reason: ", request.reason)] if request.reason else []),
    ]
    if request.state is RequestState.PENDING:
        lines += [
            *([flow_line(request.flow, timedelta(seconds=request.flow_limit))] if request.flow else []),
            *_needed_approvals(details),
            ("Asked: ", *people(request.owners), "."),
            *([why_asked(details, recipient)] if recipient else []),
            *_also_given(details, recipient),
            *offers_made(details),
            ("Open until ", LocalTime(request.pending_until), "."),
        ]
        decide = (_approve(request), _deny(request), _offer(request))
        return content(f"Request {request.id}", lines, () if recipient in details.approvers else decide)
    lines += [decision(details), *offers_made(details)]
    if details.grant is None or request.extends is not None:
        return content(f"Request {request.id}: {request.state.value}", lines)
    lines.append(where_it_stands(details.grant, request))
    revoke = (revoke_button(details.grant, request),) if details.grant.state in LIVE else ()
    return content(f"Request {request.id}: {request.state.value}", lines, revoke)


def _needed_approvals(details: RequestDetails) -> list[Line]:
    """One line for each owner group: who has approved, and how many more have to."""
    lines: list[Line] = []
    several = sum(1 for group in details.groups if not group.escalation) > 1
    if several:
        one = "One of these has to approve" + (" for each pattern:" if len(details.request.patterns) > 1 else ":")
        lines.append((one if details.request.any_group else "Each of these has to approve:",))
    for group in details.groups[:_MOST_GROUPS]:
        yes = [each.approver for each in details.approvals if each.approved and group.id in each.groups]
        missing = group.approvals - len(yes)
        said: tuple[TextPart, ...] = (*people(yes), " approved") if yes else ()
        more = "one approval" if missing == 1 else f"{missing} approvals"
        waits = f"{', ' if yes else ''}waiting for {more}" if missing > 0 else ""
        of = f" ({counted(group.resources, 'match')})" if group.resources and several else ""
        of += ", asked since" if group.added_at else ""
        standing_in = ", standing in for all" if group.escalation else ""
        lines.append((Bold(group.label[:LONGEST_LABEL]), f"{of}{standing_in}: ", *said, waits))
    rest = len(details.groups) - _MOST_GROUPS
    lines += [(f"And {rest} more groups.",)] if rest > 0 else []
    since = sum(1 for group in details.groups if group.added_at)
    lines += [(f"{counted(since, 'owner')} more since it was filed.",)] if since else []
    if details.request.route_at is not None:
        lines.append(("The cluster does not answer, so the request waits. It is decided again once it does.",))
    return lines


def _also_given(details: RequestDetails, recipient: str) -> list[Line]:
    """The data of others that the recipient's yes gives, where one owner group is enough for a pattern."""
    mine = [group for group in details.groups if recipient in group.asked and not group.escalation]
    if not details.request.any_group or not mine:
        return []
    others = [group for group in details.groups if group not in mine and not group.escalation]
    lines: list[Line] = []
    for pattern in details.request.patterns:
        labels = [group.label[:LONGEST_LABEL] for group in others if owns_under(group, pattern)]
        if labels and any(owns_under(group, pattern) for group in mine):
            rest = f" and {len(labels) - _MOST_NAMED} more" if len(labels) > _MOST_NAMED else ""
            named = f"{', '.join(labels[:_MOST_NAMED])}{rest}"
            lines.append(("For ", *codes([pattern]), f" your yes also gives the data of {named}."))
    return lines[:_MOST_NAMED]


_WRITES_OWNER: Line = (
    "This permission can change who owns the data. A new owner does not count alone until you confirm it.",
)


def reminder(details: RequestDetails, recipient: str, *, writes_owner: bool = False) -> MessageContent:
    """Reminds an owner that nobody has decided yet."""
    again = approval(details, recipient, writes_owner=writes_owner)
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
