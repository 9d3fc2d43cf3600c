"""Validation of messages and views as in Slack.

Limits: https://docs.slack.dev/reference/block-kit/blocks and https://docs.slack.dev/reference/views.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

from bot.sandbox.workspace.blockkit.elements import (
    IMAGE_ALT_CHARS,
    IN_ACTIONS,
    IN_INPUT,
    IN_SECTION,
    INTERACTIVE,
    check_element,
)
from bot.sandbox.workspace.blockkit.problems import ID_CHARS, URL_CHARS, Problems
from bot.sandbox.workspace.blockkit.rich_text import check_rich_text
from bot.sandbox.workspace.errors import SlackError
from bot.sandbox.workspace.model import JsonObject

MESSAGE_BLOCKS = 50
VIEW_BLOCKS = 100
SECTION_CHARS = 3000
FIELDS = 10
FIELD_CHARS = 2000
HEADER_CHARS = 150
ACTIONS = 25
CONTEXT_ELEMENTS = 10
LABEL_CHARS = 2000
IMAGE_TITLE_CHARS = 2000
MARKDOWN_CHARS = 12_000
TITLE_CHARS = 24
METADATA_CHARS = 3000
VIEW_BYTES = 250_000

VIEW_KEYS = {
    "modal": (
        {"title"},
        {"submit", "close", "clear_on_close", "notify_on_close", "submit_disabled", "private_metadata"}
        | {"callback_id", "external_id"},
    ),
    "home": (set[str](), {"private_metadata", "callback_id", "external_id"}),
}


def check_message_blocks(blocks: Any) -> list[JsonObject]:
    """The validated blocks of a message; SlackError `invalid_blocks` with Slack's pointers when they are invalid."""
    if not isinstance(blocks, list):
        raise SlackError("invalid_blocks_format")
    problems = Problems()
    _check_blocks({"blocks": blocks}, "", MESSAGE_BLOCKS, MESSAGE, problems, least=0)
    if sum(len(str(block.get("text", ""))) for block in blocks if _is(block, "markdown")) > MARKDOWN_CHARS:
        raise SlackError("msg_blocks_too_long")
    if problems.found:
        raise SlackError("invalid_blocks", problems.found, errors=problems.found)
    return blocks


def check_view(view: Any, kinds: tuple[str, ...]) -> JsonObject:
    """The validated view of one of `kinds`; SlackError `invalid_arguments` or `view_too_large` as in Slack."""
    if not isinstance(view, dict) or view.get("type") not in kinds:
        raise SlackError("invalid_arguments", [f"must be a view of type {kinds[0]} [json-pointer:/view]"])
    if len(json.dumps(view).encode()) > VIEW_BYTES:
        raise SlackError("view_too_large")
    problems = Problems()
    required, optional = VIEW_KEYS[view["type"]]
    problems.keys(view, "/view", required | {"type", "blocks"}, optional)
    for name in ("title", "submit", "close"):
        problems.text(view, name, "/view", TITLE_CHARS, plain=True)
    problems.string(view, "private_metadata", "/view", METADATA_CHARS)
    problems.string(view, "callback_id", "/view", ID_CHARS)
    problems.string(view, "external_id", "/view", ID_CHARS)
    _check_blocks(view, "/view", VIEW_BLOCKS, VIEW, problems, least=0)
    if view["type"] == "modal" and "submit" not in view and any(_is(b, "input") for b in view.get("blocks", [])):
        problems.add("/view", "missing required field: submit (the view has input blocks)")
    if problems.found:
        raise SlackError("invalid_arguments", problems.found)
    return view


def elements_of(block: JsonObject) -> Iterator[JsonObject]:
    """The interactive elements of a block, in reading order."""
    candidates = [block.get("accessory"), block.get("element")]
    if block.get("type") == "actions":
        candidates += block["elements"]
    for element in candidates:
        if isinstance(element, dict) and element.get("type") in INTERACTIVE:
            yield element


def _is(block: Any, kind: str) -> bool:
    return isinstance(block, dict) and block.get("type") == kind


def _check_blocks(
    node: JsonObject, pointer: str, limit: int, allowed: set[str], problems: Problems, least: int
) -> None:
    seen: set[str] = set()
    for at, block in problems.items(node, "blocks", pointer, limit, least):
        kind = block.get("type")
        if not isinstance(kind, str) or kind not in allowed:
            problems.add(at, f"unsupported type: {kind}")
            continue
        required, optional, check = BLOCKS[kind]
        problems.keys(block, at, {"type"} | required, optional | {"block_id"})
        problems.string(block, "block_id", at, ID_CHARS)
        if block.get("block_id") in seen:
            problems.add(f"{at}/block_id", "block_id already exists")
        seen |= {block["block_id"]} if isinstance(block.get("block_id"), str) else set()
        check(block, at, problems)


def _section(block: JsonObject, pointer: str, problems: Problems) -> None:
    if "text" not in block and "fields" not in block:
        problems.add(pointer, "must have at least one of: text, fields")
    problems.text(block, "text", pointer, SECTION_CHARS)
    if "fields" in block:
        for at, text in problems.items(block, "fields", pointer, FIELDS):
            problems.text_object(text, at, FIELD_CHARS)
    if "accessory" in block:
        for at, element in problems.object(block["accessory"], f"{pointer}/accessory"):
            check_element(element, at, IN_SECTION, problems)


def _header(block: JsonObject, pointer: str, problems: Problems) -> None:
    problems.text(block, "text", pointer, HEADER_CHARS, plain=True)


def _actions(block: JsonObject, pointer: str, problems: Problems) -> None:
    seen: set[str] = set()
    for at, element in problems.items(block, "elements", pointer, ACTIONS):
        check_element(element, at, IN_ACTIONS, problems)
        action_id = element.get("action_id")
        if action_id in seen:
            problems.add(f"{at}/action_id", "action_id already exists in this block")
        seen |= {action_id} if isinstance(action_id, str) else set()


def _context(block: JsonObject, pointer: str, problems: Problems) -> None:
    for at, element in problems.items(block, "elements", pointer, CONTEXT_ELEMENTS):
        if element.get("type") == "image":
            check_element(element, at, {"image"}, problems)
        else:
            problems.text_object(element, at, SECTION_CHARS)


def _image(block: JsonObject, pointer: str, problems: Problems) -> None:
    problems.string(block, "image_url", pointer, URL_CHARS)
    problems.string(block, "alt_text", pointer, IMAGE_ALT_CHARS)
    problems.text(block, "title", pointer, IMAGE_TITLE_CHARS, plain=True)


def _input(block: JsonObject, pointer: str, problems: Problems) -> None:
    problems.text(block, "label", pointer, LABEL_CHARS, plain=True)
    problems.text(block, "hint", pointer, LABEL_CHARS, plain=True)
    problems.flag(block, "optional", "dispatch_action", pointer=pointer)
    for at, element in problems.object(block.get("element"), f"{pointer}/element"):
        check_element(element, at, IN_INPUT, problems)


def _markdown(block: JsonObject, pointer: str, problems: Problems) -> None:
    problems.string(block, "text", pointer, MARKDOWN_CHARS)


def _nothing(block: JsonObject, pointer: str, problems: Problems) -> None:
    """A divider has nothing to check."""


BLOCKS: dict[str, tuple[set[str], set[str], Callable[[JsonObject, str, Problems], None]]] = {
    "section": (set(), {"text", "fields", "accessory", "expand"}, _section),
    "header": ({"text"}, set(), _header),
    "divider": (set(), set(), _nothing),
    "context": ({"elements"}, set(), _context),
    "actions": ({"elements"}, set(), _actions),
    "image": ({"image_url", "alt_text"}, {"title"}, _image),
    "input": ({"label", "element"}, {"hint", "optional", "dispatch_action"}, _input),
    "rich_text": ({"elements"}, set(), check_rich_text),
    "markdown": ({"text"}, set(), _markdown),
}
MESSAGE = set(BLOCKS)
VIEW = set(BLOCKS) - {"markdown"}
