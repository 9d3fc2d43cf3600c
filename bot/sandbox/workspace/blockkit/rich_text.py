"""Validation of rich_text blocks: https://docs.slack.dev/reference/block-kit/blocks/rich-text-block."""

from bot.sandbox.workspace.blockkit.problems import Problems
from bot.sandbox.workspace.model import JsonObject

# Slack documents no limit; it refuses a message over 40,000 characters in any case.
PARTS = 1000
INLINE: dict[str, tuple[set[str], set[str]]] = {
    "text": ({"text"}, {"style"}),
    "link": ({"url"}, {"text", "unsafe", "style"}),
    "user": ({"user_id"}, {"style"}),
    "usergroup": ({"usergroup_id"}, {"style"}),
    "channel": ({"channel_id"}, {"style"}),
    "emoji": ({"name"}, {"unicode", "skin_tone", "style"}),
    "date": ({"timestamp", "format"}, {"url", "fallback", "style"}),
    "broadcast": ({"range"}, set()),
    "color": ({"value"}, set()),
}
PARAGRAPHS: dict[str, set[str]] = {
    "rich_text_section": set(),
    "rich_text_preformatted": {"border", "language"},
    "rich_text_quote": {"border"},
    "rich_text_list": {"style", "indent", "offset", "border"},
}


def check_rich_text(block: JsonObject, pointer: str, problems: Problems) -> None:
    """Add to `problems` what Slack would refuse in this block."""
    for at, part in problems.items(block, "elements", pointer, PARTS):
        kind = part.get("type")
        if kind not in PARAGRAPHS:
            problems.add(at, f"unsupported type: {kind}")
            continue
        problems.keys(part, at, {"type", "elements"}, PARAGRAPHS[kind])
        for inner_at, inner in problems.items(part, "elements", at, PARTS, least=0):
            if kind == "rich_text_list":
                _section(inner, inner_at, problems)
            else:
                _inline(inner, inner_at, problems)


def _section(part: JsonObject, pointer: str, problems: Problems) -> None:
    if part.get("type") != "rich_text_section":
        problems.add(pointer, "a list holds rich_text_section alone")
        return
    for at, inner in problems.items(part, "elements", pointer, PARTS, least=0):
        _inline(inner, at, problems)


def _inline(part: JsonObject, pointer: str, problems: Problems) -> None:
    kind = part.get("type")
    if kind not in INLINE:
        problems.add(pointer, f"unsupported type: {kind}")
        return
    required, optional = INLINE[kind]
    problems.keys(part, pointer, {"type"} | required, optional)
    if kind == "text" and part.get("text") == "":
        problems.add(f"{pointer}/text", "must be more than 0 characters")
