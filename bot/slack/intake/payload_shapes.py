"""The least that Bolt and the listeners take for granted about a payload.

From "Interaction payloads", "Slash commands" and "Events API" in Slack's documentation. Keys that are not listed here
may have any value.
"""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError


class _Part(BaseModel):
    """An object in a payload, with JSON's own types."""

    model_config = ConfigDict(strict=True, hide_input_in_errors=True)


class _Identified(_Part):
    id: str


class _Typed(_Part):
    type: str


class _Action(_Typed):
    action_id: str
    block_id: str = ""


class _State(_Part):
    values: dict[str, dict[str, dict[str, Any]]] = {}


class _View(_Typed):
    callback_id: str = ""
    private_metadata: str = ""
    blocks: list[dict[str, Any]] = []
    state: _State | None = None


class _Payload(_Part):
    type: str
    team: _Identified | None = None
    user: _Identified | None = None
    view: _View | None = None


class _Click(_Payload):
    user: _Identified
    actions: Annotated[list[_Action], Field(min_length=1)]
    trigger_id: str


class _Form(_Payload):
    user: _Identified
    view: _View


class _Shortcut(_Payload):
    user: _Identified
    callback_id: str
    trigger_id: str


class _Event(_Part):
    type: str
    event: _Typed


class _Command(_Part):
    command: str
    user_id: str
    trigger_id: str


_SHAPES: dict[str, type[_Part]] = {
    "block_actions": _Click,
    "view_submission": _Form,
    "view_closed": _Form,
    "shortcut": _Shortcut,
    "message_action": _Shortcut,
    "event_callback": _Event,
}


def has_known_shape(body: dict[str, Any]) -> bool:
    """Whether the body is a command, or an object with a type and with what that type always has."""
    kind = body.get("type")
    shape = _Command if "command" in body else _SHAPES.get(kind, _Payload) if isinstance(kind, str) else _Payload
    try:
        shape.model_validate(body)
    except ValidationError:
        return False
    return True
