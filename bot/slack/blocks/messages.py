"""The messages about a request, made from its rows; approval and credential have files of their own. Pure."""

from collections.abc import Callable
from datetime import datetime

from slack_sdk.models.blocks import (
    ButtonElement,
)

from bot.access.lifecycle.calls_by_hand import calls_by_hand
from bot.access.lifecycle.expiry_warnings import end_of
from bot.access.models.columns import CredentialKind, Delivery
from bot.access.models.grants import Grant
from bot.access.models.messages import MessageKind
from bot.access.models.request_details import RequestDetails
from bot.access.models.requests import AccessRequest
from bot.access.states import LIVE, UNUSABLE, EndReason, GrantState, RequestState
from bot.slack import ids
from bot.slack.blocks.approval import approval, reminder
from bot.slack.blocks.content import MessageContent, content, plain
from bot.slack.blocks.credential import credential
from bot.slack.blocks.parts.unfinished import unfinished_tasks
from bot.slack.blocks.phrases import (
    decision,
    how_it_ended,
    never_worked,
    people,
    request_terms,
    where_it_stands,
    who_asks,
)
from bot.slack.blocks.rich_text import Code, Line, LocalTime, Person, Pre, sentence

_LONGEST_ERROR = 300
"""Characters of an error of the cluster."""


def message(
    kind: MessageKind, details: RequestDetails, recipient: str, *, writes_owner: bool = False
) -> MessageContent:
    """The message of that kind to that person, from the rows as they are now. It never contains a credential.

    `writes_owner`: see `approval`.
    """
    if kind is MessageKind.APPROVAL:
        return approval(details, recipient, writes_owner=writes_owner)
    if kind is MessageKind.REMINDER:
        return reminder(details, recipient, writes_owner=writes_owner)
    return _KINDS[kind](details)


def notice(text: str) -> MessageContent:
    """A message about no request. People in its text are written as `<@U…>`."""
    return plain([sentence(line) for line in text.splitlines()])


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
    if extension.kind is not CredentialKind.API_KEY:
        return "Nothing else changed."
    if extension.delivery is Delivery.REVEAL:
        return "A key that you revealed before still ends at the old time: press Reveal for one that lasts as long."
    return "A new API key takes the place of the old one in its message, and the old one stops."


def delayed(details: RequestDetails) -> MessageContent:
    """To the requester: approved, but not there yet."""
    lines: list[Line] = [
        (f"{details.request.integration} or Slack does not answer. I keep trying.",),
        (f"Your {_gets(details.request)} comes as soon as it does.",),
        request_terms(details.request),
    ]
    return content(f"Access {details.request.id} is delayed", lines)


def _gets(request: AccessRequest) -> str:
    return "access" if request.kind is CredentialKind.OWN_ACCOUNT else "credential"


def ended(details: RequestDetails) -> MessageContent:
    """To requester and approver: the access is over, with the receipt that was read back from the cluster."""
    request = details.request
    if details.grant is not None and details.grant.state is GrantState.WRITTEN_OFF:
        return written_off(request, details.grant)
    lines: list[Line] = [("Access of ", Person(request.requester), " is over."), request_terms(request)]
    if details.grant is not None:
        lines.append(where_it_stands(details.grant, request))
        lines += never_worked(details.grant)
    return content(f"Access {request.id} has ended", lines)


def written_off(request: AccessRequest, grant: Grant) -> MessageContent:
    """To everybody concerned: an administrator gave up the cluster. Lists the calls to make should it come back."""
    lines: list[Line] = [
        ("Access of ", Person(request.requester), "."),
        request_terms(request),
        (f"An administrator wrote off {request.integration}: it is gone for good.",),
        ("I no longer try to end this access.",),
        *unconfirmed(grant),
    ]
    if request.kind is CredentialKind.API_KEY:
        lines.append(("Elasticsearch itself ends the key on ", LocalTime(grant.expires_at), "."))
    lines += [("If the cluster comes back, end it by hand:",), Pre(calls_by_hand(grant, request))]
    return content(f"Access {request.id} was written off", lines)


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
            Pre(calls_by_hand(grant, request)),
        ]
        return content(f"Access {request.id} could not be ended", lines)
    if grant.state is GrantState.WRITTEN_OFF:
        return written_off(request, grant)
    lines.append(where_it_stands(grant, request))
    if grant.end_reason in {EndReason.NOT_CREATED, EndReason.NOT_DELIVERED}:
        lines.append(
            (
                "Run ",
                Code("bot check"),
                " to see what is missing.",
            )
        )
        return content(f"Access {request.id} failed", lines)
    if grant.end_reason in UNUSABLE:
        return content(f"Access {request.id} failed", [*lines, *what_to_repair(request, grant)])
    return content(f"Access {request.id} has ended after all", lines)


def unfinished(details: RequestDetails) -> MessageContent:
    """To the owners: tasks that went on in the cluster after the access had ended."""
    return unfinished_tasks(details, request_terms(details.request))


def what_to_repair(request: AccessRequest, grant: Grant) -> list[Line]:
    """To the owners: what to do about a credential that was tried and did not work."""
    tried: Line = ("I tried the credential before showing it, and took the access back at once.",)
    if grant.end_reason == EndReason.NOT_EVALUATED:
        return [tried, ("Its patterns are too complex together: approve fewer or simpler ones.",)]
    if grant.end_reason == EndReason.NOT_LIMITED:
        todo = (" says whether its licence has field and document level security.",)
        return [("It was approved for a part of the data alone, so nothing was given. ", Code("bot check"), *todo)]
    if grant.end_reason == EndReason.GIVES_LESS:
        return [tried, (Code(f"bot audit --request {request.id}"), " says what is missing.")]
    return [tried, ("Run ", Code("bot check"), ": it tries a user of its own, and says what to do.")]


def unconfirmed(grant: Grant) -> list[Line]:
    """The parts of a grant whose removal is not confirmed, and the cluster's error."""
    receipt = grant.receipt or {}
    left = [
        name
        for name, gone in (
            ("the user", receipt.get("user_gone") or receipt.get("user_disabled")),
            ("its role", receipt.get("role_gone")),
            ("its API keys", receipt.get("keys_left") == 0),
            ("the end of its sessions", receipt.get("tokens_ended", 0) is not None),
        )
        if not gone
    ]
    errors = receipt.get("errors") or []
    said: list[Line] = [("The reason: ", str(errors[0])[:_LONGEST_ERROR], ".")] if errors else []
    return [(f"Not confirmed: {', '.join(left)}.",), *said] if left else said


_KINDS: dict[MessageKind, Callable[[RequestDetails], MessageContent]] = {
    MessageKind.CREDENTIAL: credential,
    MessageKind.OUTCOME: outcome,
    MessageKind.DELAYED: delayed,
    MessageKind.ENDED: ended,
    MessageKind.FAILED: failed,
    MessageKind.UNFINISHED: unfinished,
}


def expiry_warning(details: RequestDetails, about: str) -> MessageContent:
    """To the requester, ahead of the end. Later the same message says that access was extended or has ended."""
    request, grant = details.request, details.grant
    if grant is None:
        raise LookupError(f"{request.id} has no grant")
    lines: list[Line]
    if grant.state not in LIVE:
        lines = [where_it_stands(grant, request), request_terms(request)]
        return content(f"Access {request.id} {how_it_ended(grant)}", lines)
    if grant.expires_at != end_of(about):
        lines = [
            ("It was extended and ends ", LocalTime(grant.expires_at), " now."),
            request_terms(request),
        ]
        return content(f"Access {request.id} goes on", lines)
    lines = [
        ("It ends ", LocalTime(grant.expires_at), ". Do you need it for longer?"),
        request_terms(request),
    ]
    return content(f"Access {request.id} ends soon", lines, _warning_buttons(grant.id))


def _warning_buttons(grant_id: str) -> tuple[ButtonElement, ...]:
    return (
        ButtonElement(text="Extend", action_id=ids.EXTEND, value=grant_id, style="primary"),
        ButtonElement(text="I'm done", action_id=ids.REVOKE, value=grant_id),
    )


def asked_for_you(details: RequestDetails) -> MessageContent:
    """To the requester who did not ask: the terms, and a button to cancel the request."""
    request = details.request
    lines: list[Line] = [
        who_asks(request, "access"),
        request_terms(request),
        *([("Reason: ", request.reason)] if request.reason else []),
    ]
    if request.state is RequestState.PENDING:
        lines += [
            ("Asked: ", *people(request.owners), "."),
            (f"You get the {_gets(request)} when it is approved. Open until ", LocalTime(request.pending_until), "."),
        ]
        return content(f"Request {request.id} for you", lines, (take_back(request),))
    return content(f"Request {request.id} for you: {request.state.value}", [*lines, decision(details)])


def meant(person: str | None) -> list[Line]:
    """Names the person for whom somebody else asks, so that a wrong name is noticed. Nothing for `None`."""
    return [("This is for ", Person(person), ".")] if person else []


def take_back(request: AccessRequest) -> ButtonElement:
    """The button that cancels a request."""
    return ButtonElement(text="Take it back", action_id=ids.CANCEL, value=request.id)


def done_before_restart(at: datetime) -> MessageContent:
    """The answer to a payload whose work is done, but whose answer was lost with the process that gave it."""
    return plain([
        ("What you asked for at ", LocalTime(at), " is done, but I was stopped before I could say so. See ",
         Code("/es-access list")),
    ])  # fmt: skip


def untold(request: AccessRequest) -> MessageContent:
    """How a request ended, for a person to whom no message could be sent."""
    why = f": {request.decision_reason}" if request.decision_reason else "."
    return plain([("Request ", Code(request.id), f" was {request.state.value}{why}")])
