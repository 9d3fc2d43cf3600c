"""Renders Block Kit as plain text for a terminal, in the reader's time zone.

An unknown block raises, so that the demo never silently omits anything.
"""

import html
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from bot.sandbox.workspace.interaction import visible_text
from bot.sandbox.workspace.model import JsonObject, SlackMessage, View

Names = Mapping[str, str]
RULE = "─" * 40
# <!date^1700000000^{date_short} at {time}^fallback>, with an optional ^link before the fallback.
DATE = re.compile(r"<!date\^(\d+)\^([^|>]*)\|([^>]*)>")
MENTION = re.compile(r"<([@#])([A-Z0-9]+)(?:\|([^>]*))?>")
GROUP = re.compile(r"<!subteam\^([A-Z0-9]+)(?:\|([^>]*))?>")
BROADCAST = re.compile(r"<!(here|channel|everyone)(?:\|[^>]*)?>")
LINK = re.compile(r"<((?:https?|mailto):[^|>]+)(?:\|([^>]*))?>")


class UnknownBlockError(ValueError):
    """This block, element or token cannot be rendered."""


def render_text(shown: SlackMessage | View, tz: str, names: Names) -> str:
    """The message or view as text; `tz` is the reader's time zone, `names` maps ids to names."""
    page = _Rendering(ZoneInfo(tz), names)
    if isinstance(shown, SlackMessage) and not shown.blocks:
        return page.mrkdwn(shown.text)
    lines = [page.block(block) for block in shown.blocks]
    if isinstance(shown, View):
        title = [shown.title, RULE] if shown.title else []
        buttons = [f"[ {shown.body[name]['text']} ]" for name in ("close", "submit") if name in shown.body]
        problems = [f"! {text}" for text in shown.errors.values()]
        lines = [*title, *lines, *problems, *([" ".join(buttons)] if buttons else [])]
    return "\n".join(lines)


class _Rendering:
    """Renders for one reader."""

    def __init__(self, zone: ZoneInfo, names: Names) -> None:
        self.zone = zone
        self.names = names

    def block(self, block: JsonObject) -> str:
        draw = self._blocks().get(block["type"])
        if draw is None:
            raise UnknownBlockError(f"no text for a block of type {block['type']}")
        return draw(block)

    def _blocks(self) -> dict[str, Callable[[JsonObject], str]]:
        return {
            "section": self.section,
            "header": lambda block: self.text(block["text"]).upper(),
            "divider": lambda _: RULE,
            "context": lambda block: "  ".join(self.element(one) for one in block["elements"]),
            "actions": lambda block: " ".join(self.element(one) for one in block["elements"]),
            "image": lambda block: f"[image: {block['alt_text']}]",
            "input": self.input,
            "rich_text": lambda block: "".join(self.paragraph(one) for one in block["elements"]).rstrip("\n"),
            "markdown": lambda block: str(block["text"]),
        }

    def section(self, block: JsonObject) -> str:
        lines = [self.text(block["text"])] if "text" in block else []
        lines += [self.text(field).replace("\n", " ") for field in block.get("fields", [])]
        accessory = f"  {self.element(block['accessory'])}" if "accessory" in block else ""
        return "\n".join(lines) + accessory

    def input(self, block: JsonObject) -> str:
        hint = f"  ({self.text(block['hint'])})" if "hint" in block else ""
        optional = " (optional)" if block.get("optional") else ""
        return f"{self.text(block['label'])}{optional}: {self.element(block['element'])}{hint}"

    def element(self, element: JsonObject) -> str:
        kind = element["type"]
        if kind in ("plain_text", "mrkdwn"):
            return self.text(element)
        if kind == "button":
            return f"[ {visible_text(element)} ]"
        if kind == "image":
            return f"[image: {element['alt_text']}]"
        if kind == "overflow":
            return "[ ⋯ ]"
        if kind in ("checkboxes", "radio_buttons"):
            return " ".join(f"( ) {self.text(one['text'])}" for one in element["options"])
        if kind.endswith(("_select", "picker", "_input")):
            return f"[ {_first(element) or visible_text(element) or '…'} ▾ ]".replace(
                " ▾", "" if kind.endswith("_input") else " ▾"
            )
        raise UnknownBlockError(f"no text for an element of type {kind}")

    def text(self, node: JsonObject) -> str:
        return str(node["text"]) if node["type"] == "plain_text" else self.mrkdwn(str(node["text"]))

    def mrkdwn(self, text: str) -> str:
        """The text with its tokens replaced for this reader, and unescaped."""
        text = DATE.sub(lambda m: self.date(int(m[1]), m[2].split("^")[0]), text)
        text = MENTION.sub(lambda m: f"{m[1]}{m[3] or self.names.get(m[2], m[2])}", text)
        text = GROUP.sub(lambda m: f"@{self.names.get(m[1], m[2] or m[1]).removeprefix('@')}", text)
        text = BROADCAST.sub(lambda m: f"@{m[1]}", text)
        text = LINK.sub(lambda m: f"{m[2]} ({m[1]})" if m[2] and m[2] != m[1] else m[1], text)
        if leftover := re.search(r"<[@#!][^>]*>", text):
            raise UnknownBlockError(f"no text for the token {leftover[0]}")
        return html.unescape(text)

    def date(self, seconds: int, template: str) -> str:
        """Slack's date tokens: https://docs.slack.dev/messaging/formatting-message-text#date-formatting."""
        when = datetime.fromtimestamp(seconds, tz=UTC).astimezone(self.zone)
        short = f"{when:%b} {when.day}, {when.year}"
        long = f"{when:%A}, {when:%B} {when.day}, {when.year}"
        values = {
            "date_num": f"{when:%Y-%m-%d}",
            "date_slash": f"{when:%m/%d/%Y}",
            "date": f"{when:%B} {when.day}, {when.year}",
            "date_short": short,
            "date_long": long,
            "date_pretty": f"{when:%B} {when.day}, {when.year}",
            "date_short_pretty": short,
            "date_long_pretty": long,
            "time": f"{when.hour % 12 or 12}:{when:%M} {when:%p}",
            "time_secs": f"{when.hour % 12 or 12}:{when:%M:%S} {when:%p}",
        }
        return re.sub(r"\{(\w+)\}", lambda m: self._token(m[1], values), template)

    def _token(self, name: str, values: Mapping[str, str]) -> str:
        if name not in values:
            raise UnknownBlockError(f"no text for the date token {{{name}}}")
        return values[name]

    def paragraph(self, part: JsonObject) -> str:
        """One element of a rich_text block, with a line end."""
        kind, inner = part["type"], part["elements"]
        if kind == "rich_text_list":
            ordered = part.get("style") == "ordered"
            heads = [f"{at}. " if ordered else "• " for at in range(1, len(inner) + 1)]
            return "".join(f"{head}{self.paragraph(one)}" for head, one in zip(heads, inner, strict=True))
        text = "".join(self.inline(one) for one in inner)
        if kind == "rich_text_quote":
            text = "\n".join(f"> {line}" for line in text.splitlines())
        elif kind not in ("rich_text_section", "rich_text_preformatted"):
            raise UnknownBlockError(f"no text for {kind}")
        return text if text.endswith("\n") else f"{text}\n"

    def inline(self, part: JsonObject) -> str:
        kind = part["type"]
        if kind == "text":
            return str(part["text"])
        if kind == "link":
            return f"{part['text']} ({part['url']})" if part.get("text") else str(part["url"])
        if kind == "date":
            return self.date(int(part["timestamp"]), part["format"])
        if kind in ("user", "usergroup", "channel"):
            ident = str(part[f"{kind}_id"])
            return ("#" if kind == "channel" else "@") + self.names.get(ident, ident)
        if kind in ("emoji", "broadcast"):
            return f":{part['name']}:" if kind == "emoji" else f"@{part['range']}"
        raise UnknownBlockError(f"no text for an element of type {kind}")


def _first(element: JsonObject) -> str:
    """The element's initial value."""
    option = element.get("initial_option")
    if option:
        return str(option["text"]["text"])
    if "initial_options" in element:
        return ", ".join(str(each["text"]["text"]) for each in element["initial_options"])
    found = [value for name, value in element.items() if name.startswith("initial_")]
    return str(found[0]) if found else ""
