"""Validation of Block Kit elements: their types, the blocks that may contain them, and their fields.

Limits: https://docs.slack.dev/reference/block-kit/block-elements.
"""

from collections.abc import Callable

from bot.sandbox.workspace.blockkit.problems import ID_CHARS, PLACEHOLDER_CHARS, STYLES, URL_CHARS, Problems
from bot.sandbox.workspace.model import JsonObject

BUTTON_TEXT_CHARS = 75
BUTTON_VALUE_CHARS = 2000
SELECT_OPTIONS = 100
OVERFLOW_OPTIONS = 5
BOX_OPTIONS = 10
INPUT_CHARS = 3000
IMAGE_ALT_CHARS = 2000
ACCESSIBILITY_CHARS = 75
GROUP_LABEL_CHARS = 75

Check = Callable[[JsonObject, str, Problems], None]

_COMMON = {"type", "action_id", "focus_on_load"}
_SELECT = _COMMON | {"placeholder", "confirm"}
_MULTI = {"max_selected_items"}
_TEXT = _COMMON | {"placeholder", "initial_value", "dispatch_action_config"}

# name → (required keys, optional keys)
KEYS: dict[str, tuple[set[str], set[str]]] = {
    "button": ({"text"}, _COMMON | {"url", "value", "style", "confirm", "accessibility_label"}),
    "image": ({"image_url", "alt_text"}, {"type"}),
    "overflow": ({"options"}, _COMMON | {"confirm"}),
    "static_select": (set(), _SELECT | {"options", "option_groups", "initial_option"}),
    "multi_static_select": (set(), _SELECT | _MULTI | {"options", "option_groups", "initial_options"}),
    "external_select": (set(), _SELECT | {"min_query_length", "initial_option"}),
    "multi_external_select": (set(), _SELECT | _MULTI | {"min_query_length", "initial_options"}),
    "users_select": (set(), _SELECT | {"initial_user"}),
    "multi_users_select": (set(), _SELECT | _MULTI | {"initial_users"}),
    "conversations_select": (
        set(),
        _SELECT | {"initial_conversation", "default_to_current_conversation", "response_url_enabled", "filter"},
    ),
    "channels_select": (set(), _SELECT | {"initial_channel", "response_url_enabled"}),
    "checkboxes": ({"options"}, _COMMON | {"initial_options", "confirm"}),
    "radio_buttons": ({"options"}, _COMMON | {"initial_option", "confirm"}),
    "datepicker": (set(), _SELECT | {"initial_date"}),
    "timepicker": (set(), _SELECT | {"initial_time", "timezone"}),
    "datetimepicker": (set(), _COMMON | {"initial_date_time", "confirm"}),
    "plain_text_input": (set(), _TEXT | {"multiline", "min_length", "max_length"}),
    "number_input": ({"is_decimal_allowed"}, _TEXT | {"min_value", "max_value"}),
    "email_text_input": (set(), set(_TEXT)),
    "url_text_input": (set(), set(_TEXT)),
}
INPUTS = {"plain_text_input", "number_input", "email_text_input", "url_text_input"}
MULTI_SELECTS = {name for name in KEYS if name.startswith("multi_")}
BOXES = {"checkboxes", "radio_buttons"}
# The blocks in which Slack accepts an element ("Works with block types" on each element's page).
IN_SECTION = set(KEYS) - INPUTS
IN_ACTIONS = set(KEYS) - INPUTS - MULTI_SELECTS - {"image"}
IN_INPUT = set(KEYS) - {"button", "image", "overflow"}
INTERACTIVE = set(KEYS) - {"image"}


def check_element(node: JsonObject, pointer: str, allowed: set[str], problems: Problems) -> None:
    """Add to `problems` what Slack would refuse in this element in this place."""
    kind = node.get("type")
    if not isinstance(kind, str) or kind not in allowed:
        problems.add(f"{pointer}/type", f"unsupported element type here: {kind}")
        return
    required, optional = KEYS[kind]
    problems.keys(node, pointer, required, optional)
    problems.string(node, "action_id", pointer, ID_CHARS)
    problems.flag(node, "focus_on_load", pointer=pointer)
    problems.text(node, "placeholder", pointer, PLACEHOLDER_CHARS, plain=True)
    problems.confirm(node, pointer)
    for names, check in _CHECKS:
        if kind in names:
            check(node, pointer, problems)


def _button(node: JsonObject, pointer: str, problems: Problems) -> None:
    problems.text(node, "text", pointer, BUTTON_TEXT_CHARS, plain=True)
    problems.string(node, "value", pointer, BUTTON_VALUE_CHARS)
    problems.string(node, "url", pointer, URL_CHARS)
    problems.string(node, "accessibility_label", pointer, ACCESSIBILITY_CHARS)
    problems.choice(node, "style", STYLES, pointer)


def _image(node: JsonObject, pointer: str, problems: Problems) -> None:
    problems.string(node, "image_url", pointer, URL_CHARS)
    problems.string(node, "alt_text", pointer, IMAGE_ALT_CHARS)


def _overflow(node: JsonObject, pointer: str, problems: Problems) -> None:
    problems.options(node, pointer, OVERFLOW_OPTIONS)


def _boxes(node: JsonObject, pointer: str, problems: Problems) -> None:
    problems.options(node, pointer, BOX_OPTIONS, plain=False)
    _initial(node, pointer, problems, plain=False)


def _static(node: JsonObject, pointer: str, problems: Problems) -> None:
    if ("options" in node) == ("option_groups" in node):
        problems.add(pointer, "must have exactly one of: options, option_groups")
    if "options" in node:
        problems.options(node, pointer, SELECT_OPTIONS)
    if "option_groups" in node:
        for at, group in problems.items(node, "option_groups", pointer, SELECT_OPTIONS):
            problems.keys(group, at, ("label", "options"), ())
            problems.text(group, "label", at, GROUP_LABEL_CHARS, plain=True)
            problems.options(group, at, SELECT_OPTIONS)
    _initial(node, pointer, problems, plain=True)


def problems_of_options(answer: JsonObject) -> list[str]:
    """The problems in an app's options for an external select, 100 options at most."""
    problems = Problems()
    offered: JsonObject = {name: answer[name] for name in ("options", "option_groups") if name in answer}
    if offered == {"options": []}:
        return []  # nothing matches the typed text
    _static(offered, "", problems)
    return problems.found


def _initial(node: JsonObject, pointer: str, problems: Problems, *, plain: bool) -> None:
    """A preselected option must be one of the options, word for word."""
    offered = [*node.get("options", [])] if isinstance(node.get("options"), list) else []
    for group in node.get("option_groups", []):
        offered += group.get("options", []) if isinstance(group, dict) else []
    chosen = node.get("initial_options", [])
    if "initial_options" in node:
        problems.options(node, pointer, SELECT_OPTIONS, name="initial_options", plain=plain)
    if "initial_option" in node:
        chosen = [node["initial_option"]]
    for option in chosen:
        if option not in offered:
            problems.add(pointer, "initial option must match one of the options")


def _text_input(node: JsonObject, pointer: str, problems: Problems) -> None:
    problems.string(node, "initial_value", pointer, INPUT_CHARS)
    problems.flag(node, "multiline", "is_decimal_allowed", pointer=pointer)
    for name in ("min_length", "max_length"):
        length = node.get(name, 1)
        if not isinstance(length, int) or not 0 <= length <= INPUT_CHARS:
            problems.add(f"{pointer}/{name}", f"must be between 0 and {INPUT_CHARS}")


_CHECKS: tuple[tuple[set[str], Check], ...] = (
    ({"button"}, _button),
    ({"image"}, _image),
    ({"overflow"}, _overflow),
    (BOXES, _boxes),
    ({"static_select", "multi_static_select"}, _static),
    (INPUTS, _text_input),
)
