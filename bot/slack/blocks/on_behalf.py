"""The message to the requester of a request that somebody else has made for them."""

from slack_sdk.models.blocks import ButtonElement

from bot.access.models.request_details import RequestDetails
from bot.access.models.requests import AccessRequest
from bot.access.states import RequestState
from bot.slack import ids
from bot.slack.blocks.content import MessageContent, content
from bot.slack.blocks.phrases import decision, people, request_terms, who_asks
from bot.slack.blocks.rich_text import Line, LocalTime, Person


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
            ("You get the credential when it is approved. Open until ", LocalTime(request.pending_until), "."),
        ]
        return content(f"Request {request.id} for you", lines, (take_back(request),))
    return content(f"Request {request.id} for you: {request.state.value}", [*lines, decision(details)])


def meant(person: str | None) -> list[Line]:
    """To whoever asks for somebody else: who that is, so that a wrong name is noticed. Nothing for `None`."""
    return [("This is for ", Person(person), ".")] if person else []


def take_back(request: AccessRequest) -> ButtonElement:
    """The button that cancels a request."""
    return ButtonElement(text="Take it back", action_id=ids.CANCEL, value=request.id)
