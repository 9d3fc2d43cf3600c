"""The message about a changed owner, to the owners who count until one of them decides."""

from collections.abc import Sequence

from slack_sdk.models.blocks import ButtonElement, ConfirmObject, PlainTextObject

from bot.access.models.ownership import MOST_CONFIRMED, OwnershipChange, OwnershipState
from bot.access.models.request_details import RequestDetails
from bot.access.policy.owner_groups import owners_in
from bot.access.states import LIVE
from bot.access.wording import counted
from bot.slack import ids
from bot.slack.blocks.approval import revoke_button
from bot.slack.blocks.content import MessageContent, content
from bot.slack.blocks.phrases import request_terms
from bot.slack.blocks.rich_text import Bold, Code, Line, LocalTime, Person, TextPart, codes, middle_cut

_MOST_NAMES = 10
"""Resources named in a message."""

_LONGEST_OWNER = 80
"""Characters of an owner. Any writer of a mapping chooses it."""

_LONGEST_NAME = 100
"""Characters of a resource in the title."""

_CORRECT_IT = "Ask an administrator to correct the owner in the cluster."


def owner_changed(details: RequestDetails) -> MessageContent:
    """The owners before and now, the people who could change them, and the decision or how to make it."""
    change, request = details.ownership_change, details.request
    if change is None:
        raise LookupError(f"a message about {request.id} has no change of an owner")
    also = change.grants[1:]
    lines: list[Line] = [
        (Bold("Before: "), *_owner(change.before, change.integration)),
        *_owners_now(change),
        (Person(request.requester), " could change it with ", Code(request.id), ": ", *request_terms(request), "."),
        *([("So could the holders of ", *codes(also[:_MOST_NAMES]), ".")] if also else []),
        *_outcome(change),
        ("Noticed ", LocalTime(change.noticed_at), f" in {change.integration}."),
    ]
    if change.state is not OwnershipState.OPEN:
        return content(_title(change), lines)
    live = details.grant is not None and details.grant.state in LIVE
    revoke = (revoke_button(details.grant, request),) if details.grant is not None and live else ()
    confirm = (_confirm(change),) if change.is_confirmable else ()
    return content(_title(change), lines, (*confirm, _keep(change), *revoke))


def _title(change: OwnershipChange) -> str:
    what = (
        middle_cut(change.names[0], _LONGEST_NAME) if len(change.names) == 1 else counted(len(change.names), "resource")
    )
    said = {
        OwnershipState.OPEN: "Changed owner to confirm",
        OwnershipState.CONFIRMED: "Changed owner confirmed",
        OwnershipState.KEPT: "Changed owner overruled",
        OwnershipState.REPLACED: "Owner changed again",
    }
    return f"{said[change.state]}: {what}"


def _owners_now(change: OwnershipChange) -> list[Line]:
    """The new owner with the resources, or each of several new owners with its resources."""
    by_owner = change.names_by_owner()
    if len(by_owner) == 1:
        several = [("Resources: ", *_names(change.names), ".")] if len(change.names) > 1 else []
        return [(Bold("Now: "), *_owner(change.after, change.integration)), *several]
    shown = list(by_owner.items())[:MOST_CONFIRMED]
    lines: list[Line] = [
        (Bold("Now: "), *_owner(owner, change.integration), " for ", *_names(names)) for owner, names in shown
    ]
    more = len(by_owner) - len(shown)
    return [*lines, *([(f"And {counted(more, 'other owner')} for other resources.",)] if more else [])]


def _names(names: Sequence[str]) -> tuple[TextPart, ...]:
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return (*codes(names[:_MOST_NAMES]), more)


def _owner(owner: str | None, integration: str) -> tuple[TextPart, ...]:
    if owner is None:
        return (f"no owner, so the integration owner of {integration} decides",)
    names = owners_in(owner)
    if not names:
        return (Code(_printable(owner)), ", which is not a valid owner")
    parts: list[TextPart] = []
    for name in names:
        shown: TextPart = Person(name) if name[0] in "UW" and name.isalnum() else Code(_printable(name))
        parts += [", ", shown] if parts else [shown]
    return tuple(parts)


def _printable(owner: str) -> str:
    return "".join(each if each.isprintable() else "\ufffd" for each in owner[:_LONGEST_OWNER])


def _outcome(change: OwnershipChange) -> list[Line]:
    by: tuple[TextPart, ...] = (Person(change.decided_by),) if change.decided_by else ()
    at: tuple[TextPart, ...] = (", ", LocalTime(change.decided_at)) if change.decided_at else ()
    if change.state is OwnershipState.OPEN:
        press = (
            "Press Confirm if the change is right, Keep us if it is not."
            if change.is_confirmable
            else "These are too many owners to confirm together. Press Keep us, and ask an administrator for the rest."
        )
        return [
            (press,),
            ("Until one of you decides, the new owner and you both have to approve requests for it.",),
        ]
    if change.state is OwnershipState.CONFIRMED:
        return [("Confirmed by ", *by, *at, ". The new owner decides alone.")]
    if change.state is OwnershipState.KEPT:
        return [("Overruled by ", *by, *at, ". You decide alone until the owner is written again."), (_CORRECT_IT,)]
    return [("The owner has changed again since, so there is nothing to decide here.",)]


def _confirm(change: OwnershipChange) -> ButtonElement:
    sure = ConfirmObject(
        title="Confirm the new owner?",
        text=PlainTextObject(text="From now on the new owner alone approves requests for it."),
        confirm="Confirm",
        deny="Back",
    )
    return ButtonElement(text="Confirm", action_id=ids.CONFIRM_OWNER, value=str(change.id), confirm=sure)


def _keep(change: OwnershipChange) -> ButtonElement:
    return ButtonElement(text="Keep us", action_id=ids.KEEP_OWNER, value=str(change.id), style="primary")
