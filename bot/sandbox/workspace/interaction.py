"""Finds the elements that a person can click, choose or fill in, and builds Slack's JSON for each interaction."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from bot.sandbox.workspace.blockkit.blocks import elements_of
from bot.sandbox.workspace.model import JsonObject

Value = Any
# A value for each block_id, or (action_id, value) to name the element as well.
Values = Mapping[str, Value]

# element type → (key of its value in the state, key of its initial value in the element)
SIMPLE = {
    "plain_text_input": ("value", "initial_value"),
    "number_input": ("value", "initial_value"),
    "email_text_input": ("value", "initial_value"),
    "url_text_input": ("value", "initial_value"),
    "users_select": ("selected_user", "initial_user"),
    "multi_users_select": ("selected_users", "initial_users"),
    "conversations_select": ("selected_conversation", "initial_conversation"),
    "channels_select": ("selected_channel", "initial_channel"),
    "datepicker": ("selected_date", "initial_date"),
    "timepicker": ("selected_time", "initial_time"),
    "datetimepicker": ("selected_date_time", "initial_date_time"),
}
ONE_OPTION = {"static_select", "external_select", "radio_buttons", "overflow"}
WITHOUT_STATE = {"button", "overflow"}
MANY_OPTIONS = {"multi_static_select", "multi_external_select", "checkboxes"}


class NotShownError(LookupError):
    """The person sees no such button or field; the message lists the visible ones."""


def find_element(
    blocks: Iterable[JsonObject], wanted: str, block_id: str | None = None
) -> tuple[JsonObject, JsonObject]:
    """The first block and element whose action_id or visible text is `wanted`; `block_id` names the block as well."""
    pairs = [
        (block, element) for block in blocks for element in elements_of(block) if block_id in (None, block["block_id"])
    ]
    for block, element in pairs:
        if wanted in (element["action_id"], visible_text(element)):
            return block, element
    shown = ", ".join(visible_text(element) or element["action_id"] for _, element in pairs) or "none"
    raise NotShownError(f"no {wanted!r} to press; shown: {shown}")


def visible_text(element: JsonObject) -> str:
    """The visible text of an element: a button's text or a select's placeholder."""
    found = element.get("text") or element.get("placeholder") or {}
    return str(found.get("text", ""))


def action(block: JsonObject, element: JsonObject, value: Value, ts: str) -> JsonObject:
    """The entry of `actions` for this click or choice."""
    found: JsonObject = {
        "type": element["type"],
        "action_id": element["action_id"],
        "block_id": block["block_id"],
        "action_ts": ts,
    }
    if element["type"] == "button":
        kept = ("text", "value", "url", "style", "confirm")
        return found | {name: element[name] for name in kept if name in element}
    return found | state_of(element, value)


def state_of(element: JsonObject, value: Value) -> JsonObject:
    """The element's entry in `state.values`, without its type when it is an action."""
    kind = element["type"]
    if kind in ONE_OPTION:
        return {"selected_option": option(element, value) if value else None}
    if kind in MANY_OPTIONS:
        return {"selected_options": [option(element, one) for one in value or []]}
    # Slack sends null for a field that was emptied.
    return {SIMPLE[kind][0]: None if value == "" else value}


def dispatches_action(block: JsonObject) -> bool:
    """Whether Slack reports a choice before submission: https://docs.slack.dev/reference/block-kit/blocks/input-block."""
    return block["type"] != "input" or block.get("dispatch_action") is True


def option(element: JsonObject, wanted: Value) -> JsonObject:
    """The option with this value or text; for an external select, `wanted` is the option itself."""
    if isinstance(wanted, dict):
        return wanted
    offered = list(options_of(element))
    for one in offered:
        if wanted in (one["value"], one["text"]["text"]):
            return one
    raise NotShownError(f"no option {wanted!r}; offered: {', '.join(one['text']['text'] for one in offered)}")


def options_of(element: JsonObject) -> Iterator[JsonObject]:
    yield from element.get("options", [])
    for group in element.get("option_groups", []):
        yield from group["options"]


def filled_in(blocks: Iterable[JsonObject], values: Values, kept: JsonObject, *, to_be_sent: bool = True) -> JsonObject:
    """`state.values` of a view after the person filled in `values` on top of `kept`.

    NotShownError for an unknown field; with `to_be_sent`, ValueError where Slack's client would refuse to submit.
    """
    left: dict[str, Value] = dict(values)
    found: JsonObject = {}
    for block in blocks:
        given = left.pop(block["block_id"], None)
        for element in elements_of(block):
            if element["type"] in WITHOUT_STATE:
                continue
            chosen = _chosen(element, given)
            before = kept.get(block["block_id"], {}).get(element["action_id"])
            entry = before if chosen is None and before else _entry(element, chosen)
            if to_be_sent and block["type"] == "input":
                _check(block, element, entry)
            found.setdefault(block["block_id"], {})[element["action_id"]] = entry
    if left:
        raise NotShownError(f"no field {', '.join(left)}; shown: {', '.join(found) or 'none'}")
    return found


def _chosen(element: JsonObject, given: Value) -> Value:
    if isinstance(given, tuple):
        return given[1] if given[0] == element["action_id"] else None
    return given


def _entry(element: JsonObject, chosen: Value) -> JsonObject:
    kind = element["type"]
    if chosen is None:
        initial = SIMPLE.get(kind, ("", "initial_option" if kind in ONE_OPTION else "initial_options"))[1]
        chosen = element.get(initial)
    return {"type": kind, **state_of(element, chosen)}


def _check(block: JsonObject, element: JsonObject, entry: JsonObject) -> None:
    value = next(value for name, value in entry.items() if name != "type")
    label = block["label"]["text"]
    if value in (None, "", []):
        if not block.get("optional"):
            raise ValueError(f"Slack would not submit: {label} is required")
        return
    if isinstance(value, str):
        shortest, longest = element.get("min_length", 0), element.get("max_length", 3000)
        if not shortest <= len(value) <= longest:
            raise ValueError(f"Slack would not submit: {label} takes {shortest} to {longest} characters")
