"""Counter-offers: the owner's form, and the message to the requester."""

from slack_sdk.models.blocks import (
    ButtonElement,
    CheckboxesElement,
    InputBlock,
    Option,
    PlainTextInputElement,
    StaticMultiSelectElement,
    StaticSelectElement,
)
from slack_sdk.models.views import View

from bot.access.durations import format_duration
from bot.access.models.counter_offers import OfferState
from bot.access.models.request_details import RequestDetails
from bot.access.requests.counter_offers import OfferOptions
from bot.access.states import RequestState
from bot.slack import ids
from bot.slack.blocks.content import MessageContent, content
from bot.slack.blocks.phrases import decision, offer_of, offer_terms, request_terms
from bot.slack.blocks.rich_text import Line, Person, block, shortened

LONGEST_OPTION = 75
"""Characters of an option's text ("Option object", Slack)."""

LONGEST_VALUE = 150
"""Characters of an option's value. A longer name can be typed."""

LONGEST_PATTERNS = 3000
"""Characters of a text field, Slack's limit. The patterns are checked when the form is submitted."""

LONGEST_DURATION = 20
"""Characters."""


def offer_form(choices: OfferOptions) -> View:
    """Asks an owner for the terms of an offer, starting from the requested ones."""
    request = choices.request
    fields = [_length(format_duration(request.length))]
    if request.extends is None:
        fields += [_permissions(choices.permissions), *_names(choices), _pattern()]
        fields += [_hidden_fields(), _recent()] if choices.limitable else []
    return View(
        type="modal",
        callback_id=ids.OFFER_VIEW,
        private_metadata=request.id,
        title="Offer less",
        submit="Offer",
        close="Back",
        blocks=[
            block([request_terms(request), ("Accepted, it is your approval.",)]),
            *fields,
        ],
    )


def offer_message(details: RequestDetails, offer_id: str) -> MessageContent:
    """To the requester: the offer and its owner, with buttons while it is open."""
    request, offer = details.request, offer_of(details, offer_id)
    if offer is None:
        raise LookupError(f"{request.id} has no offer {offer_id}")
    lines: list[Line] = [
        (Person(offer.by), " offers less than you asked for: ", *offer_terms(offer), "."),
        ("You asked for ", *request_terms(request))
        if offer.state is not OfferState.ACCEPTED
        else request_terms(request),
    ]
    if offer.state is OfferState.OPEN and request.state is RequestState.PENDING:
        lines.append((f"Accepted, it is the approval of {offer_owner(details)}. Declined, your request stays.",))
        return content(f"Offer for {request.id}", lines, _buttons(str(offer.id)))
    said = {
        OfferState.OPEN: "This offer is no longer open.",
        OfferState.ACCEPTED: "You accepted it.",
        OfferState.DECLINED: "You declined it. Your request goes on as it is.",
        OfferState.REPLACED: "Another offer has taken its place.",
    }
    lines.append((said[offer.state],))
    if request.state is not RequestState.PENDING:
        lines.append(decision(details))
    return content(f"Offer for {request.id}", lines)


def offer_owner(details: RequestDetails) -> str:
    """Whose approval an accepted offer is, and whether it may be one of several that are needed."""
    groups = [group for group in details.groups if not group.escalation]
    several = len(groups) > 1 and not (details.request.any_group and len(details.request.patterns) == 1)
    more = several or any(group.approvals > 1 for group in groups)
    return "that owner; others have to approve as well" if more else "that owner"


def _buttons(offer_id: str) -> tuple[ButtonElement, ...]:
    return (
        ButtonElement(text="Accept", action_id=ids.ACCEPT_OFFER, value=offer_id, style="primary"),
        ButtonElement(text="Decline", action_id=ids.DECLINE_OFFER, value=offer_id),
    )


def _length(initial: str) -> InputBlock:
    return InputBlock(
        block_id=ids.DURATION,
        label="For how long",
        hint=f"{initial} or less, such as 30m",
        element=PlainTextInputElement(action_id=ids.DURATION, initial_value=initial, max_length=LONGEST_DURATION),
    )


def _permissions(names: tuple[str, ...]) -> InputBlock:
    options = [Option(text=name, value=name) for name in names[:100]]
    element = StaticSelectElement(action_id=ids.PERMISSION, options=options, initial_option=options[0])
    return InputBlock(block_id=ids.PERMISSION, label="Permission", element=element)


def _names(choices: OfferOptions) -> list[InputBlock]:
    fit = [name for name in choices.names if len(name) <= LONGEST_VALUE]
    if not fit:
        return []
    options = {name: Option(text=shortened(name, LONGEST_OPTION), value=name) for name in fit}
    first = [options[name] for name in choices.request.patterns if name in options]
    element = StaticMultiSelectElement(
        action_id=ids.NAMES, options=list(options.values()), initial_options=first or None
    )
    return [InputBlock(block_id=ids.NAMES, label="On what", element=element, optional=True)]


def _hidden_fields() -> InputBlock:
    return InputBlock(
        block_id=ids.HIDDEN_FIELDS,
        label="Hide these fields",
        hint="Separated by commas, such as ssn, card: with everything inside them. For a permission that only reads.",
        optional=True,
        element=PlainTextInputElement(action_id=ids.HIDDEN_FIELDS, max_length=LONGEST_PATTERNS),
    )


def _recent() -> InputBlock:
    options = [Option(text="Only since 24 hours ago, by @timestamp", value=ids.RECENT)]
    element = CheckboxesElement(action_id=ids.RECENT, options=options)
    return InputBlock(block_id=ids.RECENT, label="Documents", element=element, optional=True)


def _pattern() -> InputBlock:
    return InputBlock(
        block_id=ids.PATTERNS,
        label="Or other names and wildcards within it",
        hint="Separated by commas. What is written here is offered instead of what is chosen above.",
        optional=True,
        element=PlainTextInputElement(action_id=ids.PATTERNS, max_length=LONGEST_PATTERNS),
    )
