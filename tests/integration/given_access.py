"""Access to a node, made as the application makes it, and used as its holder would."""

import secrets
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta

from elasticsearch import Elasticsearch
from pydantic import SecretStr

from bot.access.clock import SystemClock
from bot.access.ports import CredentialSpec, Privileges
from bot.cluster.client import ClusterConnection, connect
from bot.cluster.cluster import ElasticsearchCluster
from bot.cluster.ownership import Installation
from bot.sandbox.node import Node

READ = ("read", "view_index_metadata")


@contextmanager
def cluster_of(node: Node) -> Iterator[ElasticsearchCluster]:
    """The adapter, with the connector account."""
    username, password = node.connector()
    with ThreadPoolExecutor(2) as executor:
        client = connect(ClusterConnection(username, SecretStr(password), url=node.url))
        with closing(ElasticsearchCluster(client, executor, Installation("here"), SystemClock())) as cluster:
            yield cluster


def spec_of(patterns: Sequence[str], privileges: Sequence[str] = READ) -> CredentialSpec:
    """A grant of an hour under a new name."""
    name, until = f"es-access-{secrets.token_hex(4)}", datetime.now(UTC) + timedelta(hours=1)
    return CredentialSpec("REQ-7K3F9Q", name, "U0ALICE", tuple(patterns), Privileges(tuple(privileges)), until)


@contextmanager
def given(node: Node, cluster: ElasticsearchCluster, spec: CredentialSpec) -> Iterator[Elasticsearch]:
    """A client of a user with that grant, which is removed at the end."""
    secret = secrets.token_urlsafe(24)
    cluster.create(spec, SecretStr(secret))
    with node.client_of(spec.username, secret) as person:
        yield person
    assert all(receipt.complete for receipt in cluster.remove([spec.username]))
