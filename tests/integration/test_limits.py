"""Limits of fields and documents on a real node of each version: what a password and a key read, and what not."""

import json
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from elasticsearch import Elasticsearch
from pydantic import SecretStr

from bot.access.clock import SystemClock
from bot.access.errors import Fault, Refusal, Unusable
from bot.access.ids import CHECK_PREFIX
from bot.access.models.limits import Limits
from bot.access.policy.limits.query import canonical, since
from bot.access.ports import CredentialSpec, Privileges
from bot.cluster.client import ClusterConnection, connect
from bot.cluster.cluster import ElasticsearchCluster
from bot.cluster.inventory import Inventory
from bot.cluster.limits import Licence, read_licence
from bot.cluster.ownership import Installation
from bot.cluster.trial import try_limits
from bot.sandbox.fault_proxy import PRODUCT, FaultProxy, Phase, ProxyAnswer, ProxyRequest, Verdict
from bot.sandbox.node import Node
from tests.nodes import make_visible, wait_for_licence
from tests.own_accounts import ending, new_person, part, role_of

INDEX = "limited-1"
ERRORS = canonical({"term": {"level": "error"}})
LIMITS = Limits(hidden=("ssn", "card.*"), query=ERRORS)
MAPPINGS: dict[str, Any] = {
    "properties": {
        "level": {"type": "keyword"},
        "ssn": {"type": "text", "fields": {"keyword": {"type": "keyword"}}},
        "card": {"properties": {"number": {"type": "keyword"}}},
        "amount": {"type": "integer"},
        "@timestamp": {"type": "date"},
    }
}
PASSWORD = "for-one-test-alone"
READING = Privileges(("read", "view_index_metadata"))
Given = Callable[[Limits], Elasticsearch]


def documents() -> list[dict[str, Any]]:
    now = datetime.now(UTC)
    return [
        {"level": "error", "ssn": "secret1", "card": {"number": "4111"}, "amount": 1, "@timestamp": now.isoformat()},
        {"level": "error", "ssn": "secret2", "card": {"number": "4222"}, "amount": 2,
         "@timestamp": (now - timedelta(days=2)).isoformat()},
        {"level": "info", "ssn": "secret3", "card": {"number": "4333"}, "amount": 3, "@timestamp": now.isoformat()},
    ]  # fmt: skip


@pytest.fixture(scope="module")
def each_node(licensed: Node) -> Node:
    """A node of each version with a licence that has limits, which the others have not."""
    wait_for_licence(licensed)
    return licensed


@pytest.fixture(scope="module")
def filled(each_node: Node) -> Iterator[Node]:
    """The node with the documents."""
    client = each_node.client()
    client.indices.create(index=INDEX, mappings=MAPPINGS, settings={"number_of_replicas": 0})
    for number, each in enumerate(documents()):
        client.index(index=INDEX, id=str(number), document=each, refresh=True)
    yield each_node
    client.indices.delete(index=INDEX)


@pytest.fixture
def spec(each_node: Node, cluster: ElasticsearchCluster) -> Iterator[CredentialSpec]:
    name = f"es-access-{secrets.token_hex(4)}"
    held = replace(READING, limits=LIMITS)
    yield CredentialSpec("REQ-7K3F9Q", name, "U0ALICE", ("limited-*",), held, datetime.now(UTC) + timedelta(hours=1))
    make_visible(each_node)
    cluster.remove([name])


def test_an_own_account_reads_within_the_limits_of_its_part_for_as_long_as_that_lives(
    filled: Node, cluster: ElasticsearchCluster
) -> None:
    accounts, person = cluster.accounts, new_person()
    limited = part(person, "limited-*", privileges=replace(READING, limits=LIMITS))
    other = part(person, "something-else")
    role = role_of(person, limited, other)
    accounts.write(role)
    make_visible(filled)
    (found,) = [each for page in accounts.found() for each in page if each.name == role.name]
    assert (found.by_hand, [each.privileges for each in found.parts]) == (
        False, [limited.privileges, other.privileges],
    )  # fmt: skip
    name = f"holder-{person}"
    filled.client().security.put_user(username=name, password=PASSWORD, roles=[role.name])
    with filled.client_of(name, PASSWORD) as reader:
        assert [set(each) - {"card"} for each in sources(reader.search(index=INDEX))] == [
            {"level", "amount", "@timestamp"}
        ] * 2
        (receipt,) = accounts.end([role_of(person, other)], ending(role, limited))
        assert receipt.complete
        assert reader.options(ignore_status=403).search(index=INDEX).meta.status == 403
    assert accounts.end([role_of(person)], ending(role, other))[0].complete


def test_two_entries_show_more_than_each_of_them(filled: Node, cluster: ElasticsearchCluster) -> None:
    """What `show_more_together` is for: no part shows the `ssn` of an error."""
    accounts, person = cluster.accounts, new_person()
    errors = part(person, "limited-*", privileges=replace(READING, limits=Limits(("amount",), (), ERRORS)))
    infos = replace(READING, limits=Limits(("amount", "ssn"), (), canonical({"term": {"level": "info"}})))
    role = role_of(person, errors, part(person, "limited-1", privileges=infos))
    accounts.write(role)
    name = f"holder-{person}"
    filled.client().security.put_user(username=name, password=PASSWORD, roles=[role.name])
    with filled.client_of(name, PASSWORD) as reader:
        found = sources(reader.search(index=INDEX))
        assert [(each["amount"], each.get("ssn")) for each in found] == [(1, "secret1"), (2, "secret2"), (3, "secret3")]
    assert accounts.end([role_of(person)], ending(role, *role.parts))[0].complete


@pytest.fixture(params=["password", "key"])
def given(request: pytest.FixtureRequest, filled: Node, cluster: ElasticsearchCluster, spec: CredentialSpec) -> Given:
    """Makes a credential of each kind with these limits, and returns a client that signs in with it."""

    def make(limits: Limits) -> Elasticsearch:
        wanted = replace(spec, privileges=replace(spec.privileges, limits=limits))
        client = filled.client()
        if request.param == "key":
            key = cluster.grant_key(wanted, SecretStr(PASSWORD))
            return client.options(api_key=key.secret.get_secret_value(), max_retries=0)
        cluster.create(wanted, SecretStr(PASSWORD))
        return client.options(basic_auth=(spec.username, PASSWORD), max_retries=0)

    return make


def sources(found: Any) -> list[dict[str, Any]]:
    return sorted((each["_source"] for each in found["hits"]["hits"]), key=lambda each: int(each["amount"]))


def test_a_hidden_field_is_in_no_hit_no_search_no_aggregation_and_no_mapping(given: Given) -> None:
    reader = given(Limits(hidden=("ssn", "card.*")))
    found = sources(reader.search(index=INDEX))
    assert [set(each) - {"card"} for each in found] == [{"level", "amount", "@timestamp"}] * 3
    assert all(each.get("card", {}) == {} for each in found)
    assert reader.search(index=INDEX, query={"match": {"ssn": "secret1"}})["hits"]["total"]["value"] == 0
    assert reader.search(index=INDEX, query={"term": {"ssn.keyword": "secret1"}})["hits"]["total"]["value"] == 0
    assert reader.search(index=INDEX, query={"term": {"card.number": "4111"}})["hits"]["total"]["value"] == 0
    for field in ("ssn.keyword", "card.number"):
        counted = reader.search(index=INDEX, size=0, aggs={"values": {"terms": {"field": field}}})
        assert counted["aggregations"]["values"]["buckets"] == []
    assert "ssn" not in json.dumps(reader.indices.get_mapping(index=INDEX).body)
    assert not {"ssn", "ssn.keyword", "card.number"} & set(reader.field_caps(index=INDEX, fields="*")["fields"])
    assert "ssn" not in reader.get(index=INDEX, id="0")["_source"]


def test_a_document_outside_the_query_is_not_found_counted_or_got(given: Given) -> None:
    reader = given(Limits(query=ERRORS))
    assert [each["amount"] for each in sources(reader.search(index=INDEX))] == [1, 2]
    assert reader.count(index=INDEX)["count"] == 2
    counted = reader.search(index=INDEX, size=0, aggs={"values": {"terms": {"field": "level"}}})
    assert [each["key"] for each in counted["aggregations"]["values"]["buckets"]] == ["error"]
    assert reader.options(ignore_status=404).get(index=INDEX, id="2")["found"] is False


def test_fields_and_documents_are_limited_together(given: Given) -> None:
    assert [set(each) - {"card"} for each in sources(given(LIMITS).search(index=INDEX))] == [
        {"level", "amount", "@timestamp"}
    ] * 2


def test_only_granted_fields_are_shown(given: Given) -> None:
    reader = given(Limits(("amount", "card.*"), ("card.number",)))
    assert [set(each) - {"card"} for each in sources(reader.search(index=INDEX))] == [{"amount"}] * 3
    assert reader.search(index=INDEX, query={"term": {"level": "error"}})["hits"]["total"]["value"] == 0


def test_the_last_day_is_shown_by_a_field_that_is_hidden_itself(given: Given) -> None:
    reader = given(Limits(hidden=("@timestamp",), query=since(datetime.now(UTC) - timedelta(days=1))))
    found = sources(reader.search(index=INDEX))
    assert [each["amount"] for each in found] == [1, 3]
    assert not any("@timestamp" in each for each in found)


QUERIES: list[dict[str, Any]] = [
    {"term": {"level": {"value": "ERROR", "case_insensitive": "true"}}},
    {"terms": {"level": ["error", "fatal"]}},
    {"range": {"amount": {"gte": "1", "lt": "3"}}},
    {"range": {"@timestamp": {"gt": "2026", "format": "yyyy", "time_zone": "+01:00"}}},
    {"match": {"ssn": {"query": "secret1 secret2", "operator": "or"}}},
    {"match_phrase": {"ssn": "secret1"}},
    {"prefix": {"level": "err"}},
    {"wildcard": {"level": "*r"}},
    {"exists": {"field": "ssn"}},
    {"bool": {"should": [{"term": {"level": "error"}}, {"term": {"level": "fatal"}}], "minimum_should_match": "1"}},
    {"bool": {"must": {"term": {"level": "error"}}, "must_not": [{"term": {"amount": "2"}}]}},
]


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: next(iter(query)))
def test_each_allowed_query_is_taken_by_the_cluster_and_kept(
    each_node: Node, connector: Elasticsearch, query: dict[str, Any]
) -> None:
    try_limits(connector, Limits(("l*", "amount"), ("level",), canonical(query)), datetime.now(UTC))
    make_visible(each_node)
    assert not [name for name in each_node.client().security.get_role() if name.startswith(CHECK_PREFIX)]


@pytest.mark.parametrize("by_key", [False, True], ids=["role", "key"])
def test_what_was_given_is_found_again_in_the_cluster(
    each_node: Node, connector: Elasticsearch, cluster: ElasticsearchCluster, spec: CredentialSpec, by_key: bool
) -> None:
    if by_key:
        cluster.grant_key(spec, SecretStr(PASSWORD))
    else:
        cluster.create(spec, SecretStr(PASSWORD))
    make_visible(each_node)
    pages = Inventory(connector, Installation("here"), spec.username).found()
    (found,) = [each for page in pages for each in page]
    assert found.privileges == spec.privileges


WHOLE = {"indices": [{"names": ["limited-*"], "privileges": ["read", "view_index_metadata"]}]}
DROPPED: dict[str, dict[str, Any]] = {
    "/_security/role/": {"role": WHOLE},
    "/_security/api_key": {"api_keys": [{"id": "k", "limited_by": [{"role": WHOLE}]}]},
}
"""What a cluster would answer that took a role or key and dropped its limits, by the path."""


@pytest.mark.parametrize("path", DROPPED)
def test_nothing_works_that_the_cluster_does_not_limit(
    proxy: FaultProxy, cluster: ElasticsearchCluster, spec: CredentialSpec, path: str
) -> None:
    answer = ProxyAnswer(200, json.dumps(DROPPED[path]).encode(), (PRODUCT, ("Content-Type", "application/json")))

    def hook(request: ProxyRequest, phase: Phase) -> Verdict:
        made = any(each.method == "PUT" and each.path.startswith("/_security/role/") for each in proxy.log)
        read = request.method == "GET" and request.path.startswith(path)
        return answer if made and read and phase == "before" else None

    proxy.hook = hook
    with pytest.raises(Unusable, match="did not keep the limits") as caught:
        cluster.grant_key(spec, SecretStr(PASSWORD))
    assert caught.value.fault is Fault.NOT_LIMITED
    proxy.hook = lambda _request, _phase: None


@pytest.mark.parametrize(("kind", "status"), [("basic", "active"), ("gold", "active"), ("platinum", "expired")])
@pytest.mark.parametrize("by_key", [False, True], ids=["password", "key"])
def test_a_licence_without_limits_gives_nothing(
    each_node: Node, proxy: FaultProxy, cluster: ElasticsearchCluster, spec: CredentialSpec,
    kind: str, status: str, by_key: bool,
) -> None:  # fmt: skip
    said = json.dumps({"license": {"type": kind, "status": status}}).encode()
    answer = ProxyAnswer(200, said, (PRODUCT, ("Content-Type", "application/json")))
    proxy.hook = lambda request, phase: answer if request.path == "/_license" and phase == "before" else None
    assert cluster.honours_limits() is False
    with pytest.raises(Unusable, match=f"the licence \\({kind}, {status}\\) has no field") as caught:
        (cluster.grant_key if by_key else cluster.create)(spec, SecretStr(PASSWORD))
    assert caught.value.fault is Fault.NOT_LIMITED
    assert spec.username not in each_node.client().security.get_role()
    assert not any(each.path.startswith("/_security/role") and each.method == "PUT" for each in proxy.log)


def test_the_licence_is_read_by_the_connector(connector: Elasticsearch, cluster: ElasticsearchCluster) -> None:
    assert read_licence(connector) == Licence("trial", "active")
    assert cluster.honours_limits()


def test_a_real_basic_licence_gives_nothing(node: Node, spec: CredentialSpec) -> None:
    wait_for_licence(node)
    username, password = node.connector()
    with (
        closing(connect(ClusterConnection(username, SecretStr(password), url=node.url))) as client,
        ThreadPoolExecutor(2) as threads,
    ):
        assert read_licence(client) == Licence("basic", "active")
        cluster = ElasticsearchCluster(client, threads, Installation("here"), SystemClock())
        with pytest.raises(Unusable, match=r"the licence \(basic, active\) has no field"):
            cluster.create(spec, SecretStr(PASSWORD))
        # Elasticsearch itself refuses the role as well, so a licence that ends between the two calls gives nothing.
        with pytest.raises(Refusal, match="Elasticsearch answered 403 security_exception"):
            try_limits(client, LIMITS, datetime.now(UTC))
        make_visible(node)
        assert cluster.remove([spec.username])[0].complete
