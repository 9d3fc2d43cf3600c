"""An Elasticsearch index that audit events are sent to, by an account that can add to it and do nothing else."""

from collections.abc import Sequence
from typing import Any

from elasticsearch import Elasticsearch

from bot.access.errors import Outage, Refusal
from bot.cluster.client import ask

PRIVILEGES = ("create_doc", "auto_configure")
"""On the index: it adds documents, makes the index and its fields; it reads, changes and removes nothing."""

CREATED, EXISTS, TOO_MANY, SERVER_ERROR = 201, 409, 429, 500


class AuditIndex:
    """A `Destination`."""

    def __init__(self, client: Elasticsearch, url: str, index: str) -> None:
        self._client = client
        self._index = index
        self._name = f"{url} {index}"[:255]

    @property
    def name(self) -> str:
        """Another cluster or another index is another destination: the whole trail is sent there."""
        return self._name

    def send(self, documents: Sequence[tuple[str, dict[str, Any]]]) -> None:
        """One bulk call of `create`: what is there under its id is left as it is. Raises `Outage`, `Refusal`."""
        operations: list[dict[str, Any]] = []
        for name, document in documents:
            operations += [{"create": {"_id": name}}, document]
        answer = ask(lambda: self._client.bulk(index=self._index, operations=operations))
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
