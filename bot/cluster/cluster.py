"""One cluster, as the domain sees it."""

from collections.abc import Sequence
from concurrent.futures import Executor

from elasticsearch import Elasticsearch
from pydantic import SecretStr

from bot.access.ports import CredentialSpec, Receipt
from bot.cluster.catalog import Catalog
from bot.cluster.client import ask
from bot.cluster.credentials import Credentials


class ElasticsearchCluster:
    """A `Cluster` reached as the connector account. `executor` runs the call that is made beside another."""

    def __init__(self, client: Elasticsearch, executor: Executor) -> None:
        self._client = client
        self._catalog = Catalog(client)
        self._credentials = Credentials(client, executor)

    def resources(self) -> Sequence[str]:
        """The names of all indices, data streams and aliases. Raises `Outage`, `Refusal`."""
        return self._catalog.names()

    def create(self, spec: CredentialSpec, password: SecretStr) -> None:
        """Makes role and user. Raises `Outage`, `Refusal`."""
        self._credentials.create(spec, password)

    def remove(self, username: str) -> Receipt:
        """Removes user, keys and role, and reads back. Never raises for a failing cluster."""
        return self._credentials.remove(username)

    def ping(self) -> None:
        """One cheap call as the connector account. Raises `Outage`, `Refusal`."""
        ask(self._client.security.authenticate)

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()
