"""Failure stores and aliases with capitals on a node of each version."""

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from elasticsearch import AuthorizationException, Elasticsearch
from pydantic import SecretStr

from bot.access.clock import SystemClock
from bot.access.ports import CredentialSpec, Privileges
from bot.cluster.client import ClusterConnection, connect
from bot.cluster.cluster import ElasticsearchCluster
from bot.cluster.ownership import Installation
from bot.sandbox.node import Node
from tests.nodes import versions


@pytest.fixture(scope="module", params=versions())
def furnished(request: pytest.FixtureRequest) -> Iterator[Node]:
    """A node of these tests' own, since the embedded one cannot delete its data streams."""
    with Node.start(request.param) as node:
        node.create_index("logs-prod-1", docs=[{"line": "found"}])
        node.client().indices.update_aliases(actions=[{"add": {"index": "logs-prod-1", "alias": "Logs-Prod"}}])
        template = {
            "settings": {"number_of_replicas": 0},
            "mappings": {"properties": {"number": {"type": "integer"}}},
            "data_stream_options": {"failure_store": {"enabled": True}},
        }
        node.client().perform_request(
            "PUT",
            "/_index_template/failing",
            headers={"content-type": "application/json", "accept": "application/json"},
            body={"index_patterns": ["failing"], "data_stream": {}, "template": template},
        )
        document = {"@timestamp": "2026-01-01T00:00:00Z", "number": 1}
        node.client().index(index="failing", op_type="create", document=document, refresh=True)
        yield node


@pytest.fixture
def cluster(furnished: Node) -> Iterator[ElasticsearchCluster]:
    username, password = furnished.connector()
    with ThreadPoolExecutor(2) as executor:
        client = connect(ClusterConnection(username, SecretStr(password), url=furnished.url))
        with closing(ElasticsearchCluster(client, executor, Installation("here"), SystemClock())) as cluster:
            yield cluster


@contextmanager
def access(node: Node, cluster: ElasticsearchCluster, pattern: str, *privileges: str) -> Iterator[Elasticsearch]:
    name, secret = f"es-access-{secrets.token_hex(4)}", secrets.token_urlsafe(24)
    until = datetime.now(UTC) + timedelta(hours=1)
    spec = CredentialSpec("REQ-7K3F9Q", name, "U0ALICE", (pattern,), Privileges(privileges), until)
    cluster.create(spec, SecretStr(secret))
    with node.client_of(name, secret) as person:
        yield person
    assert all(receipt.complete for receipt in cluster.remove([name]))


def total(person: Elasticsearch, index: str) -> int:
    found: int = person.search(index=index)["hits"]["total"]["value"]
    return found


@pytest.mark.parametrize("pattern", ["Logs-Prod", "Logs-*", "*-Prod"])
def test_an_alias_with_capitals_is_found_and_opened(
    furnished: Node, cluster: ElasticsearchCluster, pattern: str
) -> None:
    for catalogue in (cluster.look((pattern,)), cluster.catalogue()):
        assert {"Logs-Prod": ("logs-prod-1",)}.items() <= {
            each.name: each.targets for each in catalogue.resources
        }.items()
    with access(furnished, cluster, pattern, "read") as person:
        assert total(person, "Logs-Prod") == 1
        with pytest.raises(AuthorizationException):
            person.search(index="other-logs")


def test_the_privilege_of_failure_stores_opens_them_and_not_the_data(
    furnished: Node, cluster: ElasticsearchCluster
) -> None:
    with access(furnished, cluster, "fail*", "read_failure_store") as person:
        # The embedded node has failure stores, and stores nothing in them.
        assert total(person, "failing::failures") == 0
        with pytest.raises(AuthorizationException):
            person.search(index="failing")
    with access(furnished, cluster, "*", "read", "view_index_metadata") as person:
        assert total(person, "failing") == 1
        with pytest.raises(AuthorizationException):
            person.search(index="failing::failures")
