"""Speed of revoking and reading back many grants that end in one second, compared with bare deletions."""

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from statistics import median

from elasticsearch import Elasticsearch
from pydantic import SecretStr
from sqlalchemy import Engine, text

from benchmarks.actions import WAIT_SECONDS
from benchmarks.baseline import removal_rate
from benchmarks.bulk_grants import IN_FLIGHT, INTEGRATION, insert_grants, make, new_names
from benchmarks.environment import BenchmarkEnvironment
from benchmarks.report import Figure, spread
from bot.access.clock import SystemClock
from bot.access.grants.own_accounts.personal_roles import PersonalRoles
from bot.access.grants.revocation import Revocation
from bot.access.models.grants import Grant
from bot.access.policy.access_flow import AccessFlow
from bot.access.policy.current import CurrentPolicy
from bot.access.policy.model import Integration, Policy
from bot.access.store.store import Store
from bot.cluster.client import ClusterConnection, connect
from bot.cluster.cluster import ElasticsearchCluster
from bot.cluster.ownership import Installation
from bot.runtime.background import CLUSTER_WORKERS, REVOKED_TOGETHER, REVOKERS
from bot.runtime.workers import WorkerPool
from bot.sandbox.node import Node

COUNT = 1_000

GOAL_RATIO = 0.7

WAITING = 100
"""Number of deletions with the default refresh: they are so slow that a few suffice to measure their rate."""

HERE = "revocation-benchmark"
"""The installation id, so that objects of another application in the node are ignored."""

LOOK_SECONDS = 0.01

PRODUCTION = Integration(name=INTEGRATION, owner=("@owners",), public_url="https://es.example.com")

RULES = CurrentPolicy(Policy(integrations=(PRODUCTION,), access_flows=(AccessFlow(name="all"),)))


def measure(environment: BenchmarkEnvironment) -> list[Figure]:
    """Alternates between the product's pool on a SQLite file and bare deletions. Messages are queued, never sent."""
    node = environment.stage.node
    environment.stage.app.stop()
    ours, fast, slow = [], [], []
    user, password = node.connector()
    count = environment.runs(COUNT, 20)
    try:
        with (
            environment.sqlite("revocation") as engine,
            closing(Elasticsearch(node.url, basic_auth=(user, password), connections_per_node=IN_FLIGHT)) as baseline,
            closing(connect(ClusterConnection(user, SecretStr(password), url=node.url))) as client,
            ThreadPoolExecutor(2 * CLUSTER_WORKERS) as beside,
        ):
            cluster = ElasticsearchCluster(client, beside, Installation(HERE), SystemClock())
            for _ in range(1 + environment.runs(5)):
                ours.append(_ended_a_second(engine, node, {INTEGRATION: cluster}, count))
                fast.append(removal_rate(baseline, _made(node, count), IN_FLIGHT, {"refresh": False}))
                slow.append(removal_rate(baseline, _made(node, environment.runs(WAITING, 10)), IN_FLIGHT, {}))
    finally:
        environment.stage.app.start()
    return _figures(count, ours[1:], fast[1:], slow[1:])


def _figures(count: int, ours: list[float], fast: list[float], slow: list[float]) -> list[Figure]:
    ratio = median(ours) / median(fast)
    return [
        Figure("bare: user and role deleted, refresh=false", "/s", spread(fast), len(fast)),
        Figure("bare: the same, default refresh", "/s", spread(slow), len(slow)),
        Figure(
            f"{count:,} grants end in one second: revoked and read back", "/s",
            spread(ours) | {"ratio": ratio, "ratio to default refresh": median(ours) / median(slow)}, len(ours),
            f">= {GOAL_RATIO} x bare with refresh=false", ratio >= GOAL_RATIO,
        ),
    ]  # fmt: skip


def _made(node: Node, count: int) -> list[str]:
    names = new_names(count)
    make(node, names, HERE)
    return names


def _ended_a_second(engine: Engine, node: Node, clusters: Mapping[str, ElasticsearchCluster], count: int) -> float:
    names = _made(node, count)
    until = datetime.now(UTC) + timedelta(seconds=1)
    insert_grants(engine, names, until)
    pool = revokers(Store(engine, "benchmark"), clusters)
    pool.start()
    try:
        time.sleep(max(0.0, (until - datetime.now(UTC)).total_seconds()))
        seconds = wait_until_gone(engine)
    finally:
        pool.stop()
    return count / seconds


def revokers(store: Store, clusters: Mapping[str, ElasticsearchCluster]) -> WorkerPool[Grant]:
    """The pool that revokes grants, as in `bot run`."""
    clock = SystemClock()
    roles = PersonalRoles(store, clusters, clusters, RULES, clock)
    return WorkerPool(
        "revocation", REVOKERS, store, clock,
        claim=lambda write, now, until, room: write.claim_grants(now, until, room, ending=True),
        next_due=lambda read, by, room: read.next_grant_due(by, room, ending=True),
        work=Revocation(store, clusters, roles, RULES, clock).work, batch=REVOKED_TOGETHER,
    )  # fmt: skip


def wait_until_gone(engine: Engine) -> float:
    """Seconds until the last grant is confirmed to be gone."""
    began = time.perf_counter()
    left = text("SELECT 1 FROM access_grant WHERE state <> 'cleaned_up' LIMIT 1")
    while time.perf_counter() - began < WAIT_SECONDS:
        with engine.connect() as connection:
            if connection.execute(left).first() is None:
                return time.perf_counter() - began
        time.sleep(LOOK_SECONDS)
    raise RuntimeError("not every grant has ended")
