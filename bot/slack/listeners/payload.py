"""Reading what Slack sends: what was typed, chosen and clicked."""

from collections.abc import Callable, Sequence
from typing import Any

from slack_bolt import Ack

from bot.access.errors import AccessError
from bot.access.ids import read_id
from bot.slack.responder import Body

_NO_ID = "(none)"
"""Stands for the id of a button that carries none: the domain knows no such request, and says so."""


def acknowledge_form(ack: Ack, checks: dict[str, Callable[[], object]]) -> bool:
    """Acknowledges a form: either it closes, or the errors stand at their fields."""
    errors = {}
    for field, check in checks.items():
        try:
            check()
        except AccessError as error:
            errors[field] = error.message
    if errors:
        ack(response_action="errors", errors=errors)
    else:
        ack()
    return not errors


def user_of(body: Body) -> str:
    """The Slack user id of the person who clicked."""
    return str(body["user"]["id"])


def request_id_of(body: Body) -> str:
    """The request id that a button carries."""
    return read_id(str(body["actions"][0].get("value") or "")) or _NO_ID


def typed_value(body: Body, name: str) -> str:
    """What was typed into a field."""
    return _field(body, name).get("value") or ""


def chosen_option(body: Body, name: str) -> str | None:
    """What was chosen of several."""
    option = _field(body, name).get("selected_option") or {}
    return option.get("value")


def chosen_options(body: Body, name: str) -> Sequence[str]:
    """All that was chosen."""
    return [str(option.get("value") or "") for option in _field(body, name).get("selected_options") or ()]


def discard(_result: object) -> None:
    """The message that was clicked says what came of it by itself."""
    return


def _field(body: Body, name: str) -> dict[str, Any]:
    found: dict[str, Any] = body["view"]["state"]["values"].get(name, {}).get(name) or {}
    return found
