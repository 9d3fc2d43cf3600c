"""Ships audit events to an Elasticsearch index, with an account that can add to it and read it, and change nothing."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from elasticsearch import Elasticsearch

from bot.access.errors import Outage, Refusal
from bot.cluster.client import ask

PRIVILEGES = ("create_doc", "auto_configure", "read")
"""Privileges on the index: to add documents, to create the index and its fields, and to read; none to change or delete.

`read` is for recognising a restored database alone: without it, everything else works.
"""

READING_SECONDS = 2
"""How long to wait for the index when it is read. A start waits for it once."""

CREATED, EXISTS, TOO_MANY, SERVER_ERROR = 201, 409, 429, 500


class AuditIndex:
    """A `Destination`."""

    def __init__(self, client: Elasticsearch, url: str, index: str) -> None:
        self._client = client
        self._index = index
        self._name = f"{url} {index}"[:255]

    @property
    def name(self) -> str:
        """The cluster and the index. A change of either is another destination, which gets the whole trail."""
        return self._name

    def send(self, documents: Sequence[tuple[str, dict[str, Any]]]) -> None:
        """Adds the documents in one bulk call. Raises `Outage`, `Refusal`.

        An id that exists has the hash of the same event in it, so the event is there already.
        """
        operations: list[dict[str, Any]] = []
        for name, document in documents:
            operations += [{"create": {"_id": name}}, document]
        answer = ask(self._client, lambda: self._client.bulk(index=self._index, operations=operations))
        for item in answer["items"]:
            status = int(item["create"]["status"])
            if status in {CREATED, EXISTS}:
                continue
            kind = str(item["create"].get("error", {}).get("type", ""))[:80]
            text = f"the audit index answered {status} {kind} to event {item['create']['_id']}"
            if status == TOO_MANY or status >= SERVER_ERROR:
                raise Outage(text)
            raise Refusal(text)

    def held(self, chain: str, after: int, most: int) -> Mapping[int, frozenset[str]]:
        """See `Destination.held`."""
        client = self._client.options(request_timeout=READING_SECONDS)
        answer = ask(
            client,
            lambda: client.search(
                index=self._index,
                ignore_unavailable=True,
                size=2 * most,  # an account that could not read may have sent two events of one number
                source_includes=["event.sequence", "event.hash"],
                # `match` finds a keyword as well as a text.
                query={"bool": {"filter": [
                    {"match": {"labels.chain": chain}},
                    {"range": {"event.sequence": {"gt": after, "lte": after + most}}},
                ]}},
            ),
        )  # fmt: skip
        found: defaultdict[int, set[str]] = defaultdict(set)
        for hit in answer["hits"]["hits"]:
            event = hit["_source"].get("event")
            # An account that may add documents may add some that look like ours.
            if isinstance(event, dict) and isinstance(event.get("sequence"), int):
                found[event["sequence"]].add(str(event.get("hash")))
        return {number: frozenset(hashes) for number, hashes in found.items()}

    def close(self) -> None:
        """Closes its connections."""
        self._client.close()
