"""Does what the copied `curl` line says: the line itself is what is proven."""

import json
import shlex
import urllib.request
from base64 import b64encode
from typing import NamedTuple
from urllib.error import HTTPError
from urllib.parse import urlsplit, urlunsplit

QUERY_SECONDS = 10.0
"""Longest wait for one answer."""


class Answer(NamedTuple):
    """What the node said to a query: the HTTP status, and how many documents it found, none where it refused."""

    status: int
    found: int


def run_curl(line: str) -> Answer:
    """Does what `curl -u USER:PASSWORD URL` does, read as a shell reads it. Raises ValueError for another line."""
    match shlex.split(line):
        case ["curl", "-u", account, url]:
            query = urllib.request.Request(url)  # noqa: S310 (the node's own)
            query.add_header("Authorization", f"Basic {b64encode(account.encode()).decode()}")
        case _:
            raise ValueError(f"not a line that was shown: {line}")
    try:
        with urllib.request.urlopen(query, timeout=QUERY_SECONDS) as answer:  # noqa: S310 (the same)
            return Answer(answer.status, json.load(answer)["hits"]["total"]["value"])
    except HTTPError as refusal:
        return Answer(refusal.code, 0)


def on_index(line: str, index: str) -> str:
    """The same line for another index."""
    url = shlex.split(line)[-1]
    other = urlunsplit(urlsplit(url)._replace(path=f"/{index}/_search"))
    return line.replace(url, other)
