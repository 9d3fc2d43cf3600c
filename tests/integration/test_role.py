"""The role of a grant on a real node of each version: what it holds, and that it holds nothing else."""

import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import SecretStr

from bot.access.ports import CredentialSpec, Privileges
from bot.cluster.client import Connection, connect
from bot.cluster.cluster import ElasticsearchCluster
from bot.sandbox.node import Node

RoleOf = Callable[[Privileges], dict[str, Any]]


@pytest.fixture
def role_of(each_node: Node) -> Iterator[RoleOf]:
    """Makes a grant with those privileges as the connector account, and reads its role as an administrator."""
    username, password = each_node.connector()
    name = f"es-access-{secrets.token_hex(4)}"
    with ThreadPoolExecutor(2) as executor:
        client = connect(Connection(username, SecretStr(password), url=each_node.url))
        cluster = ElasticsearchCluster(client, executor)

        def make(privileges: Privileges) -> dict[str, Any]:
            until = datetime(2030, 1, 1, tzinfo=UTC)
            spec = CredentialSpec("GRT-7K3F9Q", name, "U0ALICE", ("logs-*", "web"), privileges, until)
            cluster.create(spec, SecretStr(secrets.token_urlsafe(24)))
            role: dict[str, Any] = each_node.client().security.get_role(name=name)[name]
            return role

        yield make
        assert cluster.remove(name).complete
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
