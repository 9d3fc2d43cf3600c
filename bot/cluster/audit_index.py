"""Ships audit events to an Elasticsearch index, with an account that can only add to it."""

from collections.abc import Sequence
from typing import Any

from elasticsearch import Elasticsearch

from bot.access.errors import Outage, Refusal
from bot.cluster.client import ask

PRIVILEGES = ("create_doc", "auto_configure")
"""Privileges on the index: to add documents, and to create the index and its fields; none to read, change or delete."""

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
        """Adds the documents in one bulk call. Existing ids are left unchanged. Raises `Outage`, `Refusal`."""
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

    def close(self) -> None:
        """Closes its connections."""
        self._client.close()
