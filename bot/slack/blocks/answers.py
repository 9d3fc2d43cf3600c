"""Private answers to the person who typed or clicked: confirmations, lists, help and errors."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from slack_sdk.models.blocks import ButtonElement

from bot.access.durations import format_duration
from bot.access.errors import AccessError
from bot.access.models.columns import CredentialKind
from bot.access.models.request_details import RequestDetails
from bot.access.models.requests import AccessRequest
from bot.access.policy.model import Integration, Policy
from bot.access.ports import Credential, Resource
from bot.access.requests.drafts import ParsedRequest
from bot.access.requests.routing import Plan
from bot.access.requests.service import Submission
from bot.access.states import LIVE, RequestState
from bot.access.wording import counted
from bot.slack import ids
from bot.slack.blocks.approval import approval
from bot.slack.blocks.content import MessageContent, noted, plain
from bot.slack.blocks.credential import handed_over
from bot.slack.blocks.messages import meant, take_back
from bot.slack.blocks.parts.approvers import approvers_of, asked_owners
from bot.slack.blocks.parts.risks import risks
from bot.slack.blocks.phrases import (
    AS_CREDENTIAL,
    flow_line,
    planned_coverage,
    request_terms,
    reviewed,
    without_asking,
)
from bot.slack.blocks.rich_text import (
    MENTION,
    Bold,
    Code,
    Line,
    LocalTime,
    Person,
    TextPart,
    block,
    codes,
    sentence,
)

MOST_RESOURCES = 25
"""Names in one answer, about a screen of them."""


def filed(result: Submission) -> MessageContent:
    """Confirms a request: its id, its coverage, who has to approve it and until when."""
    request, plan = result.request, result.plan
    whose = [*meant(result.for_whom), *([("Reason: ", request.reason)] if request.reason else [])]
    if result.duplicate is not None:
        return _there_already(result.duplicate, meant(result.for_whom), result.longer)
    first: Line = ("Request ", Code(request.id), " is filed: ", *request_terms(request))
    if plan is None:
        return plain([
            first,
            *whose,
            ("Slack or the cluster does not answer, so it waits. It goes on by itself as soon as that works again.",),
            ("To take it back: ", Code(f"/es-access cancel {request.id}")),
        ])  # fmt: skip
    if plan.by_rule:
        rule = (f"The access flow “{plan.flow.name}” approves it by itself.",)
        risk = risks(request.privileges, plan.kind)
        return plain(
            [
                first,
                *whose,
                *risk,
                *planned_coverage(plan),
                flow_line(plan.flow.name, plan.flow.max_duration),
                without_asking(plan) if plan.flow.break_glass else rule,
            ]
        )
    kept: Line = ("Until they do, your access ends as before.",)
    return plain([
        first,
        *whose,
        *risks(request.privileges, plan.kind),
        *([] if request.extends else planned_coverage(plan)),
        flow_line(plan.flow.name, plan.flow.max_duration),
        *asked_owners(plan, "Asked"),
        ("Open until ", LocalTime(request.pending_until), "."),
        kept if request.extends else ("To take it back: ", Code(f"/es-access cancel {request.id}")),
    ])  # fmt: skip


def explained(parsed: ParsedRequest, plan: Plan) -> MessageContent:
    """The result that filing a request would have."""
    return plain([
        (Bold(parsed.permission.name), " on ", *codes(parsed.patterns),
         f" in {parsed.integration.name} for {format_duration(plan.duration)}, {AS_CREDENTIAL[plan.kind]}"),
        *meant(parsed.requester if parsed.asked_by else None),
        *risks(parsed.permission.stored(), plan.kind),
        *planned_coverage(plan),
        flow_line(plan.flow.name, plan.flow.max_duration),
        *approvers_of(plan),
        *((f"Note: {problem}.",) for problem in plan.problems),
        ("Nothing was filed.",),
    ])  # fmt: skip


def resources(found: Sequence[Resource], text: str) -> MessageContent:
    """The resources that the reader may request, with their owners or a note that they have none."""
    if not found:
        nothing = f"There is nothing called “{text}” that you may ask for." if text else "There is nothing to ask for."
        return plain([(nothing,)])
    shown = found[:MOST_RESOURCES]
    rest = len(found) - len(shown)
    lines: list[Line] = [(f"{counted(len(found), 'name')} to ask for:",)]
    lines += [(Code(each.name), f" {each.kind}, {_owners(each)}") for each in shown]
    if rest:
        lines.append((f"And {rest} more. Narrow it down: ", Code("/es-access resources TEXT")))
    return plain(lines)


def offer_made(details: RequestDetails) -> MessageContent:
    """Confirms a counter-offer. The message of the request shows the requester's answer to it."""
    request = details.request
    return plain([("Your offer for ", Code(request.id), " is sent to ", Person(request.requester), ".")])


def without_dm(content: MessageContent) -> MessageContent:
    """The same answer, with a note that the app cannot send this person direct messages."""
    return noted(content, [("I cannot send you direct messages: allow them for this app, or ask your administrator.",)])


def cancelled(details: RequestDetails) -> MessageContent:
    """Confirms that a request is cancelled."""
    return plain([("Request ", Code(details.request.id), " is cancelled. Nobody has to decide it any more.")])


def revoking(details: RequestDetails) -> MessageContent:
    """Confirms that access is being ended. Its message shows the proof then; people without one get one."""
    shown = Code(f"/es-access status {details.request.id}")
    return plain([
        ("Access ", Code(details.request.id), " is being ended. Its message says when it is gone, and so does ", shown)
    ])  # fmt: skip


def resetting(details: RequestDetails) -> MessageContent:
    """Confirms that a fresh secret comes, by an edit of the message with the present one."""
    return plain([
        ("A fresh secret for ", Code(details.request.id), " comes in its message in a moment. The old one stops.")
    ])  # fmt: skip


def revealed(details: RequestDetails, integration: Integration, credential: Credential) -> MessageContent:
    """The secret, for a modal. Its text is empty, since no notification may show the secret."""
    request, grant = details.request, details.grant
    if grant is None:
        raise LookupError(f"{request.id} has no grant")
    lines = handed_over(request, grant, integration, credential)
    lines.append(("It is shown once, here. It replaces what you revealed before, and each Reveal replaces it.",))
    return MessageContent("", [block(lines)])


def status(details: RequestDetails) -> MessageContent:
    """The present state of one request."""
    answer = approval(details, recipient="")
    blocks = [each for each in answer.blocks if each.type != "actions"]
    return replace(
        answer, blocks=[*blocks, *([block([reviewed(details.request)])] if details.request.break_glass else [])]
    )


def listed(all_details: Sequence[RequestDetails], now: datetime) -> MessageContent:
    """A person's newest requests, a line each."""
    if not all_details:
        return plain([("You have not asked for anything yet.",), ("To ask: ", Code("/es-access logs-* 1h"))])
    return plain([("Your newest requests:",), *(_line(details, now) for details in all_details)])


def help_text(policy: Policy, permissions: Sequence[str]) -> MessageContent:
    """The commands, and the permissions that the reader may ask for."""
    return plain([
        (Bold("Ask for temporary access to Elasticsearch. An owner approves, and it ends by itself."),),
        (Code("/es-access logs-* 1h"), " read logs-* for one hour"),
        (Code("/es-access logs-*,metrics-* 2h30m write fixing INC-42"), " write to both, with a reason"),
        *([(Code("/es-access logs-* 1h --password"), " a password, in place of your own account")]
          if any(each.accounts for each in policy.integrations) else []),
        (Code("/es-access logs-* 1h --key"), " an API key, for a script"),
        (Code("/es-access logs-* 1h --for ada@example.com"), " for somebody else, where the access flow allows it"),
        *([(Code("/es-access logs-* 1h --break-glass REASON"), " at once, in an emergency; owners review it")]
          if any(flow.break_glass for flow in policy.access_flows) else []),
        (Code("/es-access"), " a form"),
        (Code("/es-access explain logs-* 1h"), " what that covers and who would approve; asks nobody"),
        (Code("/es-access resources TEXT"), " the resources that you may ask for"),
        (Code("/es-access list"), " your requests"),
        (Code("/es-access status ID"), ", ", Code("cancel ID"), ", ", Code("revoke ID"), ", ", Code("extend ID 1h")),
        (Code("/es-access reset ID"), " a fresh password or API key; the old one stops"),
        (f"Permissions: {', '.join(permissions)}. The longest access is {format_duration(policy.longest)}."
         if permissions else "No access flow lets you ask for anything: speak to your administrator.",),
    ])  # fmt: skip


def without_mentions(message: str) -> str:
    """A message of the domain for the field of a form, where Slack shows no mentions."""
    return MENTION.sub("somebody", message)


def refused(error: AccessError) -> MessageContent:
    """The error, and one correct example."""
    lines: list[Line] = [sentence(error.message)]
    if error.example:
        lines.append(
            ("Example: ", Code(error.example)) if error.example.startswith("/es-access ") else (error.example,)
        )
    return plain(lines)


def unreachable(what_happened: str) -> MessageContent:
    """Slack or the cluster is in trouble, and nothing was done."""
    return plain([(f"{what_happened}, so I could not do that. Nothing was changed. Please try again in a minute.",)])


def database_away() -> MessageContent:
    """The database cannot be used. It is unknown whether the last write was committed."""
    return plain([
        ("My database does not answer, so I cannot say whether that was done. Please look again in a minute: ",
         Code("/es-access list")),
    ])  # fmt: skip


def unexpected_error(mark: str) -> MessageContent:
    """A bug, which the log has under `mark`."""
    return plain([
        ("Something went wrong on my side, and I have logged it as ", Code(mark), "."),
        ("Please try again; if it happens again, show this to your administrator.",),
    ])  # fmt: skip


def _there_already(details: RequestDetails, whose: Sequence[Line], longer: Sequence[str]) -> MessageContent:
    """The answer to a repeated request: the one that exists already. `longer`: see `Submission`."""
    request, grant = details.request, details.grant
    again: Line = ("To ask for it once more all the same, add ", Code("--again"), ".")
    if grant is None:
        lines: list[Line] = [
            ("This is asked for already, and waits for an owner: ", Code(request.id), ", ", *request_terms(request)),
            *whose,
            ("Open until ", LocalTime(request.pending_until), "."),
            *([("You ask for longer now. To ask for that in its place: ", *codes(longer))] if longer else []),
            again,
        ]
        return plain(lines, (take_back(request),))
    lines = [
        ("This access is there already: ", Code(request.id), ", ", *request_terms(request)),
        *whose,
        ("It ends ", LocalTime(grant.expires_at), _where_it_is(request)),
        *([("To have it for as long as you ask now: ", *codes(longer))] if longer else []),
        again,
    ]
    return plain(lines, (ButtonElement(text="Extend", action_id=ids.EXTEND, value=request.id, style="primary"),))


def _where_it_is(request: AccessRequest) -> str:
    own = request.kind is CredentialKind.OWN_ACCOUNT
    return "." if own else ". The credential stands in its direct message."


def _owners(resource: Resource) -> str:
    named = [owner for owner in resource.owners if owner]
    return f"owner {', '.join(named)}" if named else "no owner: the integration owner decides"


_KINDS = {
    CredentialKind.OWN_ACCOUNT: "own account",
    CredentialKind.PASSWORD: "password",
    CredentialKind.API_KEY: "API key",
}


def _line(details: RequestDetails, now: datetime) -> tuple[TextPart, ...]:
    request, grant = details.request, details.grant
    state: tuple[TextPart, ...] = (request.state.value,)
    if request.state is RequestState.APPROVED and grant is not None:
        state = (
            ("active until ", LocalTime(grant.expires_at)) if grant.state in LIVE else (f"ended ({grant.end_reason})",)
        )
    elif request.state is RequestState.PENDING and request.pending_until <= now:
        state = (RequestState.EXPIRED.value,)
    decided = request.flow or request.kind is not CredentialKind.PASSWORD
    kind = f" ({_KINDS[request.kind]})" if decided else ""
    whose: tuple[TextPart, ...] = (" for ", Person(request.requester)) if request.asked_by else ()
    what = (Bold(request.permission), " on ", *codes(request.patterns))
    return (Code(request.id), " ", *what, *whose, f"{kind}: ", *state)
