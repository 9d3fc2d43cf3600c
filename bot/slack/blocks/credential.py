"""The credential message: the secret while it is valid, and what to do with it."""

from collections.abc import Mapping

from slack_sdk.models.blocks import (
    ButtonElement,
    ConfirmObject,
    PlainTextObject,
)

from bot.access.models.columns import CredentialKind, Delivery
from bot.access.models.grants import Grant
from bot.access.models.request_details import RequestDetails
from bot.access.models.requests import AccessRequest
from bot.access.ownership.aliases import read_aliases
from bot.access.policy.access_details import fill_details
from bot.access.policy.model import BUILT_IN, Integration
from bot.access.policy.names.exclusion import excluded_under
from bot.access.policy.names.selectors import FAILURES, is_failure_store
from bot.access.ports import Credential
from bot.access.requests.preview import read_preview
from bot.access.states import LIVE, EndReason, GrantState
from bot.slack import ids
from bot.slack.blocks.content import MessageContent, content
from bot.slack.blocks.parts.first_use import first_use, own_kibana
from bot.slack.blocks.parts.limits import failure_stores, not_included, shown_part
from bot.slack.blocks.phrases import (
    decision,
    how_it_ended,
    never_worked,
    request_terms,
    where_it_stands,
)
from bot.slack.blocks.rich_text import Code, Line, LocalTime, TextPart, codes, fallback

_MOST_TARGETS = 5
"""Targets of one alias in a message and its search line, which have to stay readable."""


def credential(details: RequestDetails) -> MessageContent:
    """To the requester, in the place of the secret: before it is made, and after it has ended."""
    request, grant = details.request, details.grant
    revealed = request.delivery is Delivery.REVEAL
    own = request.kind is CredentialKind.OWN_ACCOUNT
    if grant is not None and revealed and not own and grant.state is GrantState.ACTIVE:
        return revealable(request, grant)
    if grant is None or grant.state in LIVE:
        noun = "access" if own else "credential"
        lines: list[Line] = [decision(details), (f"Your {noun} is being made and will stand here in a moment.",)]
        return content(f"Access {request.id} approved", [*lines, request_terms(request)])
    lines = [request_terms(request), where_it_stands(grant, request)]
    if grant.end_reason == EndReason.REMOVED_BY_HAND:
        lines.append(("An administrator did that. If you still need it, ask them, then ask for access anew.",))
    unusable = never_worked(grant)
    lines += unusable
    if not revealed and not unusable and not own:
        lines.append(("The credential was removed from this message.",))
    return content(f"Access {request.id} {how_it_ended(grant)}", lines)


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


def given_to_account(details: RequestDetails, integration: Integration) -> MessageContent:
    """To the requester: their own account has the access."""
    request, grant = details.request, details.grant
    if grant is None:
        raise LookupError(f"{request.id} has no grant")
    account = request.account or {}
    what = f"You can {request.permission} " if request.permission in BUILT_IN else f"You have {request.permission} on "
    lines: list[Line] = [
        (what, *codes(request.patterns), " until ", LocalTime(grant.expires_at), " with your own account."),
        *own_kibana(request, integration, _usable(request)),
        *shown_part(request.privileges),
        *([_FIRST_TIME] if "first_time" in account else []),
        *([_details(integration, grant, request, account["username"])] if integration.access_details else []),
        *_instead_of_aliases(request),
        *not_included(excluded_under(request.patterns, request.excluded or ())),
        ("Account ", Code(account.get("username", "")), f" in {integration.name}, {request.id}"),
    ]
    check = ButtonElement(text="Check", action_id=ids.CHECK, value=grant.id)
    return content(f"Access {request.id}", lines, (check, *reversed(_buttons(grant))))


_FIRST_TIME: Line = (
    "It is your first access of this kind: if Kibana is open and does not show the data, sign out and in again, once.",
)


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
        *([_details(integration, grant, request, secret.username)] if integration.access_details else []),
        *_instead_of_aliases(request),
        *failure_stores(request.privileges, read_preview(request.preview)),
        *shown_part(request.privileges),
        *not_included(excluded_under(request.patterns, request.excluded or ())),
        *first_use(request, integration, _usable(request), secret),
    ]


def _alias_names(request: AccessRequest) -> Mapping[str, tuple[str, ...]]:
    """The aliases that were asked for by name and whose names do not work, since the role holds their targets."""
    if request.resolved is None:
        return {}
    targets = read_aliases(request.aliases).targets
    return {pattern: targets[pattern] for pattern in request.patterns if pattern in targets}


def _instead_of_aliases(request: AccessRequest) -> list[Line]:
    """Which names to use in the place of aliases."""
    return [
        (Code(alias), " is an alias, and its name does not work: use ", *codes(targets[:_MOST_TARGETS]), ".")
        for alias, targets in _alias_names(request).items()
    ]


def _usable(request: AccessRequest) -> list[str]:
    """The patterns of a request as they work in a search: the first targets of an alias in the place of its name."""
    aliases = _alias_names(request)
    names = [name for each in request.patterns for name in aliases.get(each, (each,))[:_MOST_TARGETS]]
    return [f"{name}::{FAILURES}" for name in names] if is_failure_store(request.privileges) else names


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


def _details(integration: Integration, grant: Grant, request: AccessRequest, username: str) -> tuple[TextPart, ...]:
    values: dict[str, TextPart] = {
        "url": Code(integration.public_url),
        "username": Code(username),
        "expiry": LocalTime(grant.expires_at),
        "patterns": Code(", ".join(_usable(request))),
    }
    return tuple(fill_details(integration.access_details, values))
