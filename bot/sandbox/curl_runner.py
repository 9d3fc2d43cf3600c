"""Sends the request of a copied `curl` line, which proves that the line itself works."""

import json
import shlex
import urllib.request
from base64 import b64encode
from collections.abc import Mapping
from typing import NamedTuple
from urllib.error import HTTPError
from urllib.parse import urlsplit, urlunsplit

QUERY_SECONDS = 10.0
"""Timeout of one request."""


_KEY_HEADER = "Authorization: ApiKey "


class CurlAnswer(NamedTuple):
    """The node's answer to a search: the HTTP status and the number of hits, 0 for an error."""

    status: int
    found: int


def run_curl(line: str) -> CurlAnswer:
    """Sends the search of a line with `-u USER:PASSWORD` or `-H HEADER`, parsed as a shell parses it.

    Raises ValueError for any other line.
    """
    try:
        with urllib.request.urlopen(_query(line), timeout=QUERY_SECONDS) as answer:  # noqa: S310 (the same)
            return CurlAnswer(answer.status, json.load(answer)["hits"]["total"]["value"])
    except HTTPError as refusal:
        return CurlAnswer(refusal.code, 0)


def answer_to(line: str) -> tuple[int, str]:
    """Sends the request of such a line. Returns the HTTP status and the body."""
    try:
        with urllib.request.urlopen(_query(line), timeout=QUERY_SECONDS) as answer:  # noqa: S310 (the node's own)
            return int(answer.status), answer.read().decode(errors="replace")
    except HTTPError as refusal:
        return refusal.code, refusal.read().decode(errors="replace")


def write_one(line: str, index: str, document: Mapping[str, str]) -> int:
    """Stores a document with the credentials of such a line. Returns the HTTP status: 201 when it was stored."""
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
            return _request(url, f"Basic {b64encode(account.encode()).decode()}")
        case ["curl", "-H", header, url] if header.startswith(_KEY_HEADER):
            return _request(url, header.removeprefix("Authorization: "))
        case _:
            raise ValueError(f"not a line that was shown: {line}")


def _request(url: str, authorization: str) -> urllib.request.Request:
    query = urllib.request.Request(url)  # noqa: S310 (the node's own)
    query.add_header("Authorization", authorization)
    return query


def on_index(line: str, index: str) -> str:
    """The line with its index replaced by `index`."""
    url = shlex.split(line)[-1]
    other = urlunsplit(urlsplit(url)._replace(path=f"/{index}/_search"))
    return line.replace(url, other)
