"""The *Try it* button: runs the `curl` line of a delivered credential, before or after the access has ended."""

import json
import shlex
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.error import URLError

from bot.sandbox.curl_runner import answer_to
from bot.sandbox.workspace import SlackMessage

LONGEST_ANSWER = 4000
"""Longest answer shown, in characters."""


def curl_line(message: SlackMessage) -> str | None:
    """The `curl` line in the message, or in its latest version that had one before an edit removed it."""
    versions = [message.blocks, *(one.blocks for one in reversed(message.history))]
    return next((line for blocks in versions for line in _lines(blocks)), None)


def _lines(blocks: Iterable[dict[str, Any]]) -> Iterator[str]:
    for block in blocks:
        if block.get("type") == "rich_text":
            for part in block["elements"]:
                if part["type"] == "rich_text_preformatted":
                    text = "".join(str(each.get("text", each.get("url", ""))) for each in part["elements"])
                    yield from (line for line in text.splitlines() if line.startswith("curl "))


def try_line(line: str, node_url: str) -> dict[str, Any]:
    """Sends the line's request and returns its HTTP status and answer. ValueError if it points at another cluster."""
    if not shlex.split(line)[-1].startswith(f"{node_url}/"):
        raise ValueError("The line leads to another cluster than the sandbox's own, so it is not run here.")
    try:
        status, body = answer_to(line)
    except (URLError, TimeoutError) as error:
        return {"line": line, "status": 0, "answer": f"Elasticsearch does not answer: {error}"}
    return {"line": line, "status": status, "answer": _readable(body)[:LONGEST_ANSWER]}


def _readable(body: str) -> str:
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except ValueError:
        return body
