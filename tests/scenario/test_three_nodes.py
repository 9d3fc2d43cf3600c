"""Ends on a cluster of three nodes: they count on each node, though one of them is frozen, or was away."""

import secrets
import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from elasticsearch import ApiError, Elasticsearch, TransportError
from pydantic import SecretStr

from bot.access.accounts.account import Accounts
from bot.access.clock import SystemClock
from bot.cluster.client import ClusterConnection, connect
from bot.cluster.cluster import ElasticsearchCluster
from bot.cluster.ownership import Installation
from bot.sandbox.node import Node
from bot.sandbox.node.cluster import running_nodes
from tests.nodes import versions
from tests.own_accounts import OK, ending, new_person, part, role_of, searches
from tests.scenario.breaking import username
from tests.stage import Secret, Stage, set_stage

SOONER_REMOVED = {
    "cluster.fault_detection.follower_check.timeout": "5s",
    "cluster.fault_detection.follower_check.retry_count": 2,
}
"""A frozen node is removed from the cluster after about 12 seconds, by default after 33."""

SECURITY = ".security-7"

TOLD_SECONDS = 40.0
"""With the replica on a frozen node, every second read hangs until the cluster has removed the node."""

END_SECONDS = 10.0
"""Longest time to the end of access while a node is frozen: a change and some reads that are not answered."""


@dataclass
class ThreeNodes:
    """The nodes by what they hold of the security index: the application uses `primary`, and `third` has no copy."""

    primary: Node
    copy: Node
    third: Node
    stage: Stage

    def accepts(self, node: Node, secret: Secret) -> bool:
        """Whether the node accepts the password. A node that does not answer within two seconds accepts nothing."""
        with node.client_of(*secret) as client:
            try:
                asked = client.options(request_timeout=2, max_retries=0, ignore_status=401)
                return asked.security.authenticate().meta.status == 200
            except (ApiError, TransportError):
                return False

    @contextmanager
    def frozen(self, node: Node) -> Iterator[None]:
        """Freezes the node for the block, and waits until it is back."""
        node.freeze()
        try:
            yield
        finally:
            node.thaw()
        health = self.primary.client().options(request_timeout=60).cluster.health
        health(wait_for_nodes="3", timeout="59s")

    def used_everywhere(self) -> tuple[str, Secret]:
        """A grant that all nodes remember."""
        request, secret = self.stage.granted("logs-* 1h")
        assert all(self.accepts(node, secret) for node in (self.primary, self.copy, self.third))
        return request, secret

    def ended(self, request: str) -> tuple[float, float]:
        """Ends the access, and returns the seconds until the recorded end and until it was told."""
        began = time.time()
        self.stage.say(self.stage.alice, f"revoke {request}")
        title = f"ACCESS {request} HAS ENDED"
        texts, alice = self.stage.texts, self.stage.alice
        self.stage.workspace.wait_for(lambda: any(title in text for text in texts(alice)), TOLD_SECONDS, title)
        told = time.time() - began
        [(ended_at,)] = self._rows("SELECT ended_at FROM access_grant WHERE id = ?", request)
        return datetime.fromisoformat(ended_at).replace(tzinfo=UTC).timestamp() - began, told

    def no_alarm(self, request: str) -> None:
        """No owner was told that the end failed, and no user is left or made anew."""
        [(state,)] = self._rows("SELECT state FROM access_grant WHERE id = ?", request)
        assert state == "cleaned_up"
        assert self._rows("SELECT 1 FROM message WHERE request_id = ? AND kind = 'failed'", request) == []
        events = self._rows("SELECT event FROM audit_event WHERE request_id = ?", request)
        assert ("grant.revocation_failed",) not in events
        found = self.primary.client().security.get_user()
        assert [name for name in found.body if name.startswith(username(request))] == []

    def _rows(self, query: str, *values: str) -> list[tuple[str, ...]]:
        with closing(sqlite3.connect(self.stage.app.directory / "es-access.db")) as database:
            return database.execute(query, values).fetchall()


@pytest.fixture
def three(tmp_path: Path) -> Iterator[ThreeNodes]:
    """A stage on three nodes of the default version."""
    with ExitStack() as stack:
        nodes = stack.enter_context(running_nodes(versions()[0], 3, heap_mb=256, settings=SOONER_REMOVED))
        nodes[0].connector()  # makes the security index
        client = nodes[0].client()
        client.options(request_timeout=60).cluster.health(wait_for_status="green", timeout="59s")
        by_role = dict(zip(_roles(client), nodes, strict=True))
        primary = by_role["p"]
        stage = set_stage(primary, tmp_path, stack)
        stage.app.start()
        yield ThreeNodes(primary, by_role["r"], by_role["none"], stage)


def _roles(client: Elasticsearch) -> list[str]:
    """What each node holds of the security index: "p", the primary, "r", the replica, or "none"."""
    shards: Any = client.cat.shards(format="json")
    held = {each["node"]: each["prirep"] for each in shards if each["index"] == SECURITY}
    return [held.get(f"sandbox-{number}", "none") for number in (1, 2, 3)]


def test_an_end_counts_on_each_node_though_one_is_frozen_or_was_away(three: ThreeNodes) -> None:
    """One test, since it starts three nodes."""
    third, copy = three.used_everywhere(), three.used_everywhere()
    away = three.used_everywhere()

    recorded = _ends_though_a_node_does_not_answer(three, three.third, *third)
    assert recorded < END_SECONDS
    three.no_alarm(third[0])
    _ends_though_a_node_does_not_answer(three, three.copy, *copy)
    _personal_role_ends_though_a_node_does_not_answer(three, three.third)
    _personal_role_ends_though_a_node_does_not_answer(three, three.copy)
    _ends_on_a_node_that_was_away(three, *away)


def _ends_though_a_node_does_not_answer(three: ThreeNodes, node: Node, request: str, secret: Secret) -> float:
    others = [each for each in (three.primary, three.copy, three.third) if each is not node]
    with three.frozen(node):
        recorded, told = three.ended(request)
        print(f"ended after {recorded:.2f} s, told after {told:.2f} s")
        assert [three.accepts(each, secret) for each in others] == [False, False]
    three.stage.wait(lambda: not three.accepts(node, secret), "the end on the node that was frozen")
    return recorded


def _personal_role_ends_though_a_node_does_not_answer(three: ThreeNodes, frozen: Node) -> None:
    """By the adapter alone: the own account is a native user with a session that is open on each node."""
    person, password = new_person(), secrets.token_urlsafe(16)
    role = role_of(person, part(person, "logs-*"))
    nodes = (three.primary, three.copy, three.third)
    three.primary.client().security.put_user(username=person, password=password, roles=[role.name])

    def reads(node: Node) -> bool:
        with node.client_of(person, password) as client:
            try:
                return searches(client.options(request_timeout=2, max_retries=0), "logs-web") == OK
            except TransportError:
                return False

    with connected(three.primary) as accounts:
        accounts.write(role)
        three.stage.wait(lambda: all(map(reads, nodes)), "access on each node")
        with three.frozen(frozen):
            began = time.time()
            (receipt,) = accounts.end([role_of(person)], ending(role, *role.parts))
            print(f"ended after {time.time() - began:.2f} s: {receipt}")
            assert time.time() - began < END_SECONDS
            assert receipt.role_gone
            assert [reads(node) for node in nodes if node is not frozen] == [False, False]
        three.stage.wait(lambda: not reads(frozen), "the end on the node that was frozen")
        assert accounts.end([role_of(person)], ending(role, *role.parts))[0].complete


@contextmanager
def connected(node: Node) -> Iterator[Accounts]:
    """The accounts of the cluster, by its connector."""
    username, password = node.connector()
    with (
        closing(connect(ClusterConnection(username, SecretStr(password), url=node.url))) as client,
        ThreadPoolExecutor(4) as executor,
    ):
        yield ElasticsearchCluster(client, executor, Installation("here"), SystemClock()).accounts


def _ends_on_a_node_that_was_away(three: ThreeNodes, request: str, secret: Secret) -> None:
    client = three.primary.client()
    with three.frozen(three.third):
        three.stage.wait(lambda: client.cluster.health()["number_of_nodes"] == 2, "a cluster of two nodes")
        three.ended(request)
    three.stage.wait(lambda: not three.accepts(three.third, secret), "the end on the node that was away")
    three.no_alarm(request)
