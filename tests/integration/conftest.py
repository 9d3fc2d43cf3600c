"""The domain on each database, a cluster behind a proxy, and Slack's client of a local workspace."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from elasticsearch import Elasticsearch
from pydantic import SecretStr
from slack_sdk import WebClient

from bot.access.clock import SystemClock
from bot.access.store.store import Store
from bot.cluster.client import ClusterConnection, connect
from bot.cluster.cluster import ElasticsearchCluster
from bot.cluster.ownership import Installation
from bot.sandbox.fault_proxy import FaultProxy
from bot.sandbox.node import Node
from bot.sandbox.workspace import User, Workspace
from tests.databases import NewStore
from tests.fakes import World, world_on
from tests.integration.workspace_calls import Clock


@pytest.fixture
def world(store: Store) -> Iterator[World]:
    """The domain on a store of each kind."""
    with world_on(store) as world:
        yield world


@pytest.fixture
def other(world: World, new_store: NewStore) -> World:
    """The same domain in a second process."""
    return world.on(new_store("second"))


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as threads:
        yield threads


@pytest.fixture
def proxy(each_node: Node) -> Iterator[FaultProxy]:
    with FaultProxy(each_node.url) as running:
        yield running


@pytest.fixture
def connector(each_node: Node, proxy: FaultProxy) -> Iterator[Elasticsearch]:
    """A client with the connector account, through the proxy."""
    username, password = each_node.connector()
    made = connect(ClusterConnection(username=username, password=SecretStr(password), url=proxy.url))
    yield made
    made.close()


@pytest.fixture
def cluster(connector: Elasticsearch, executor: ThreadPoolExecutor) -> ElasticsearchCluster:
    return ElasticsearchCluster(connector, executor, Installation("here"), SystemClock())


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def alice(ws: Workspace) -> User:
    return ws.add_user("alice", real_name="Alice Adams", tz="Europe/Paris")


@pytest.fixture
def client(ws: Workspace) -> WebClient:
    """Slack's client, which retries nothing by itself."""
    return WebClient(token=ws.bot_token, base_url=ws.api_url, retry_handlers=[])
