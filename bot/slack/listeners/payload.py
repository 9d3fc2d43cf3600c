"""Reads Slack's payloads: typed text, choices and buttons."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from slack_bolt import Ack

from bot.access.errors import AccessError, DatabaseAway
from bot.access.ids import read_id
from bot.access.store.inbox import current_work
from bot.slack.blocks import answers, modal_forms
from bot.slack.responder import Body, Responder

_NO_ID = "(none)"
"""The id for a button without a valid one: the domain answers that it knows no such request."""


def acknowledge_form(
    ack: Ack, body: Body, responder: Responder, checks: Mapping[str, Callable[[], object]] | None = None
) -> bool:
    """Stores a form and closes it, or shows errors at their fields. Returns whether its work is to be done.

    The fields of a form that is taken up again are checked by its work: it has been closed.
    """
    if current_work() is not None:
        return True
    errors = {}
    for field, check in (checks or {}).items():
        try:
            check()
        except AccessError as error:
            errors[field] = error.message
    if errors:
        ack(response_action="errors", errors=errors)
        return False
    try:
        is_new = responder.store_form(body)
    except DatabaseAway:
        ack(response_action="update", view=modal_forms.shown(answers.database_away().blocks).to_dict())
        return False
    ack()
    return is_new


def user_of(body: Body) -> str:
    """The Slack user id of the person who clicked."""
    return str(body["user"]["id"])


def request_id_of(body: Body) -> str:
    """The request id in the value of a button."""
    return read_id(str(body["actions"][0].get("value") or "")) or _NO_ID


def number_of(body: Body) -> int:
    """The number in the value of a button, the id of a row; 0, which no row has, if there is none."""
    value = str(body["actions"][0].get("value") or "")
    return int(value) if value.isascii() and value.isdecimal() and len(value) < len("9999999999") else 0


def typed_value(body: Body, name: str) -> str:
    """The text in a field."""
    return _field(body, name).get("value") or ""


def chosen_option(body: Body, name: str) -> str | None:
    """The value of the chosen option."""
    option = _field(body, name).get("selected_option") or {}
    return option.get("value")


def chosen_options(body: Body, name: str) -> Sequence[str]:
    """The values of all chosen options."""
    return [str(option.get("value") or "") for option in _field(body, name).get("selected_options") or ()]


def discard(_result: object) -> None:
    """Replies nothing: the clicked message is edited and shows the result."""
    return


def _field(body: Body, name: str) -> dict[str, Any]:
    found: dict[str, Any] = body["view"]["state"]["values"].get(name, {}).get(name) or {}
    return found
