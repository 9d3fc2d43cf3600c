"""The role of a grant on a real node of each version: its privileges, and the indices that it reaches."""

import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from elasticsearch import AuthorizationException, Elasticsearch
from pydantic import SecretStr

from bot.access.clock import SystemClock
from bot.access.errors import Refusal
from bot.access.models.receipts import Receipt
from bot.access.ownership.aliases import withheld_aliases
from bot.access.policy.model import Permission
from bot.access.policy.patterns import matcher
from bot.access.ports import CredentialSpec, Privileges
from bot.cluster.client import ClusterConnection, connect
from bot.cluster.cluster import ElasticsearchCluster
from bot.cluster.ownership import Installation
from bot.cluster.roles import names_and_privileges, role_body
from bot.sandbox.node import Node
from tests.nodes import versions

RoleOf = Callable[[Privileges], dict[str, Any]]


def removed(cluster: ElasticsearchCluster, username: str) -> Receipt:
    """Removes that user and returns the receipt."""
    (receipt,) = cluster.remove([username])
    return receipt


@pytest.fixture
def role_of(each_node: Node) -> Iterator[RoleOf]:
    """Makes a grant with those privileges as the connector account, and reads its role as an administrator."""
    username, password = each_node.connector()
    name = f"es-access-{secrets.token_hex(4)}"
    with ThreadPoolExecutor(2) as executor:
        client = connect(ClusterConnection(username, SecretStr(password), url=each_node.url))
        cluster = ElasticsearchCluster(client, executor, Installation("here"), SystemClock())

        def make(privileges: Privileges) -> dict[str, Any]:
            until = datetime(2030, 1, 1, tzinfo=UTC)
            spec = CredentialSpec("GRT-7K3F9Q", name, "U0ALICE", ("logs-*", "web"), privileges, until)
            cluster.create(spec, SecretStr(secrets.token_urlsafe(24)))
            role: dict[str, Any] = each_node.client().security.get_role(name=name)[name]
            return role

        yield make
        assert removed(cluster, name).complete
        cluster.close()


def test_role_with_kibana_opens_its_features_in_the_spaces_named_and_nothing_else(role_of: RoleOf) -> None:
    features = ("feature_discover.read", "feature_dashboard.read")
    role = role_of(Privileges(("read", "view_index_metadata"), features, ("default", "ops")))
    (application,) = role["applications"]
    assert application["application"] == "kibana-.kibana"
    assert sorted(application["privileges"]) == sorted(features)
    assert sorted(application["resources"]) == ["space:default", "space:ops"]
    assert role["cluster"] == role["run_as"] == []


def test_role_without_kibana_holds_its_index_privileges_alone(role_of: RoleOf) -> None:
    role = role_of(Privileges(("read",)))
    assert role["indices"] == [{"names": ["logs-*", "web"], "privileges": ["read"], "allow_restricted_indices": False}]
    assert role["applications"] == role["cluster"] == role["run_as"] == []


@pytest.mark.parametrize(
    "given",
    [
        Privileges(("read",), monitor=True),
        Privileges(("read", "monitor"), monitor=True),
        Privileges(("read",), cluster=("monitor",)),
        Privileges(("read", "monitor"), cluster=("manage_ilm", "monitor")),
    ],
    ids=["shown", "shown twice", "dangerous", "more"],
)
def test_a_role_that_shows_the_state_of_the_cluster_is_read_back_as_what_it_gives(
    role_of: RoleOf, given: Privileges
) -> None:
    role = role_of(given)
    assert "monitor" in role["cluster"]
    names, held = names_and_privileges([role])
    assert names == ("logs-*", "web")
    wanted, found = (Permission.restored("x", asdict(each)) for each in (given, held))
    assert wanted.includes(found)
    assert found.includes(wanted)


# --- its reach ------------------------------------------------------------------------------------------------------


HIDDEN = (".pay-hidden", ".a")

REACHED = {
    "*": {"pay-hidden", "a", "lo-x", "logs-x"},
    "*-hidden": {"pay-hidden"},
    "*a*": {"pay-hidden", "a", "logs-x"},  # the last by its alias
    "*a": {"a"},
    "*-x": {"lo-x", "logs-x", "a"},  # the last by its alias
    "*ogs-*": {"logs-x"},
    "lo*": {"lo-x", "logs-x"},
    "*alias-x": {"a", "logs-x"},  # both by their aliases
}
"""The indices with a document that a grant of that pattern finds."""


@pytest.fixture(scope="module", params=versions())
def furnished(request: pytest.FixtureRequest) -> Iterator[Node]:
    """A node of these tests' own, since the embedded one cannot delete its data stream."""
    with Node.start(request.param) as node:
        indices = node.client().indices
        indices.put_index_template(
            name="streams", index_patterns=["logs-*"], data_stream={}, template={"settings": {"number_of_replicas": 0}}
        )
        for name in ("pay-hidden", "a", "lo-x", *HIDDEN):
            node.create_index(name, docs=[{"line": name}])
        for name in HIDDEN:
            indices.put_settings(index=name, settings={"index.hidden": True})
        for _ in range(2):
            document = {"@timestamp": "2026-01-01T00:00:00Z"}
            node.client().index(index="logs-x", op_type="create", document=document, refresh=True)
            indices.rollover(alias="logs-x")
        aliases = {"index-alias-x": "a", "stream-alias-x": "logs-x"}
        indices.update_aliases(actions=[{"add": {"index": at, "alias": name}} for name, at in aliases.items()])
        yield node


@pytest.fixture
def granted(furnished: Node, request: pytest.FixtureRequest) -> Iterator[Elasticsearch]:
    """A client of a user who was granted the pattern of the parameter."""
    username, password = furnished.connector()
    name, secret = f"es-access-{secrets.token_hex(4)}", secrets.token_urlsafe(24)
    until, privileges = datetime(2030, 1, 1, tzinfo=UTC), Privileges(("read", "view_index_metadata"))
    with ThreadPoolExecutor(2) as executor:
        client = connect(ClusterConnection(username, SecretStr(password), url=furnished.url))
        with closing(ElasticsearchCluster(client, executor, Installation("here"), SystemClock())) as cluster:
            spec = CredentialSpec("GRT-7K3F9Q", name, "U0ALICE", (request.param,), privileges, until)
            cluster.create(spec, SecretStr(secret))
            with furnished.client_of(name, secret) as person:
                yield person
            assert removed(cluster, name).complete


def backing(node: Node) -> set[str]:
    return set(node.client().indices.get(index="logs-x", expand_wildcards="all"))


def found(person: Elasticsearch, index: str) -> set[str]:
    """The indices of the documents that a search finds, hidden ones too; a backing index counts as its stream."""
    hits = person.search(index=index, size=1000, expand_wildcards=["open", "hidden"])["hits"]["hits"]
    return {"logs-x" if hit["_index"].startswith(".ds-logs-x-") else hit["_index"] for hit in hits}


@pytest.mark.parametrize(("granted", "reached"), REACHED.items(), indirect=["granted"])
def test_wildcard_finds_what_it_covers_and_nothing_that_is_hidden(granted: Elasticsearch, reached: set[str]) -> None:
    for everything in ("*", "_all", "*,.*"):
        assert found(granted, everything) == reached


@pytest.mark.parametrize("granted", REACHED, indirect=True)
def test_hidden_index_is_refused_by_its_name(granted: Elasticsearch) -> None:
    for name in HIDDEN:
        with pytest.raises(AuthorizationException):
            granted.search(index=name)
    assert found(granted, ".pay*") == set()


@pytest.mark.parametrize("granted", ["*", "*-x", "*ogs-*", "lo*"], indirect=True)
def test_data_stream_is_read_with_all_that_is_behind_it(furnished: Node, granted: Elasticsearch) -> None:
    assert granted.count(index="logs-x")["count"] == 2
    assert set(granted.indices.get(index="logs-x")) == backing(furnished)
    assert len(backing(furnished)) == 3
    for name in backing(furnished):
        assert found(granted, name) <= {"logs-x"}


@pytest.mark.parametrize("granted", ["*", "*-x", "*alias-x"], indirect=True)
def test_alias_opens_what_it_points_to(granted: Elasticsearch) -> None:
    assert found(granted, "index-alias-x") == {"a"}
    assert found(granted, "stream-alias-x") == {"logs-x"}


HIDING = ("hides", "a-hides", "a(hides)", "hides.all", "a.b+hides", "hides-é")
"""Aliases of a hidden index."""


@pytest.fixture
def hiding(furnished: Node) -> Iterator[None]:
    actions = [{"add": {"index": ".pay-hidden", "alias": name}} for name in HIDING]
    furnished.client().indices.update_aliases(actions=actions)
    yield
    furnished.client().indices.update_aliases(
        actions=[{"remove": {"index": ".pay-hidden", "alias": name}} for name in HIDING]
    )


@pytest.mark.parametrize("pattern", ["*", "a*", "*a*", "hides*", "*.*", "*é", "a,hides-*"])
@pytest.mark.usefixtures("hiding")
def test_role_leaves_out_the_aliases_of_hidden_indices_and_nothing_else(furnished: Node, pattern: str) -> None:
    patterns = tuple(pattern.split(","))
    name, secret = f"es-access-{secrets.token_hex(4)}", secrets.token_urlsafe(24)
    others = ("hides-not", "a-hide", "hides.al", "xa(hides)", "a-hides-", "hidesé")
    with ThreadPoolExecutor(2) as executor:
        username, password = furnished.connector()
        client = connect(ClusterConnection(username, SecretStr(password), url=furnished.url))
        with closing(ElasticsearchCluster(client, executor, Installation("here"), SystemClock())) as cluster:
            withheld = withheld_aliases(patterns, cluster.look(("*",)))
            assert set(withheld) == set(filter(matcher(patterns), HIDING))
            until = datetime(2030, 1, 1, tzinfo=UTC)
            spec = CredentialSpec("GRT-7K3F9Q", name, "U0ALICE", patterns, Privileges(("read",)), until)
            cluster.create(spec, SecretStr(secret))
            with furnished.client_of(name, secret) as person:
                assert hits(person) >= {".pay-hidden"}
                cluster.narrow(replace(spec, withheld=withheld))
                assert ".pay-hidden" not in hits(person)
                for alias in HIDING:
                    with pytest.raises(AuthorizationException):
                        person.search(index=alias)
                asked = [{"names": [*others, *HIDING], "privileges": ["read"]}]
                answer = person.security.has_privileges(index=asked)["index"]
                assert {each for each, held in answer.items() if held["read"]} == set(filter(matcher(patterns), others))
            assert removed(cluster, name).complete


def hits(person: Elasticsearch) -> set[str]:
    found = person.search(index="*", size=1000, expand_wildcards=["open", "hidden"])["hits"]["hits"]
    return {hit["_index"] for hit in found}


def test_role_of_nothing_but_an_alias_of_a_hidden_index_is_refused() -> None:
    until = datetime(2030, 1, 1, tzinfo=UTC)
    spec = CredentialSpec("GRT-7K3F9Q", "u", "U0ALICE", ("hides",), Privileges(("read",)), until, ("hides",))
    with pytest.raises(Refusal, match="the alias hides leads to hidden or excluded data"):
        role_body(spec)


NAMES = (
    "a", "ba", "ab", ".a", "x.log", "log", ".log", "a.log", "xlog", "a.b", "axb", "a.bc", ".a.b", "a+b", "aab", "x@y",
    "zx@yz", "(a)", "b", "[a]{1}", "a&b~c^d", "x-1", "1", "é", "aé", ".é", "$", "a$", "x_d", "d", "w", "_d", "abc",
    "a1b2c", ".abc", "5", "..a", "a.", "'", "b'",
)  # fmt: skip


@pytest.mark.parametrize(
    "granted",
    ["*", "*a", "*a*", "*.log", "*.*", "*a.b*", "*a+b", "*x@y*", "*(a)", "*[a]{1}", "*a&b~c^d", "*-1", "*é*", "*$",
     "*_d*", "*w", "*a*b*c", "*5", "*'"],
    indirect=True,
)  # fmt: skip
def test_role_covers_the_names_that_the_preview_counts(granted: Elasticsearch, request: pytest.FixtureRequest) -> None:
    pattern = request.node.callspec.params["granted"]
    answer = granted.security.has_privileges(index=[{"names": NAMES, "privileges": ["read"]}])
    covered = {name for name, held in answer["index"].items() if held["read"]}
    assert covered == set(filter(matcher([pattern]), NAMES))
    assert covered
