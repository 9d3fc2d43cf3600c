"""Reads all hits of a search for users, roles or API keys."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from elasticsearch import Elasticsearch

from bot.cluster.client import ask

PAGE = 1000
"""Hits of one search: a quarter of a megabyte and 50 ms, measured."""


def pages(
    client: Elasticsearch,
    kind: str,
    shown: Sequence[str],
    query: Mapping[str, Any],
    order: Sequence[str],
    search: Callable[..., Any],
) -> Iterator[Mapping[str, Any]]:
    """All hits of a search, with the fields in `shown`. Raises `Outage`, `Refusal`."""
    after: dict[str, Any] = {}
    fields = [f"{kind}.{each}" for each in (*shown, "_sort")]
    while True:
        how = {"query": query, "sort": list(order), "size": PAGE, "filter_path": fields, **after}
        page = ask(client, partial(search, **how)).get(kind, [])
        yield from page
        if len(page) < PAGE:
            return
        after = {"search_after": page[-1]["_sort"]}
