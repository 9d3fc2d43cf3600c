"""Every message that is sent, made from the rows of a request. Pure."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from slack_sdk.models.blocks import (
    ButtonElement,
    ConfirmObject,
    HeaderBlock,
    PlainTextObject,
)

from bot.access.models.columns import CredentialKind, Delivery
from bot.access.models.grants import Grant
from bot.access.models.messages import MessageKind
from bot.access.models.request_details import RequestDetails
from bot.access.models.requests import AccessRequest
from bot.access.policy.access_details import fill_details
from bot.access.policy.model import Integration
from bot.access.ports import Credential
from bot.access.requests.preview import read_preview
from bot.access.states import LIVE, EndReason, GrantState, RequestState
from bot.slack import ids
from bot.slack.blocks.content import MessageContent, content, plain
from bot.slack.blocks.curl import search_line
from bot.slack.blocks.phrases import (
    coverage,
    dangers,
    decision,
    flow_line,
    needed_approvals,
    offers_made,
    people,
    request_terms,
    unconfirmed,
    where_it_stands,
    who_asks,
    why_asked,
)
from bot.slack.blocks.rich_text import Code, Line, LocalTime, Person, Pre, TextPart, fallback, sentence


def message(kind: MessageKind, details: RequestDetails, recipient: str) -> MessageContent:
    """The message of that kind to that person, from the rows as they are now. It never contains a credential."""
    if kind is MessageKind.APPROVAL:
        return approval(details, recipient)
    if kind is MessageKind.REMINDER:
        return reminder(details, recipient)
    return _KINDS[kind](details)


def notice(text: str) -> MessageContent:
    """A message about no request. People in its text are written as `<@U…>`."""
    return plain([sentence(line) for line in text.splitlines()])


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


def credential(details: RequestDetails) -> MessageContent:
    """To the requester, in the place of the secret: before it is made, and after it has ended."""
    request, grant = details.request, details.grant
    revealed = request.delivery is Delivery.REVEAL
    if grant is not None and revealed and grant.state is GrantState.ACTIVE:
        return revealable(request, grant)
    if grant is None or grant.state in LIVE:
        lines: list[Line] = [decision(details), ("Your credential is being made and will stand here in a moment.",)]
        return content(f"Access {request.id} approved", [*lines, request_terms(request)])
    lines = [request_terms(request), where_it_stands(grant, request.kind)]
    if grant.end_reason == EndReason.REMOVED_BY_HAND:
        lines.append(("An administrator did that. If you still need it, ask them, then ask for access anew.",))
    if not revealed:
        lines.append(("The credential was removed from this message.",))
    return content(f"Access {request.id} has ended", lines)


def revealable(request: AccessRequest, grant: Grant) -> MessageContent:
    """To the requester, in the place of the secret: the button that makes one."""
    noun = "API key" if request.kind is CredentialKind.API_KEY else "password"
    lines: list[Line] = [
        request_terms(request),
        (f"Press Reveal: your {noun} is made at that moment, and shown once in a window that Slack does not keep.",),
        ("Each Reveal makes a new one, and the one before stops.",),
        ("Ends: ", LocalTime(grant.expires_at)),
    ]
    if request.kind is CredentialKind.API_KEY and grant.expires_at > grant.created_at + request.length:
        lines.append(("A key that was revealed before the extension ends at the old time: press Reveal for another.",))
    reveal = ButtonElement(text="Reveal", action_id=ids.REVEAL, value=grant.id, style="primary")
    return content(f"Access {request.id}", lines, (reveal, *_buttons(grant)))


def delivered(details: RequestDetails, integration: Integration, secret: Credential) -> MessageContent:
    """To the requester: the credential, for as long as it lives. The only message with a secret in its blocks."""
    request, grant = details.request, details.grant
    if grant is None:
        raise LookupError(f"{request.id} has no grant")
    title = f"Access {request.id}"
    lines = handed_over(request, grant, integration, secret)
    # The fallback goes into notifications and e-mails: it has everything but the secret.
    blocks = content(title, lines, (*_buttons(grant), _reset(grant))).blocks
    return MessageContent(f"{title}\n{fallback([request_terms(request)])}", blocks)


def handed_over(request: AccessRequest, grant: Grant, integration: Integration, secret: Credential) -> list[Line]:
    """The secret, and how to use it."""
    text = secret.secret.get_secret_value()
    if secret.kind is CredentialKind.API_KEY:
        shown: list[Line] = [("API key: ", Code(text))]
    else:
        shown = [("Username: ", Code(secret.username)), ("Password: ", Code(text))]
    return [
        request_terms(request),
        ("URL: ", Code(integration.public_url)),
        *shown,
        ("Ends: ", LocalTime(grant.expires_at)),
        *([_details(integration, grant, request)] if integration.access_details else []),
        ("Try it:",),
        Pre(search_line(integration.public_url, request.patterns, secret)),
    ]


def _buttons(grant: Grant) -> tuple[ButtonElement, ...]:
    return (
        ButtonElement(text="Revoke now", action_id=ids.REVOKE, value=grant.id, style="danger"),
        ButtonElement(text="Extend", action_id=ids.EXTEND, value=grant.id),
    )


def _reset(grant: Grant) -> ButtonElement:
    sure = ConfirmObject(
        title="A fresh secret?",
        text=PlainTextObject(text="It takes the place of this one, which stops. The end of your access stays."),
        confirm="Reset",
        deny="Back",
    )
    return ButtonElement(text="Reset", action_id=ids.RESET, value=grant.id, confirm=sure)


def _details(integration: Integration, grant: Grant, request: AccessRequest) -> tuple[TextPart, ...]:
    values: dict[str, TextPart] = {
        "url": Code(integration.public_url),
        "username": Code(grant.username),
        "expiry": LocalTime(grant.expires_at),
        "patterns": Code(", ".join(request.patterns)),
    }
    return tuple(fill_details(integration.access_details, values))


def outcome(details: RequestDetails) -> MessageContent:
    """To the requester: the result of a request, if that is not a credential."""
    request = details.request
    lines = [decision(details), request_terms(request)]
    if request.extends and request.state is RequestState.APPROVED and details.grant is not None:
        lines.append((Code(request.extends), " now ends ", LocalTime(details.grant.expires_at), ". ", _after(request)))
        return content(f"Extension {request.id} approved", lines)
    if request.state is RequestState.EXPIRED:
        lines.append((f"Ask again, or speak to an owner of {request.integration}.",))
    return content(f"Request {request.id}: {request.state.value}", lines)


def _after(extension: AccessRequest) -> str:
    """The changes that come with an extension, besides the end."""
    if extension.kind is CredentialKind.PASSWORD:
        return "Nothing else changed."
    if extension.delivery is Delivery.REVEAL:
        return "A key that you revealed before still ends at the old time: press Reveal for one that lasts as long."
    return "A new API key takes the place of the old one in its message, and the old one stops."


def delayed(details: RequestDetails) -> MessageContent:
    """To the requester: approved, but not there yet."""
    lines: list[Line] = [
        (f"{details.request.integration} or Slack does not answer. I keep trying.",),
        ("Your credential comes as soon as it does.",),
        request_terms(details.request),
    ]
    return content(f"Access {details.request.id} is delayed", lines)


def ended(details: RequestDetails) -> MessageContent:
    """To requester and approver: the access is over, with the receipt that was read back from the cluster."""
    request = details.request
    lines: list[Line] = [("Access of ", Person(request.requester), " is over."), request_terms(request)]
    if details.grant is not None:
        lines.append(where_it_stands(details.grant, request.kind))
    return content(f"Access {request.id} has ended", lines)


def failed(details: RequestDetails) -> MessageContent:
    """To the owners: a problem that needs a person, and the steps to solve it by hand."""
    request, grant = details.request, details.grant
    lines: list[Line] = [("Access of ", Person(request.requester), "."), request_terms(request)]
    if grant is None:
        return content(f"Access {request.id}", lines)
    if grant.state is GrantState.REVOCATION_FAILED:
        lines += [
            ("It should have ended, and I cannot confirm that it has. I keep trying.",),
            *unconfirmed(grant),
            ("To end it by hand:",),
            Pre(_by_hand(grant, request.kind)),
        ]
        return content(f"Access {request.id} could not be ended", lines)
    lines.append(where_it_stands(grant, request.kind))
    if grant.end_reason in {EndReason.NOT_CREATED, EndReason.NOT_DELIVERED}:
        lines.append(
            (
                "Run ",
                Code("bot check"),
                " to see what is missing.",
            )
        )
        return content(f"Access {request.id} failed", lines)
    return content(f"Access {request.id} has ended after all", lines)


def _by_hand(grant: Grant, kind: CredentialKind) -> str:
    """The calls that end a grant. The first one deletes the credential."""
    user, role = (f"DELETE /_security/{each}/{grant.username}" for each in ("user", "role"))
    keys = f'DELETE /_security/api_key  {{"username": "{grant.username}"}}'
    return "\n".join((keys, user, role) if kind is CredentialKind.API_KEY else (user, keys, role))


_KINDS: dict[MessageKind, Callable[[RequestDetails], MessageContent]] = {
    MessageKind.CREDENTIAL: credential,
    MessageKind.OUTCOME: outcome,
    MessageKind.DELAYED: delayed,
    MessageKind.ENDED: ended,
    MessageKind.FAILED: failed,
}


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
