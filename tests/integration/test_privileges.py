"""Index privileges on each node: which exist, what each lets its holder do, and which others it includes."""

from collections.abc import Callable, Iterator, Mapping

import pytest
from elasticsearch import AuthorizationException, Elasticsearch

from bot.access.policy.privileges import EFFECTS, Effect, effects_of, includes
from bot.config.access_yaml.model import INDEX_PRIVILEGES
from bot.sandbox.node import Node

INDEX = "measured-1"
NEW_INDEX = "measured-2"
VALUE = "only-a-reader-knows"
PASSWORD = "for-one-test-alone"

BEYOND_THIS_NODE = {
    "auto_configure", "create_dataset", "create_view", "cross_cluster_replication",
    "cross_cluster_replication_internal", "delete_dataset", "delete_view", "manage_data_stream_lifecycle",
    "manage_dataset", "manage_failure_store", "manage_ilm", "manage_leader_index", "manage_view", "read_cross_cluster",
    "read_failure_store",
}  # fmt: skip
"""Privileges whose effects the test cannot show: they need remote clusters, failure stores, ILM or ES|QL."""

INCLUDED_IN_NEWER_VERSIONS = {("read", "read_cross_cluster")}

Call = Callable[[Elasticsearch], object]

EXPLAIN = {"query": {"prefix": {"value": {"value": "only", "rewrite": "scoring_boolean"}}}}

CALLS: Mapping[Effect, tuple[Call, ...]] = {
    Effect.READS: (
        lambda holder: holder.search(index=INDEX),
        lambda holder: holder.get(index=INDEX, id="1"),
        lambda holder: holder.update(index=INDEX, id="1", doc={}, source=True),
        lambda holder: holder.indices.validate_query(index=INDEX, body=EXPLAIN, explain=True, rewrite=True),
    ),
    Effect.WRITES: (
        lambda holder: holder.create(index=INDEX, id="2", document={"value": "new"}),
        lambda holder: holder.index(index=INDEX, id="1", document={"value": "changed"}),
        lambda holder: holder.delete(index=INDEX, id="1"),
        lambda holder: holder.indices.delete(index=INDEX),
    ),
    Effect.MANAGES: (
        lambda holder: holder.indices.put_settings(index=INDEX, settings={"refresh_interval": "5s"}),
        lambda holder: holder.indices.create(index=NEW_INDEX, wait_for_active_shards=0),
        lambda holder: holder.indices.refresh(index=INDEX),
        lambda holder: holder.indices.close(index=INDEX, wait_for_active_shards=0),
        lambda holder: holder.indices.delete(index=INDEX),
    ),
}


@pytest.fixture
def admin(each_node: Node) -> Iterator[Elasticsearch]:
    client = each_node.client()
    client.security.put_user(username="measured", password=PASSWORD, roles=["measured"])
    yield client
    client.security.delete_user(username="measured")
    client.options(ignore_status=404).security.delete_role(name="measured")
    client.options(ignore_status=404).indices.delete(index=[INDEX, NEW_INDEX], ignore_unavailable=True)


@pytest.fixture
def built_in(admin: Elasticsearch) -> list[str]:
    names: list[str] = admin.security.get_builtin_privileges().body["index"]
    return names


def _holder(admin: Elasticsearch, privilege: str) -> Elasticsearch:
    admin.security.put_role(name="measured", indices=[{"names": ["measured-*"], "privileges": [privilege]}])
    return admin.options(basic_auth=("measured", PASSWORD), max_retries=0)


def _make_index(admin: Elasticsearch) -> None:
    admin.indices.delete(index=[INDEX, NEW_INDEX], ignore_unavailable=True)
    admin.indices.create(index=INDEX, mappings={"properties": {"value": {"type": "keyword"}}})
    admin.index(index=INDEX, id="1", document={"value": VALUE}, refresh=True)


def _is_allowed(call: Call, effect: Effect, holder: Elasticsearch) -> bool:
    try:
        answer = call(holder)
    except AuthorizationException:
        return False
    return effect is not Effect.READS or VALUE in str(answer)


def _measure_effects(admin: Elasticsearch, privilege: str) -> set[Effect]:
    holder = _holder(admin, privilege)
    measured = set()
    for effect, calls in CALLS.items():
        # A call that is refused leaves the index as it is.
        if any(_is_allowed(call, effect, holder) for call in calls):
            measured.add(effect)
            _make_index(admin)
    return measured


def test_each_node_knows_every_privilege_that_may_be_named(built_in: list[str]) -> None:
    assert set(INDEX_PRIVILEGES) <= set(built_in)


def test_every_privilege_of_each_node_has_an_entry(built_in: list[str]) -> None:
    assert set(built_in) <= set(EFFECTS)


def test_the_effects_are_those_that_each_node_allows(admin: Elasticsearch, built_in: list[str]) -> None:
    _make_index(admin)
    for privilege in built_in:
        measured = _measure_effects(admin, privilege)
        if privilege in BEYOND_THIS_NODE:
            assert measured <= effects_of([privilege]), privilege
        else:
            assert measured == effects_of([privilege]), privilege


def test_a_privilege_includes_what_each_node_says(admin: Elasticsearch, built_in: list[str]) -> None:
    # The node answers for the failure store's privileges as if they held for the index itself.
    compared = [each for each in built_in if not each.endswith("_failure_store") and each != "none"]
    for wide in compared:
        asked = [{"names": [INDEX], "privileges": compared}]
        has = _holder(admin, wide).security.has_privileges(index=asked).body["index"][INDEX]
        included = {narrow for narrow in compared if includes([wide], [narrow])}
        newer = {narrow for pair, narrow in INCLUDED_IN_NEWER_VERSIONS if pair == wide}
        assert included | newer == {narrow for narrow in compared if has[narrow]} | newer, wide
