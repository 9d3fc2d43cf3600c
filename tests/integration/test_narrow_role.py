"""A temporary role has no privileges besides indices, on a node of each version, unless it was granted as dangerous."""

import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from elasticsearch import AuthorizationException, Elasticsearch
from pydantic import SecretStr

from bot.access.clock import SystemClock
from bot.access.policy.model import PERMISSIONS, Permission
from bot.access.ports import CredentialSpec, Privileges
from bot.cluster.client import ClusterConnection, connect
from bot.cluster.cluster import ElasticsearchCluster
from bot.cluster.ownership import Installation
from bot.config.access_yaml.model import CLUSTER_PRIVILEGES
from bot.sandbox.node import Node

Person = Callable[[Permission], Elasticsearch]


@pytest.fixture
def cluster(each_node: Node) -> Iterator[ElasticsearchCluster]:
    """A node of each version, as the connector account."""
    username, password = each_node.connector()
    with ThreadPoolExecutor(2) as executor:
        client = connect(ClusterConnection(username, SecretStr(password), url=each_node.url))
        with closing(ElasticsearchCluster(client, executor, Installation("TEST:APP"), SystemClock())) as cluster:
            yield cluster


def spec(permission: Permission, *, seconds: float = 3600) -> CredentialSpec:
    held: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in permission.stored().items()
    }
    until = datetime.now(UTC) + timedelta(seconds=seconds)
    name = f"es-access-{secrets.token_hex(4)}"
    return CredentialSpec("REQ-7K3F9Q", name, "U0ALICE", ("*",), Privileges(**held), until)


@pytest.fixture
def person(cluster: ElasticsearchCluster, each_node: Node) -> Iterator[Person]:
    """Grants that permission on everything, and returns the user's client."""
    made: list[str] = []
    clients: list[Elasticsearch] = []

    def give(permission: Permission) -> Elasticsearch:
        wanted, password = spec(permission), secrets.token_urlsafe(24)
        made.append(wanted.username)
        cluster.create(wanted, SecretStr(password))
        clients.append(each_node.client_of(wanted.username, password))
        return clients[-1]

    yield give
    for each in clients:
        each.close()
    assert all(receipt.complete for receipt in cluster.remove(made))


@pytest.mark.parametrize("permission", PERMISSIONS, ids=lambda each: each.name)
def test_an_ordinary_role_has_no_cluster_privilege_no_run_as_and_no_system_index(
    person: Person, permission: Permission
) -> None:
    client = person(permission)
    held = client.security.has_privileges(
        cluster=list(CLUSTER_PRIVILEGES),
        index=[{"names": [".security-7", ".kibana_1"], "privileges": ["read"], "allow_restricted_indices": True}],
    )
    # A user who may create an index can list their own privileges: that is no privilege on the cluster.
    assert [name for name, has in held["cluster"].items() if has] == []
    assert not any(index["read"] for index in held["index"].values())
    with pytest.raises(AuthorizationException):
        client.options(headers={"es-security-runas-user": "elastic"}).security.authenticate()
    refusals: tuple[Callable[[], object], ...] = (
        client.cluster.health,
        lambda: client.security.create_api_key(name="mine"),
        lambda: client.security.put_user(username="mine", password="password", roles=["superuser"]),
        lambda: client.security.grant_api_key(
            grant_type="password", username="x", password="password", api_key={"name": "x"}
        ),
    )  # fmt: skip
    for refused in refusals:
        with pytest.raises(AuthorizationException):
            refused()


def test_a_dangerous_role_holds_what_it_says(person: Person) -> None:
    client = person(
        Permission(
            name="x", indices=("read",), cluster=("monitor",), run_as=("kibana_system",), restricted_indices=True
        )
    )
    held = client.security.has_privileges(
        cluster=list(CLUSTER_PRIVILEGES),
        index=[
            {"names": [".security-7", ".hidden"], "privileges": ["read", "write"], "allow_restricted_indices": True}
        ],
    )
    assert held["cluster"]["monitor"]
    assert not held["cluster"]["manage"]
    assert all(index == {"read": True, "write": False} for index in held["index"].values())
    acting = client.options(headers={"es-security-runas-user": "kibana_system"}).security.authenticate()
    assert acting["username"] == "kibana_system"


def test_each_node_knows_every_cluster_privilege_that_may_be_named(each_node: Node) -> None:
    known = each_node.client().security.get_builtin_privileges().body["cluster"]
    assert set(CLUSTER_PRIVILEGES) <= set(known)


def test_a_key_has_the_rights_of_its_role_and_cannot_make_another(
    cluster: ElasticsearchCluster, each_node: Node
) -> None:
    wanted = spec(PERMISSIONS[0])
    credential = cluster.grant_key(wanted, SecretStr(secrets.token_urlsafe(24)))
    with closing(Elasticsearch(each_node.url, api_key=credential.secret.get_secret_value())) as client:
        held = client.security.has_privileges(cluster=list(CLUSTER_PRIVILEGES))
        # A key may read and end itself, and no more (making one needs `manage_own_api_key`).
        assert [name for name, has in held["cluster"].items() if has] == []
        with pytest.raises(AuthorizationException):
            client.security.create_api_key(name="mine")
    assert cluster.remove([wanted.username])[0].complete


def test_the_server_ends_a_key_at_its_time(cluster: ElasticsearchCluster, each_node: Node) -> None:
    wanted = spec(PERMISSIONS[0], seconds=2)
    credential = cluster.grant_key(wanted, SecretStr(secrets.token_urlsafe(24)))
    assert cluster.exists(wanted.username, credential.key_id)
    with closing(Elasticsearch(each_node.url, api_key=credential.secret.get_secret_value())) as client:
        authenticate = client.options(ignore_status=401).security.authenticate
        assert authenticate().meta.status == 200
        time.sleep(max(0.0, (wanted.expires_at - datetime.now(UTC)).total_seconds() + 0.1))
        assert authenticate().meta.status == 401
    assert not cluster.exists(wanted.username, credential.key_id)
    (receipt,) = cluster.remove([wanted.username])
    assert receipt.complete
    assert receipt.keys_ended == 0
