"""One cluster, behind the domain's port."""

from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from datetime import timedelta

from elasticsearch import Elasticsearch
from pydantic import SecretStr

from bot.access.calls.turns import waiting
from bot.access.ids import USERNAME_PREFIX
from bot.access.models.receipts import Receipt
from bot.access.models.running_tasks import RunningTask
from bot.access.policy.model import OwnersFrom
from bot.access.ports import Catalogue, Clock, Credential, CredentialSpec, InventoryItem
from bot.cluster.accounts.accounts import ElasticsearchAccounts
from bot.cluster.catalogue.reader import CatalogueReader
from bot.cluster.client import ask
from bot.cluster.clock import ClusterClock
from bot.cluster.connection.product import check_product
from bot.cluster.credentials import CredentialIssuer
from bot.cluster.ends.node_caches import NodeCaches
from bot.cluster.ends.readback import Readback
from bot.cluster.ends.removal import Removal
from bot.cluster.ends.running_tasks import read_running_tasks
from bot.cluster.inventory import Inventory
from bot.cluster.limits import read_licence
from bot.cluster.ownership import Installation
from bot.cluster.password_hasher import PasswordHasher


class ElasticsearchCluster:
    """A `Cluster` that uses the connector account. `executor` runs calls in parallel.

    `resource_owner` is the key of owners in `_meta`; without it no resource has an owner. `owners_from`: see
    `Integration`. `opened_space` is the Kibana space in which built-in permissions open Discover and Dashboards.
    """

    def __init__(
        self,
        client: Elasticsearch,
        executor: Executor,
        installation: Installation,
        clock: Clock,
        resource_owner: str | None = None,
        owners_from: OwnersFrom = "mapping",
        opened_space: str | None = None,
    ) -> None:
        self._client = client
        self._wall_clock = clock
        self._product_is_known = False
        self._clock = ClusterClock(client, clock)
        self._catalogue = CatalogueReader(client, resource_owner, owners_from=owners_from, now=clock.now)
        hasher = PasswordHasher()
        self._credentials = CredentialIssuer(client, executor, installation, self._clock, hasher, opened_space)
        self._caches = NodeCaches(client, clock)
        self._removal = Removal(client, executor, installation, hasher, Readback(client), self._caches, clock)
        self.accounts = ElasticsearchAccounts(client, executor, installation, self._caches, opened_space)
        self._inventory = Inventory(client, installation, USERNAME_PREFIX)

    def catalogue(self) -> Catalogue:
        """The catalogue, at most a minute old, or ten while the cluster is away. Raises `Outage`, `Refusal`."""
        return self._catalogue.get()

    def look(self, patterns: Sequence[str]) -> Catalogue:
        """What the patterns match at this moment. Raises `Outage`, `Refusal`."""
        with waiting():  # for calls in other threads, too
            return self._catalogue.look(patterns)

    def create(self, spec: CredentialSpec, password: SecretStr) -> None:
        """Creates role and user. Raises `Outage`, `Refusal`."""
        self._credentials.create(spec, password)

    def renew(self, spec: CredentialSpec, password: SecretStr) -> int:
        """Changes the user's password and ends its sessions. Raises `Gone`, `Outage`, `Refusal`."""
        with waiting():
            ended = self._credentials.renew(spec, password)
        self._caches.note_change(spec.username)
        return ended

    def extend(self, spec: CredentialSpec) -> None:
        """Writes the new end into the user's metadata. Raises `Gone`, `Outage`, `Refusal`."""
        self._credentials.extend(spec)

    def narrow(self, spec: CredentialSpec) -> None:
        """Writes the user's role anew. Raises `Gone`, `Outage`, `Refusal`."""
        self._credentials.narrow(spec)
        self._caches.note_change(spec.username)

    def grant_key(self, spec: CredentialSpec, password: SecretStr, *, alone: bool = False) -> Credential:
        """Creates an API key that expires by itself. Raises `Outage`, `Refusal`."""
        with waiting():
            return self._credentials.grant_key(spec, password, alone=alone)

    def end_other_keys(self, username: str, keep: str) -> None:
        """Invalidates all keys of that user except `keep`. Raises `Outage`, `Refusal`."""
        self._credentials.end_other_keys(username, keep)

    def exists(self, username: str, key_id: str | None) -> bool:
        """Whether that user, or that key, exists and is usable. Raises `Outage`, `Refusal`."""
        return self._credentials.exists(username, key_id)

    def remove(self, usernames: Sequence[str], *, disable: bool = False) -> Sequence[Receipt]:
        """Removes users, keys and roles, and reads the result back. Never raises for a failing cluster."""
        for each in usernames:
            self._caches.note_change(each)
        return self._removal.remove(usernames, disable=disable)

    def clear_caches(self, usernames: Sequence[str], key_ids: Sequence[str]) -> None:
        """Makes all nodes forget these, and users changed lately. Raises `Outage` if one did not answer; `Refusal`."""
        self._caches.forget(usernames, key_ids)

    def found(self) -> Iterable[Sequence[InventoryItem]]:
        """Everything of this installation that still exists, in pages. Each page may raise `Outage`, `Refusal`."""
        return self._inventory.found()

    def running_tasks(self) -> Sequence[RunningTask]:
        """The tasks on data that run now. Raises `Outage` after three seconds, and `Refusal`."""
        return read_running_tasks(self._client, self._wall_clock)

    def honours_limits(self) -> bool:
        """Whether the licence has limits of fields and documents; true if unknown. Raises `Outage`."""
        licence = read_licence(self._client)
        return licence is None or licence.has_limits

    def ahead(self) -> timedelta:
        """How much the cluster's clock is ahead of ours. Raises `Outage`, `Refusal`."""
        return self._clock.ahead()

    def ping(self) -> None:
        """One cheap call as the connector account. Raises `Outage`, `Refusal`.

        The first time, and after a failure, it looks at which product answers, and raises `UnsupportedProduct`.
        """
        if not self._product_is_known:
            check_product(self._client)
        self._product_is_known = False
        ask(self._client, self._client.security.authenticate)
        self._product_is_known = True

    def close(self) -> None:
        """Waits for a reading under way, and closes the connections."""
        self._catalogue.close()
        self._client.close()
