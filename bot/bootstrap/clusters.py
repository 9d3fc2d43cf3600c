"""The clients of the clusters."""

from collections.abc import Mapping
from concurrent.futures import Executor
from contextlib import ExitStack

from bot.access.call_failures import OnFailure, ignore_failure
from bot.access.errors import Outage
from bot.access.ports import Clock
from bot.cluster.client import connect
from bot.cluster.cluster import ElasticsearchCluster
from bot.cluster.connector.account import ElasticsearchAccount
from bot.cluster.connector.password import ConnectorPassword
from bot.cluster.ownership import Installation
from bot.config.configuration import Configuration


class ConfiguredClusters(dict[str, ElasticsearchCluster]):
    """The cluster of each integration by name; `accounts` has the connector accounts."""

    def __init__(self) -> None:
        super().__init__()
        self.accounts: dict[str, ElasticsearchAccount] = {}

    def __missing__(self, integration: str) -> ElasticsearchCluster:
        raise Outage(f"the integration {integration} is not configured")


def connect_clusters(
    configuration: Configuration,
    passwords: Mapping[str, ConnectorPassword],
    executor: Executor,
    installation: Installation,
    clock: Clock,
    running: ExitStack,
    on_failure: OnFailure = ignore_failure,
) -> ConfiguredClusters:
    """A client for each cluster. No call is made yet; later ones that fail are reported to `on_failure`."""
    clusters = ConfiguredClusters()
    for integration in configuration.policy.integrations:
        password = passwords[integration.name]
        client = connect(configuration.connections[integration.name], password, on_failure)
        policy = (integration.resource_owner, integration.owners_from, integration.opened_space)
        cluster = ElasticsearchCluster(client, executor, installation, clock, *policy)
        clusters[integration.name] = cluster
        clusters.accounts[integration.name] = ElasticsearchAccount(client, password)
        running.callback(cluster.close)
    return clusters
