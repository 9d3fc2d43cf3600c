"""Turns a message into the reason of a request: its text, plain and short, and its address."""

import re
from html import unescape
from typing import Any

from bot.access.policy.model import LONGEST_REASON
from bot.slack.blocks.rich_text import shortened

_MARKUP = re.compile(r"<(?P<sign>[@#!]?)(?P<target>[^<|>]*)(?:\|(?P<label>[^<>]*))?>")
"""A mention or a link in the text of a message (Slack, "Formatting text")."""


def quoted(body: dict[str, Any]) -> str:
    """The reason for a request from a message shortcut, within `LONGEST_REASON`."""
    message = body.get("message") or {}
    address = permalink(body)
    text = " ".join(plain(str(message.get("text") or "")).split())
    return f"{shortened(text, LONGEST_REASON - len(address) - 1)} {address}".strip()


def permalink(body: dict[str, Any]) -> str:
    """The address of the message, as Slack's clients write it: a call to Slack would delay the form."""
    domain = str((body.get("team") or {}).get("domain") or "")
    channel = str((body.get("channel") or {}).get("id") or "")
    message = body.get("message") or {}
    ts, thread = str(message.get("ts") or body.get("message_ts") or ""), str(message.get("thread_ts") or "")
    if not (domain and channel and ts):
        return ""
    within = f"?thread_ts={thread}&cid={channel}" if thread and thread != ts else ""
    return f"https://{domain}.slack.com/archives/{channel}/p{ts.replace('.', '')}{within}"


def plain(text: str) -> str:
    """The text without Slack's markup: mentions by their label or id, links by their label and address."""
    return unescape(_MARKUP.sub(_spelled, text))


def _spelled(found: re.Match[str]) -> str:
    sign, target, label = found["sign"], found["target"], found["label"]
    if sign:
        return f"{'@' if sign == '!' else sign}{label or target}".replace("@@", "@")
    return f"{label} {target}" if label and label != target else target
