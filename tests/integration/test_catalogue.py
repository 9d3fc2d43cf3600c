"""The catalogue of a real node for the connector account: indices, data streams, aliases and templates.

The embedded node has no call to create a data stream, but it creates one when a document is written to a name that a
template reserves for data streams. It cannot delete it again, so these tests have nodes of their own.
"""

import json
import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from elasticsearch import Elasticsearch
from pydantic import SecretStr

from bot.access.clock import SystemClock
from bot.access.errors import Outage, Refusal
from bot.access.ports import Catalogue, Resource, Template
from bot.access.requests.preview import matched
from bot.cluster.catalogue.cluster_state import fields
from bot.cluster.catalogue.reader import CatalogueReader
from bot.cluster.client import ClusterConnection, connect
from bot.cluster.cluster import ElasticsearchCluster
from bot.cluster.ownership import Installation
from bot.sandbox.node import Node
from bot.sandbox.node.node import free_port
from tests.nodes import versions

RECORDINGS = Path(__file__).parent.parent / "fixtures"
"""Cluster states for the unit tests. With `ES_ACCESS_RECORD=1` they are written again."""

BARE: dict[str, Any] = {"settings": {"number_of_replicas": 0}}


def furnish(node: Node) -> None:
    """One resource for each case of the catalogue."""
    indices, cluster = node.client().indices, node.client().cluster
    cluster.put_component_template(name="owned.part", template={"mappings": {"_meta": {"owner": "@parts"}}})
    templates: dict[str, dict[str, Any]] = {
        "all.shop": {"index_patterns": ["shop-*"], "priority": 1, "meta": {"owner": "@shop"}},
        "shop.audit": {"index_patterns": ["shop-audit-*"], "priority": 2, "meta": {"about": "no owner"}},
        "mapped": {
            "index_patterns": ["mapped-*"],
            "meta": {"owner": "@not-this"},
            "template": {"mappings": {"_meta": {"owner": "@mapped"}}},
        },
        "of.parts": {"index_patterns": ["parts-*", ".parts-*"], "composed_of": ["owned.part"]},
        "web.streams": {"index_patterns": ["web-*"], "data_stream": {}, "meta": {"owner": "@web"}},
        "bare.streams": {"index_patterns": ["bare-*"], "data_stream": {}},
    }
    for name, body in templates.items():
        indices.put_index_template(name=name, **{**body, "template": {**BARE, **body.get("template", {})}})
    node.create_index("shop-orders.2026", owner="@orders", docs=[{"line": "one"}])
    for plain in ("shop-carts", "shop-audit-1", "unowned"):
        indices.create(index=plain, **BARE)
    indices.create(index="list", mappings={"_meta": {"owner": ["@a", "@b"]}}, **BARE)
    indices.create(index="closed", mappings={"_meta": {"owner": "U0CLOSED01"}}, **BARE)
    indices.close(index="closed")
    node.create_index(".system-like", owner="@nobody")
    for stream in ("web-access", "bare-metrics"):
        document = {"@timestamp": "2026-01-01T00:00:00Z", "line": "one"}
        node.client().index(index=stream, op_type="create", document=document, refresh=True)
    indices.rollover(alias="web-access")
    actions: list[dict[str, Any]] = [
        {"add": {"indices": ["shop-orders.2026", "shop-carts", "unowned"], "alias": "shop.all"}},
        {"add": {"indices": ["web-access", "bare-metrics"], "alias": "streams"}},
        {"add": {"index": ".system-like", "alias": "from-outside"}},
    ]
    indices.update_aliases(actions=actions)


@dataclass(frozen=True)
class Furnished:
    node: Node
    url: str
    client: Elasticsearch
    """The connector account's."""
    state: Mapping[str, Any]
    """The cluster's, filtered, before the tests changed anything."""

    def connection(self, url: str | None = None) -> ClusterConnection:
        username, password = self.node.connector()
        return ClusterConnection(username, SecretStr(password), url=url or self.url)


@pytest.fixture(scope="module", params=versions())
def furnished(request: pytest.FixtureRequest) -> Iterator[Furnished]:
    with Node.start(request.param) as node:
        furnish(node)
        username, password = node.connector()
        client = connect(ClusterConnection(username, SecretStr(password), url=node.url))
        yield Furnished(
            node, node.url, client, client.cluster.state(metric="metadata", filter_path=fields("owner")).body
        )
        client.close()


@pytest.fixture
def catalogue(furnished: Furnished) -> Iterator[Catalogue]:
    catalog = CatalogueReader(furnished.client, "owner")
    yield catalog.get()
    catalog.close()


def owners(catalogue: Catalogue) -> dict[str, tuple[str | None, ...]]:
    return {each.name: each.owners for each in catalogue.resources}


def named(catalogue: Catalogue, name: str) -> Resource:
    (found,) = [each for each in catalogue.resources if each.name == name]
    return found


def bytes_of(node: Node, index: str) -> int:
    """As an administrator sees it."""
    stats = node.client().indices.stats(index=index, metric="store", expand_wildcards="all")
    return int(stats["_all"]["total"]["store"]["size_in_bytes"])


# --- its content ---------------------------------------------------------------------------------------------------


def test_everything_is_listed_with_its_owner_and_no_system_or_backing_index(catalogue: Catalogue) -> None:
    assert owners(catalogue) == {
        ".security": (None,),
        ".system-like": ("@nobody",),
        "bare-metrics": (None,),
        "closed": ("U0CLOSED01",),
        "from-outside": ("@nobody",),
        "list": ('["@a", "@b"]',),
        "shop-audit-1": (None,),  # its template, of a higher priority than the one with an owner, has none
        "shop-carts": ("@shop",),
        "shop-orders.2026": ("@orders",),  # the mapping goes before the template
        "shop.all": ("@orders", "@shop", None),
        "streams": ("@web", None),
        "unowned": (None,),
        "web-access": ("@web",),
    }
    assert [each.name for each in catalogue.resources] == sorted(owners(catalogue))


def test_kinds_are_told_apart(catalogue: Catalogue) -> None:
    kinds = {each.name: each.kind for each in catalogue.resources if each.kind != "index"}
    assert kinds == {
        ".security": "alias",
        "bare-metrics": "data stream",
        "from-outside": "alias",
        "shop.all": "alias",
        "streams": "alias",
        "web-access": "data stream",
    }


def test_alias_names_what_it_points_to(catalogue: Catalogue) -> None:
    assert {each.name: each.targets for each in catalogue.resources if each.targets} == {
        ".security": (".security-7",),
        "from-outside": (".system-like",),
        "shop.all": ("shop-carts", "shop-orders.2026", "unowned"),
        "streams": ("bare-metrics", "web-access"),
    }


def test_what_is_created_later_has_the_owner_of_its_template(catalogue: Catalogue, furnished: Furnished) -> None:
    assert catalogue.templates == (
        Template("all.shop", ("shop-*",), "@shop"),
        Template("mapped", ("mapped-*",), "@mapped"),
        Template("of.parts", ("parts-*", ".parts-*"), "@parts"),
        Template("web.streams", ("web-*",), "@web"),
    )
    catalog = CatalogueReader(furnished.client, "owner")
    for template in catalogue.templates:
        later = template.patterns[0].replace("*", "later")
        furnished.node.client().index(
            index=later, op_type="create", document={"@timestamp": "2026-01-01"}, refresh=True
        )
        assert named(catalog.read(), later).owners == (template.owner,)
    catalog.close()


def test_index_is_as_large_as_the_cluster_says(furnished: Furnished, catalogue: Catalogue) -> None:
    orders = named(catalogue, "shop-orders.2026")
    assert orders.size == bytes_of(furnished.node, "shop-orders.2026") > 0


def test_data_stream_is_as_large_as_all_its_backing_indices(furnished: Furnished, catalogue: Catalogue) -> None:
    stream = named(catalogue, "web-access")
    backing = furnished.node.client().indices.stats(index="web-access", metric="store")["indices"]
    assert len(backing) == 2
    assert stream.size == sum(bytes_of(furnished.node, name) for name in backing) > 0


def test_without_a_key_nothing_has_an_owner(furnished: Furnished) -> None:
    catalog = CatalogueReader(furnished.client)
    found = catalog.get()
    catalog.close()
    assert set(owners(found).values()) == {(None,)}
    assert found.templates == ()


@pytest.mark.parametrize("key", ["team.owner", "own*"])
def test_key_that_looks_like_a_path_is_taken_by_its_letters(furnished: Furnished, key: str) -> None:
    node, name = furnished.node, f"odd-key-{len(key)}"
    meta = {key: "@dotted", "owner": "@not-this", "team": {"owner": "@nor-this"}}
    node.client().indices.create(index=name, mappings={"_meta": meta}, **BARE)
    catalog = CatalogueReader(furnished.client, key)
    found = catalog.get()
    catalog.close()
    node.client().indices.delete(index=name)
    assert named(found, name).owners == ("@dotted",)


def test_nothing_of_a_mapping_is_read_but_the_owner(furnished: Furnished) -> None:
    assert furnished.state["metadata"]["indices"]["shop-orders.2026"] == {
        "aliases": ["shop.all"],
        "mappings": {"_doc": {"_meta": {"owner": "@orders"}}},
        "system": False,
    }


def test_recording_of_the_unit_tests_is_what_this_version_says(furnished: Furnished) -> None:
    recording = RECORDINGS / f"cluster-state-{furnished.node.version}.json"
    said = re.sub(r"-\d{4}\.\d\d\.\d\d-", "-2026.01.31-", json.dumps(furnished.state, indent=1, sort_keys=True)) + "\n"
    if "ES_ACCESS_RECORD" in os.environ:
        recording.write_text(said)
    assert json.loads(recording.read_text()) == json.loads(said)


# --- the cluster of the domain --------------------------------------------------------------------------------------


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as threads:
        yield threads


def test_new_index_is_seen_by_who_asks_for_fresh_after_two_seconds(furnished: Furnished) -> None:
    now = [0.0]
    catalog = CatalogueReader(furnished.client, "owner", lambda: now[0])
    assert "came-later" not in owners(catalog.get())
    furnished.node.create_index("came-later", owner="@late")
    now[0] = 3
    assert "came-later" not in owners(catalog.get())
    assert owners(catalog.get(fresh=True))["came-later"] == ("@late",)
    furnished.node.client().indices.delete(index="came-later")
    catalog.close()


def test_closed_cluster_leaves_no_thread(furnished: Furnished, executor: ThreadPoolExecutor) -> None:
    before = set(threading.enumerate())
    cluster = ElasticsearchCluster(
        connect(furnished.connection()), executor, Installation("here"), SystemClock(), "owner"
    )
    assert cluster.catalogue().resources
    assert any(each.name.startswith("catalogue") for each in threading.enumerate())
    cluster.close()
    assert set(threading.enumerate()) <= before


def test_outage_is_bridged_for_ten_minutes_and_then_said(furnished: Furnished) -> None:
    now = [0.0]
    catalog = CatalogueReader(furnished.client, "owner", lambda: now[0])
    known = catalog.get()
    with connect(furnished.connection(f"http://127.0.0.1:{free_port()}")) as nobody:
        catalog._client = nobody
        for now[0] in (61.0, 300.0, 599.0):
            assert catalog.get() is known
        with pytest.raises(Outage):
            catalog.get(fresh=True)
        now[0] = 601
        with pytest.raises(Outage, match="does not answer"):
            catalog.get()
    catalog.close()


@pytest.fixture
def without_rights(furnished: Furnished) -> Iterator[ClusterConnection]:
    security = furnished.node.client().security
    security.put_user(username="nobody", password="nobody-password", roles=[])
    yield ClusterConnection("nobody", SecretStr("nobody-password"), url=furnished.url)
    security.delete_user(username="nobody")


def test_account_without_rights_is_a_refusal(without_rights: ClusterConnection) -> None:
    with connect(without_rights) as client:
        catalog = CatalogueReader(client, "owner")
        with pytest.raises(Refusal, match="403"):
            catalog.get()
        catalog.close()


def test_many_at_once_cause_one_reading(furnished: Furnished) -> None:
    catalog = CatalogueReader(furnished.client, "owner")
    with ThreadPoolExecutor(16) as people:
        asked = [people.submit(catalog.get) for _ in range(16)]
        found = [each.result() for each in asked]
    catalog.close()
    assert all(each is found[0] for each in found)


# --- a fresh look ---------------------------------------------------------------------------------------------------


@pytest.fixture
def reader(furnished: Furnished) -> Iterator[CatalogueReader]:
    reader = CatalogueReader(furnished.client, "owner")
    yield reader
    reader.close()


@pytest.mark.parametrize(
    "patterns",
    [
        ["shop-*"], ["shop-carts"], ["shop.all"], ["streams"], ["str*"], ["web-*"], ["web-access", "streams"],
        ["from-outside"], ["closed"], ["list", "unowned"], ["*"], ["*-access"], ["bare-metrics", "web-*", "str*"],
        ["shop-*", *(f"{'x' * 240}-{number}-*" for number in range(15)), "*"],
    ],
)  # fmt: skip
def test_a_look_finds_what_a_whole_reading_finds_under_the_patterns(
    reader: CatalogueReader, patterns: list[str]
) -> None:
    found, whole = reader.look(patterns), reader.read()
    assert matched(patterns, found) == matched(patterns, whole)
    assert found.templates == whole.templates
    same = reader.look(patterns)
    assert same.resources is whole.resources
    assert same.whole


def test_a_look_at_an_unchanged_cluster_is_one_small_call_and_has_its_own_time(
    furnished: Furnished, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = iter(datetime(2026, 1, 1, 12, minute, tzinfo=UTC) for minute in range(60))
    reader = CatalogueReader(furnished.client, "owner", now=lambda: next(times))
    whole, asked = reader.read(), []
    state = furnished.client.cluster.state

    def ask(**arguments: Any) -> Any:
        asked.append(arguments["metric"])
        return state(**arguments)

    monkeypatch.setattr(furnished.client.cluster, "state", ask)
    found = reader.look(["shop-*", "web-*"])
    reader.close()
    assert found == replace(whole, read_at=datetime(2026, 1, 1, 12, 1, tzinfo=UTC))
    assert asked == ["version"]


def turned(catalogue: Catalogue) -> tuple[object, ...]:
    """Everything but the sizes, which a look does not read."""
    return [replace(each, size=0) for each in matched(["turn-*"], catalogue)], catalogue.templates


CHANGES: Mapping[str, Callable[[Elasticsearch], object]] = {
    "an owner": lambda client: client.indices.put_mapping(index="turn-1", meta={"owner": "@other"}),
    "an alias": lambda client: client.indices.put_alias(index="turn-1", name="turn-alias"),
    "a new index": lambda client: client.indices.create(index="turn-2", settings={"number_of_replicas": 0}),
    "a deleted index": lambda client: client.indices.delete(index="turn-1"),
    "a template": lambda client: client.indices.put_index_template(
        name="turned", index_patterns=["turn-*"], meta={"owner": "@turned"}, priority=8
    ),
    "a legacy template": lambda client: client.indices.put_template(
        name="turned", index_patterns=["turn-1*"], mappings={"_meta": {"owner": "@turned"}}
    ),
    "a component": lambda client: client.cluster.put_component_template(
        name="turn-part", template={"mappings": {"_meta": {"owner": "@part-2"}}}
    ),
}


@pytest.fixture
def turning(furnished: Furnished) -> Iterator[Elasticsearch]:
    client = furnished.node.client()
    part = {"mappings": {"_meta": {"owner": "@part-1"}}}
    client.cluster.put_component_template(name="turn-part", template=part)
    client.indices.put_index_template(
        name="turn-parts", index_patterns=["turn-p*"], composed_of=["turn-part"], priority=7
    )
    client.indices.create(index="turn-1", settings={"number_of_replicas": 0}, mappings={"_meta": {"owner": "@one"}})
    client.indices.create(index="turn-p", settings={"number_of_replicas": 0})
    yield client
    client.indices.delete(index="turn-1,turn-2,turn-p", ignore_unavailable=True)
    for name in ("turned", "turn-parts"):
        client.options(ignore_status=404).indices.delete_index_template(name=name)
    client.options(ignore_status=404).indices.delete_template(name="turned")
    client.cluster.delete_component_template(name="turn-part")


@pytest.mark.parametrize("change", CHANGES)
def test_a_look_sees_each_change_right_after_a_whole_reading(
    turning: Elasticsearch, reader: CatalogueReader, change: str
) -> None:
    client = turning
    client.cluster.health(wait_for_events="languid")
    before = reader.read()
    CHANGES[change](client)
    found, after = reader.look(["turn-*"]), reader.read()
    assert turned(found) == turned(after) != turned(before)


def test_a_look_sees_at_once_what_the_kept_catalogue_does_not(furnished: Furnished, reader: CatalogueReader) -> None:
    indices = furnished.node.client().indices
    reader.get()
    furnished.node.create_index("look-1", owner="@late")
    indices.put_index_template(name="looked", index_patterns=["look-*"], meta={"owner": "@later"}, priority=7)
    indices.put_alias(index="look-1", name="look-alias")
    try:
        assert "look-1" not in owners(reader.get())
        found = reader.look(["look-*"])
        assert owners(found) == {"look-1": ("@late",), "look-alias": ("@late",)}
        assert Template("looked", ("look-*",), "@later") in found.templates
        indices.update_aliases(
            actions=[
                {"remove": {"index": "look-1", "alias": "look-alias"}},
                {"add": {"index": "unowned", "alias": "look-alias"}},
            ]
        )
        assert named(reader.look(["look-alias"]), "look-alias").targets == ("unowned",)
    finally:
        indices.delete(index="look-1")
        indices.delete_alias(index="unowned", name="look-alias")
        indices.delete_index_template(name="looked")


def test_a_look_sees_what_is_hidden(furnished: Furnished, reader: CatalogueReader) -> None:
    indices = furnished.node.client().indices
    indices.create(index="hush-1", settings={"index.hidden": True, "number_of_replicas": 0})
    indices.update_aliases(actions=[{"add": {"index": "unowned", "alias": "hush-alias", "is_hidden": True}}])
    try:
        found, whole = reader.look(["hush-*"]), reader.read()
        assert [each.name for each in matched(["hush-*"], found)] == ["hush-1", "hush-alias"]
        assert matched(["hush-*"], found) == matched(["hush-*"], whole)
    finally:
        indices.delete(index="hush-1")
        indices.delete_alias(index="unowned", name="hush-alias")


def test_a_look_has_the_sizes_before_anything_else_was_read(reader: CatalogueReader) -> None:
    assert named(reader.look(["shop-orders.2026"]), "shop-orders.2026").size > 0
    assert named(reader.look(["closed"]), "closed").size == 0


def test_a_name_that_does_not_exist_is_looked_for_in_the_whole_cluster(reader: CatalogueReader) -> None:
    assert "shop-carts" in owners(reader.look(["shop-gone"]))


def test_a_look_during_an_outage_is_no_old_answer(furnished: Furnished, reader: CatalogueReader) -> None:
    reader.get()
    with connect(furnished.connection(f"http://127.0.0.1:{free_port()}")) as nobody:
        reader._client = nobody
        with pytest.raises(Outage):
            reader.look(["shop-*"])
