"""The content of messages, within all of Slack's limits: longer texts are shortened at a word."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from slack_sdk.models.blocks import ActionsBlock, Block, ButtonElement, HeaderBlock

from bot.slack.blocks.rich_text import Line, block, fallback, shortened, within

LONGEST_TITLE = 150
"""Characters of a header ("Header block", Slack)."""

LONGEST_TEXT = 4_000
"""Characters of the plain text: Slack accepts 40,000 and advises 4,000 ("Truncating really long messages")."""

LONGEST_BODY = 10_000
"""Characters of the lines of one message: Slack states no limit for rich text, and refuses 13,200 of other text."""


@dataclass(frozen=True)
class MessageContent:
    """A message: people see `blocks`; notifications and screen readers use `text`."""

    text: str
    blocks: Sequence[Block]


def content(title: str, lines: Sequence[Line], buttons: Sequence[ButtonElement] = ()) -> MessageContent:
    """A message with a title, lines of text and buttons."""
    title, lines = shortened(title, LONGEST_TITLE), within(lines, LONGEST_BODY)
    blocks: list[Block] = [HeaderBlock(text=title), block(lines)]
    if buttons:
        blocks.append(ActionsBlock(elements=list(buttons)))
    return MessageContent(f"{title}\n{fallback(within(lines, LONGEST_TEXT))}", blocks)


def plain(lines: Sequence[Line], buttons: Sequence[ButtonElement] = ()) -> MessageContent:
    """A message without a title."""
    lines = within(lines, LONGEST_BODY)
    blocks: list[Block] = [block(lines)]
    if buttons:
        blocks.append(ActionsBlock(elements=list(buttons)))
    return MessageContent(fallback(within(lines, LONGEST_TEXT)), blocks)


def noted(content: MessageContent, lines: Sequence[Line]) -> MessageContent:
    """The same answer with these lines below it, if there are any."""
    if not lines:
        return content
    return replace(content, text=f"{content.text}\n{fallback(lines)}", blocks=[*content.blocks, block(lines)])
