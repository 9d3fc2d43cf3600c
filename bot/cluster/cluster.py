"""One cluster, as the domain sees it."""

from concurrent.futures import Executor

from elasticsearch import Elasticsearch
from pydantic import SecretStr

from bot.access.ports import Catalogue, CredentialSpec, Receipt
from bot.cluster.catalog import Catalog
from bot.cluster.client import ask
from bot.cluster.credentials import Credentials


class ElasticsearchCluster:
    """A `Cluster` reached as the connector account. `executor` runs the call that is made beside another.

    `resource_owner` is the key that owners stand under in the cluster; without it nothing there has an owner.
    """

    def __init__(self, client: Elasticsearch, executor: Executor, resource_owner: str | None = None) -> None:
        self._client = client
        self._catalog = Catalog(client, resource_owner)
        self._credentials = Credentials(client, executor)

    def catalogue(self, *, fresh: bool = False) -> Catalogue:
        """What exists, at most a minute old, or ten while the cluster is away; `fresh`: two seconds.

        Raises `Outage`, `Refusal`.
        """
        return self._catalog.get(fresh=fresh)

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
        """Closes the connections, once a reading under way has ended."""
        self._catalog.close()
        self._client.close()
