"""Every message that is sent, made from a request's rows. Pure: what goes in decides what comes out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from slack_sdk.models.blocks import ActionsBlock, Block, ButtonElement, HeaderBlock

from bot.access.details import fill_details
from bot.access.ending import End
from bot.access.models import AccessRequest, Grant, MessageKind
from bot.access.policy import Integration
from bot.access.ports import Credential, Story
from bot.access.preview import read_preview
from bot.access.states import LIVE, GrantState, RequestState
from bot.slack import ids
from bot.slack.curl import search_line
from bot.slack.phrases import asked, chosen, covered, decision, needed, people, where_it_stands, why
from bot.slack.words import Code, Line, Moment, Part, Person, Pre, block, fallback, sentence


@dataclass(frozen=True)
class Content:
    """What Slack is given: `text` is for notifications and screen readers, `blocks` is what is seen."""

    text: str
    blocks: Sequence[Block]


def content(title: str, lines: Sequence[Line], buttons: Sequence[ButtonElement] = ()) -> Content:
    """A message with a title, lines of text and buttons."""
    blocks: list[Block] = [HeaderBlock(text=title), block(lines)]
    if buttons:
        blocks.append(ActionsBlock(elements=list(buttons)))
    return Content(f"{title}\n{fallback(lines)}", blocks)


def message(kind: MessageKind, story: Story, recipient: str) -> Content:
    """The message of that kind to that person, as the rows are now. It never holds a credential."""
    if kind is MessageKind.APPROVAL:
        return approval(story, recipient)
    if kind is MessageKind.REMINDER:
        return reminder(story, recipient)
    return _KINDS[kind](story)


def notice(text: str) -> Content:
    """About no request: a line of the application's own, in which a person may be written as `<@U…>`."""
    lines = [sentence(line) for line in text.splitlines()]
    return Content(fallback(lines), [block(lines)])


def approval(story: Story, recipient: str) -> Content:
    """To an owner: who asks for what, what it covers, who has said yes, and what has become of it."""
    request = story.request
    what = "more time" if request.extends else "access"
    lines: list[Line] = [
        (Person(request.requester), f" asks for {what}."),
        asked(request),
        *covered(read_preview(request.preview)),
        *([("Reason: ", request.reason)] if request.reason else []),
    ]
    if request.state is RequestState.PENDING:
        lines += [
            *([chosen(request.flow, timedelta(seconds=request.flow_limit))] if request.flow else []),
            *needed(story),
            ("Asked: ", *people(request.owners), "."),
            why(story, recipient),
            ("Open until ", Moment(request.pending_until), "."),
        ]
        buttons = () if recipient in story.approvers else (_approve(request), _deny(request))
        return content(f"Request {request.id}", lines, buttons)
    lines += [decision(story)]
    if story.grant is not None and request.extends is None:
        lines.append(where_it_stands(story.grant))
    return content(f"Request {request.id}: {request.state.value}", lines)


def reminder(story: Story, recipient: str) -> Content:
    """To an owner who was asked: nobody has decided yet."""
    again = approval(story, recipient)
    if story.request.state is not RequestState.PENDING:
        return again
    title = HeaderBlock(text=f"Still waiting: {story.request.id}")
    return replace(again, text=f"Still waiting: {again.text}", blocks=[title, *again.blocks[1:]])


def credential(story: Story) -> Content:
    """To the requester, while there is no secret in it: before it is made, and after it has ended."""
    request, grant = story.request, story.grant
    if grant is None or grant.state in LIVE:
        lines: list[Line] = [decision(story), ("Your credential is being made and will stand here in a moment.",)]
        return content(f"Access {request.id} approved", [*lines, asked(request)])
    lines = [asked(request), where_it_stands(grant), ("The credential was removed from this message.",)]
    return content(f"Access {request.id} has ended", lines)


def delivered(story: Story, integration: Integration, secret: Credential) -> Content:
    """To the requester: the credential, for as long as it lives. The only message with a secret in its blocks."""
    request, grant = story.request, story.grant
    if grant is None:
        raise LookupError(f"{request.id} has no grant")
    password = secret.secret.get_secret_value()
    lines: list[Line] = [
        asked(request),
        ("URL: ", Code(integration.public_url)),
        ("Username: ", Code(secret.username)),
        ("Password: ", Code(password)),
        ("Ends: ", Moment(grant.expires_at)),
        *([_details(integration, grant, request)] if integration.access_details else []),
        ("Try it:",),
        Pre(search_line(integration.public_url, request.patterns, secret.username, password)),
    ]
    buttons = [
        ButtonElement(text="Revoke now", action_id=ids.REVOKE, value=grant.id, style="danger"),
        ButtonElement(text="Extend", action_id=ids.EXTEND, value=grant.id),
    ]
    title = f"Access {request.id}"
    # The fallback goes into notifications and e-mails: it says all but the secret.
    return Content(f"{title}\n{fallback([asked(request)])}", content(title, lines, buttons).blocks)


def _details(integration: Integration, grant: Grant, request: AccessRequest) -> tuple[Part, ...]:
    values: dict[str, Part] = {
        "url": Code(integration.public_url),
        "username": Code(grant.username),
        "expiry": Moment(grant.expires_at),
        "patterns": Code(", ".join(request.patterns)),
    }
    return tuple(fill_details(integration.access_details, values))


def outcome(story: Story) -> Content:
    """To the requester: what became of a request, where that is not a credential."""
    request = story.request
    lines = [decision(story), asked(request)]
    if request.extends and request.state is RequestState.APPROVED and story.grant is not None:
        lines.append((Code(request.extends), " now ends ", Moment(story.grant.expires_at), ". Nothing else changed."))
        return content(f"Extension {request.id} approved", lines)
    if request.state is RequestState.EXPIRED:
        lines.append((f"Ask again, or speak to an owner of {request.integration}.",))
    return content(f"Request {request.id}: {request.state.value}", lines)


def delayed(story: Story) -> Content:
    """To the requester: approved, but not there yet."""
    lines: list[Line] = [
        (f"{story.request.integration} or Slack does not answer. I keep trying.",),
        ("Your credential comes as soon as it does.",),
        asked(story.request),
    ]
    return content(f"Access {story.request.id} is delayed", lines)


def ended(story: Story) -> Content:
    """To requester and approver: the access is over, and what was read back from the cluster."""
    request = story.request
    lines: list[Line] = [("Access of ", Person(request.requester), " is over."), asked(request)]
    if story.grant is not None:
        lines.append(where_it_stands(story.grant))
    return content(f"Access {request.id} has ended", lines)


def failed(story: Story) -> Content:
    """To the owners: something needs a person. Says what, and what to do by hand."""
    request, grant = story.request, story.grant
    lines: list[Line] = [("Access of ", Person(request.requester), "."), asked(request)]
    if grant is None:
        return content(f"Access {request.id}", lines)
    if grant.state is GrantState.REVOCATION_FAILED:
        lines += [
            ("It should have ended, and I cannot confirm that it has. I keep trying. To end it by hand:",),
            Pre(
                f"DELETE /_security/user/{grant.username}\n"
                f'DELETE /_security/api_key  {{"username": "{grant.username}"}}\n'
                f"DELETE /_security/role/{grant.username}"
            ),
        ]
        return content(f"Access {request.id} could not be ended", lines)
    lines.append(where_it_stands(grant))
    if grant.end_reason in {End.NOT_CREATED, End.NOT_DELIVERED}:
        lines.append(
            (
                "Run ",
                Code("bot check"),
                " to see what is missing.",
            )
        )
        return content(f"Access {request.id} failed", lines)
    return content(f"Access {request.id} has ended after all", lines)


_KINDS: dict[MessageKind, Callable[[Story], Content]] = {
    MessageKind.CREDENTIAL: credential,
    MessageKind.OUTCOME: outcome,
    MessageKind.DELAYED: delayed,
    MessageKind.ENDED: ended,
    MessageKind.FAILED: failed,
}


def _approve(request: AccessRequest) -> ButtonElement:
    return ButtonElement(text="Approve", action_id=ids.APPROVE, value=request.id, style="primary")


def _deny(request: AccessRequest) -> ButtonElement:
    return ButtonElement(text="Deny", action_id=ids.DENY, value=request.id, style="danger")
