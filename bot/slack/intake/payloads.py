"""What the inbox keeps of a payload, and which payloads it keeps."""

import hashlib
import json
from typing import Any

from bot.slack import ids

Body = dict[str, Any]

_NOT_STORED = frozenset({"token", "message"})
"""Slack's verification token, and the clicked message: that may hold a credential."""

_PREVIEWED = frozenset({ids.CLUSTER, ids.PATTERNS, ids.PERMISSION, ids.DURATION, ids.PURPOSE, ids.EMERGENCY})
"""Inputs whose change shows a new preview."""

_LONGEST_PERSON = 32


def has_no_answer(body: Body) -> bool:
    """Whether the only answer to the payload is its acknowledgement."""
    if "command" in body:
        return str(body["command"]) == ids.COMMAND  # this application serves no other
    return body.get("type") in ("block_actions", "shortcut", "message_action", "event_callback")


def asks_for_something(body: Body) -> bool:
    """Whether it must not be lost. The others only look, and people look again."""
    event, actions = body.get("event"), body.get("actions")
    if isinstance(event, dict):
        return event.get("type") in ids.GROUP_EVENTS
    if isinstance(actions, list) and actions:
        name = str(actions[0].get("action_id") or "")
        return name not in _PREVIEWED and not name.startswith(f"{ids.TURN}-")
    return True


def entry_id(body: Body) -> str:
    """The id of the payload in the inbox, the same for every copy of it. It reveals nothing of the payload."""
    own = body.get("event_id") or body.get("trigger_id")
    kept: Any = {each: value for each, value in body.items() if each != "token"}
    if own:
        actions = [(each.get("action_id"), each.get("action_ts")) for each in body.get("actions") or ()]
        kept = [body.get("command") or body.get("type"), own, actions]
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()


def stored_part(body: Body) -> Body:
    """The part that is stored: enough to do the work later, without secrets."""
    kept = {name: value for name, value in body.items() if name not in _NOT_STORED}
    view = body.get("view")
    if body.get("type") == "block_actions" and isinstance(view, dict):
        kept["view"] = {name: value for name, value in view.items() if name != "blocks"}
    return kept


def person_of(who: str | None) -> str | None:
    """The person as the inbox stores them."""
    return who if who and len(who) <= _LONGEST_PERSON else None
