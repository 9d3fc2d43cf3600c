"""Does what the copied `curl` line says: the line itself is what is proven."""

import json
import shlex
import urllib.request
from base64 import b64encode
from collections.abc import Mapping
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
    """Does what such a line with `-u USER:PASSWORD` or `-H HEADER` does, read as a shell reads it.

    Raises ValueError for another line.
    """
    try:
        with urllib.request.urlopen(_query(line), timeout=QUERY_SECONDS) as answer:  # noqa: S310 (the same)
            return Answer(answer.status, json.load(answer)["hits"]["total"]["value"])
    except HTTPError as refusal:
        return Answer(refusal.code, 0)


def write_one(line: str, index: str, document: Mapping[str, str]) -> int:
    """Stores a document with the account of such a line. Returns the HTTP status: 201 where it was stored."""
    query = _query(line)
    query.full_url = urlunsplit(urlsplit(query.full_url)._replace(path=f"/{index}/_doc", query=""))
    query.data = json.dumps(document).encode()
    query.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(query, timeout=QUERY_SECONDS) as answer:  # noqa: S310 (the node's own)
            return int(answer.status)
    except HTTPError as refusal:
        return refusal.code


def _query(line: str) -> urllib.request.Request:
    match shlex.split(line):
        case ["curl", "-u", account, url]:
            query = urllib.request.Request(url)  # noqa: S310 (the node's own)
            query.add_header("Authorization", f"Basic {b64encode(account.encode()).decode()}")
            return query
        case ["curl", "-H", header, url]:
            query = urllib.request.Request(url)  # noqa: S310 (the node's own)
            name, _, value = header.partition(": ")
            query.add_header(name, value)
            return query
        case _:
            raise ValueError(f"not a line that was shown: {line}")


def on_index(line: str, index: str) -> str:
    """The same line for another index."""
    url = shlex.split(line)[-1]
    other = urlunsplit(urlsplit(url)._replace(path=f"/{index}/_search"))
    return line.replace(url, other)
