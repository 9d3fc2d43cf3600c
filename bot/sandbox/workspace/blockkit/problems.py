"""The parts of Block Kit validation: problems with JSON pointers, text objects, options, dialogs.

Every limit is Slack's, from https://docs.slack.dev/reference/block-kit (composition objects and elements).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from bot.sandbox.workspace.model import JsonObject

ID_CHARS = 255
URL_CHARS = 3000
PLACEHOLDER_CHARS = 150
OPTION_TEXT_CHARS = 75
OPTION_VALUE_CHARS = 150
OPTION_DESCRIPTION_CHARS = 75
CONFIRM_TITLE_CHARS = 100
CONFIRM_TEXT_CHARS = 300
CONFIRM_BUTTON_CHARS = 30
STYLES = ("primary", "danger")


@dataclass
class Problems:
    """The problems that Slack would report, each with its JSON pointer."""

    found: list[str] = field(default_factory=list)

    def add(self, pointer: str, text: str) -> None:
        self.found.append(f"{text} [json-pointer:{pointer}]")

    def keys(self, node: JsonObject, pointer: str, required: Iterable[str], optional: Iterable[str]) -> None:
        """Slack refuses missing and unknown keys."""
        required = set(required)
        for name in sorted(required - node.keys()):
            self.add(pointer, f"missing required field: {name}")
        for name in sorted(node.keys() - required - set(optional)):
            self.add(pointer, f"invalid additional property: {name}")

    def string(self, node: JsonObject, name: str, pointer: str, limit: int) -> None:
        """An optional string of at most `limit` characters."""
        value = node.get(name)
        if value is None:
            return
        if not isinstance(value, str):
            self.add(f"{pointer}/{name}", "must be a string")
        elif len(value) > limit:
            self.add(f"{pointer}/{name}", f"must be less than {limit + 1} characters")

    def flag(self, node: JsonObject, *names: str, pointer: str) -> None:
        for name in names:
            if name in node and not isinstance(node[name], bool):
                self.add(f"{pointer}/{name}", "must be a boolean")

    def choice(self, node: JsonObject, name: str, allowed: Iterable[str], pointer: str) -> None:
        if name in node and node[name] not in allowed:
            self.add(f"{pointer}/{name}", f"must be one of: {', '.join(allowed)}")

    def items(
        self, node: JsonObject, name: str, pointer: str, limit: int, least: int = 1
    ) -> list[tuple[str, JsonObject]]:
        """The objects of a list, each with its pointer; wrong counts and non-objects are problems."""
        value = node.get(name)
        if not isinstance(value, list):
            self.add(f"{pointer}/{name}", "must be an array")
            return []
        if len(value) > limit:
            self.add(f"{pointer}/{name}", f"no more than {limit} items allowed")
        if len(value) < least:
            self.add(f"{pointer}/{name}", f"no fewer than {least} items allowed")
        return [pair for at, item in enumerate(value) for pair in self.object(item, f"{pointer}/{name}/{at}")]

    def object(self, value: Any, pointer: str) -> list[tuple[str, JsonObject]]:
        if isinstance(value, dict):
            return [(pointer, value)]
        self.add(pointer, "must be an object")
        return []

    def text(self, node: JsonObject, name: str, pointer: str, limit: int, *, plain: bool = False) -> None:
        """An optional text object of 1 to `limit` characters; `plain` refuses mrkdwn."""
        if name in node:
            for at, value in self.object(node[name], f"{pointer}/{name}"):
                self.text_object(value, at, limit, plain=plain)

    def text_object(self, value: JsonObject, pointer: str, limit: int, *, plain: bool = False) -> None:
        kind = value.get("type")
        if kind not in (("plain_text",) if plain else ("plain_text", "mrkdwn")):
            self.add(f"{pointer}/type", f"unsupported text type: {kind}")
        self.keys(value, pointer, ("type", "text"), ("emoji",) if kind == "plain_text" else ("verbatim",))
        self.flag(value, "emoji", "verbatim", pointer=pointer)
        self.string(value, "text", pointer, limit)
        if value.get("text") == "":
            self.add(f"{pointer}/text", "must be more than 0 characters")

    def options(self, node: JsonObject, pointer: str, limit: int, *, name: str = "options", plain: bool = True) -> None:
        for at, option in self.items(node, name, pointer, limit):
            self.option(option, at, plain=plain)

    def option(self, option: JsonObject, pointer: str, *, plain: bool) -> None:
        self.keys(option, pointer, ("text", "value"), ("description", "url"))
        self.text(option, "text", pointer, OPTION_TEXT_CHARS, plain=plain)
        self.string(option, "value", pointer, OPTION_VALUE_CHARS)
        self.text(option, "description", pointer, OPTION_DESCRIPTION_CHARS, plain=plain)
        self.string(option, "url", pointer, URL_CHARS)

    def confirm(self, node: JsonObject, pointer: str) -> None:
        """An optional confirmation dialog."""
        if "confirm" not in node:
            return
        for at, dialog in self.object(node["confirm"], f"{pointer}/confirm"):
            self.keys(dialog, at, ("title", "text", "confirm", "deny"), ("style",))
            self.text(dialog, "title", at, CONFIRM_TITLE_CHARS, plain=True)
            self.text(dialog, "text", at, CONFIRM_TEXT_CHARS)
            self.text(dialog, "confirm", at, CONFIRM_BUTTON_CHARS, plain=True)
            self.text(dialog, "deny", at, CONFIRM_BUTTON_CHARS, plain=True)
            self.choice(dialog, "style", STYLES, at)
