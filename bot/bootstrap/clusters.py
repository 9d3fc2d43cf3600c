"""The clients of the clusters."""

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack

import structlog

from bot.access.call_failures import OnFailure, ignore_failure
from bot.access.calls.gate import Gate, OnChange, ignore_change
from bot.access.errors import Outage
from bot.access.ports import Clock
from bot.cluster.client import connect
from bot.cluster.cluster import ElasticsearchCluster
from bot.cluster.connection.product import UnsupportedProduct
from bot.cluster.connector.account import ElasticsearchAccount
from bot.cluster.connector.password import ConnectorPassword
from bot.cluster.ownership import Installation
from bot.config.configuration import Configuration
from bot.config.settings import SettingsError, SettingsProblem

log = structlog.get_logger(__name__)

LOOK_SECONDS = 1.0
"""How long a start waits, after Slack was asked, to know which product answers. A healthy cluster says it at once."""


class ConfiguredClusters(dict[str, ElasticsearchCluster]):
    """The cluster of each integration by name; `accounts` has the connector accounts, `gates` what calls pass."""

    def __init__(self) -> None:
        super().__init__()
        self.gates: dict[str, Gate] = {}
        self.accounts: dict[str, ElasticsearchAccount] = {}

    def __missing__(self, integration: str) -> ElasticsearchCluster:
        raise Outage(f"the integration {integration} is not configured")


def connect_clusters(
    configuration: Configuration,
    passwords: Mapping[str, ConnectorPassword],
    threads: int,
    installation: Installation,
    clock: Clock,
    running: ExitStack,
    on_failure: OnFailure = ignore_failure,
    on_change: OnChange | None = None,
) -> ConfiguredClusters:
    """A client for each cluster, with up to `threads` of its own for parallel calls. No call is made yet.

    Later calls that fail are reported to `on_failure`. `on_change` is told when a cluster hangs, probes it, and is told
    when it answers again.
    """
    clusters = ConfiguredClusters()
    for integration in configuration.policy.integrations:
        password = passwords[integration.name]
        gate = clusters.gates[integration.name] = Gate(
            integration.name, on_change or ignore_change, probed=on_change is not None
        )
        client = connect(configuration.connections[integration.name], password, on_failure, gate)
        executor = ThreadPoolExecutor(threads, thread_name_prefix=f"calls of {integration.name}")
        running.callback(executor.shutdown, wait=True)
        policy = (integration.resource_owner, integration.owners_from, integration.opened_space)
        cluster = ElasticsearchCluster(client, executor, installation, clock, *policy)
        clusters[integration.name] = cluster
        clusters.accounts[integration.name] = ElasticsearchAccount(client, password)
        running.callback(cluster.close)
    return clusters


def look_at_products(clusters: Mapping[str, ElasticsearchCluster]) -> dict[str, Future[None]]:
    """Begins to ask each cluster which product it is, in a thread for each."""
    executor = ThreadPoolExecutor(len(clusters), thread_name_prefix="product")
    looks = {name: executor.submit(each.ping) for name, each in clusters.items()}
    executor.shutdown(wait=False)
    return looks


def refuse_if_none_can_be_served(looks: Mapping[str, Future[None]]) -> None:
    """Logs each cluster that is no Elasticsearch of a version that can be served.

    Raises `SettingsError` if all are such. With one that can be, the application runs: access there has to end.
    """
    wait(looks.values(), LOOK_SECONDS)
    wrong = {name: error for name, look in looks.items() if look.done() and (error := _unsupported(look))}
    for name, error in wrong.items():
        log.error("a cluster cannot be served", integration=name, error=str(error))
    if wrong and len(wrong) == len(looks):
        raise SettingsError(SettingsProblem(f"{name}: {error}") for name, error in wrong.items())


def _unsupported(look: Future[None]) -> UnsupportedProduct | None:
    error = look.exception()
    return error if isinstance(error, UnsupportedProduct) else None
