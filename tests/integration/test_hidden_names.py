"""Hidden indices that are not system indices, on a node of each version: given under patterns that begin with a dot."""

from collections.abc import Iterator, Sequence

import pytest
from elasticsearch import AuthorizationException, Elasticsearch

from bot.cluster.cluster import ElasticsearchCluster
from bot.sandbox.node import Node
from tests.integration.given_access import cluster_of, given, spec_of
from tests.nodes import versions

ALERTS, OTHERS, BEHIND = ".alerts-web", ".ml-anomalies-web", ".internal.alerts-logs-000001"


@pytest.fixture(scope="module", params=versions())
def furnished(request: pytest.FixtureRequest) -> Iterator[Node]:
    """A node of these tests' own, since the embedded one cannot delete its data streams."""
    with Node.start(request.param) as node:
        indices = node.client().indices
        for name in (ALERTS, OTHERS, BEHIND):
            indices.create(index=name, settings={"index.hidden": True, "number_of_replicas": 0})
            node.client().index(index=name, document={"line": name}, refresh=True)
        node.create_index("web", docs=[{"line": "web"}])
        indices.update_aliases(actions=[{"add": {"index": BEHIND, "alias": ".alerts-logs", "is_hidden": True}}])
        indices.put_index_template(
            name="monitoring",
            index_patterns=[".monitoring-*"],
            data_stream={"hidden": True},
            template={"settings": {"number_of_replicas": 0}},
        )
        document = {"@timestamp": "2026-01-01T00:00:00Z"}
        node.client().index(index=".monitoring-es", op_type="create", document=document, refresh=True)
        yield node


@pytest.fixture
def cluster(furnished: Node) -> Iterator[ElasticsearchCluster]:
    with cluster_of(furnished) as cluster:
        yield cluster


def readable(person: Elasticsearch, *names: str) -> set[str]:
    """Which of the names the person may search."""
    found = set()
    for name in names:
        try:
            person.search(index=name)
        except AuthorizationException:
            continue
        found.add(name)
    return found


EVERYTHING = (ALERTS, ".alerts-logs", OTHERS, ".monitoring-es", ".security-7", "web")


def test_the_catalogue_has_hidden_names_and_no_system_index_or_backing_index(cluster: ElasticsearchCluster) -> None:
    catalogue = cluster.catalogue()
    names = {each.name: each.targets for each in catalogue.resources}
    assert names == {
        ALERTS: (), ".alerts-logs": (BEHIND,), BEHIND: (), OTHERS: (), ".monitoring-es": (), "web": (),
        ".security": (".security-7",),
    }  # fmt: skip
    assert catalogue.system == (".security-7",)
    assert {each.name for each in cluster.look((".alerts-*",)).resources} >= {ALERTS, ".alerts-logs"}


@pytest.mark.parametrize(
    ("patterns", "names"),
    [
        ([".alerts-*"], {ALERTS, ".alerts-logs"}),
        ([".monitoring-es"], {".monitoring-es"}),
        (["*"], {"web"}),
        (["*alerts*", "*e*"], {"web"}),
        (["*e*", ".alerts-*"], {"web", ALERTS, ".alerts-logs"}),
        (["*-web", ".alerts-*b"], {ALERTS}),
    ],
    ids=lambda some: " ".join(sorted(some)),
)
def test_a_role_gives_the_hidden_names_under_its_dotted_patterns_and_no_others(
    furnished: Node, cluster: ElasticsearchCluster, patterns: Sequence[str], names: set[str]
) -> None:
    with given(furnished, cluster, spec_of(patterns)) as person:
        assert readable(person, *EVERYTHING) == names
        if patterns == ["*"]:
            hits = person.search(index="*", expand_wildcards="all")["hits"]["hits"]
            assert {each["_index"] for each in hits} == {"web"}
