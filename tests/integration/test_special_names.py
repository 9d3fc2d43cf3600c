"""Failure stores and aliases with capitals on a node of each version."""

from collections.abc import Iterator

import pytest
from elasticsearch import AuthorizationException, Elasticsearch

from bot.access.policy.names.selectors import reads_failure_stores
from bot.cluster.cluster import ElasticsearchCluster
from bot.sandbox.node import Node
from tests.integration.given_access import cluster_of, given, spec_of
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
    with cluster_of(furnished) as cluster:
        yield cluster


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
    with given(furnished, cluster, spec_of([pattern], ["read"])) as person:
        assert total(person, "Logs-Prod") == 1
        with pytest.raises(AuthorizationException):
            person.search(index="other-logs")


def test_the_privilege_of_failure_stores_opens_them_and_not_the_data(
    furnished: Node, cluster: ElasticsearchCluster
) -> None:
    with given(furnished, cluster, spec_of(["fail*"], ["read_failure_store"])) as person:
        # The embedded node has failure stores, and stores nothing in them.
        assert total(person, "failing::failures") == 0
        with pytest.raises(AuthorizationException):
            person.search(index="failing")
    with given(furnished, cluster, spec_of(["*"], ["read", "view_index_metadata"])) as person:
        assert total(person, "failing") == 1
        with pytest.raises(AuthorizationException):
            person.search(index="failing::failures")


@pytest.mark.parametrize(
    ("privilege", "reads"), [("all", True), ("read_failure_store", True), ("manage", False), ("read", False)]
)
def test_the_privileges_that_messages_say_read_failure_stores_do(
    furnished: Node, cluster: ElasticsearchCluster, privilege: str, reads: bool
) -> None:
    assert reads_failure_stores({"indices": [privilege]}) is reads
    with given(furnished, cluster, spec_of(["fail*"], [privilege])) as person:
        answer = person.options(ignore_status=403).search(index="failing::failures")
        assert (answer.meta.status == 200) is reads
