"""Speed of two processes on one PostgreSQL compared with one, when the cluster is not the bottleneck.

The cluster is a stand-in that takes a fixed time for each deletion: a real Elasticsearch on the same cores would
dominate the measurement. `python -m benchmarks.replicas URL` is one of the processes: it starts to revoke at the word
`start` on its standard input, and stops at `stop`.
"""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import cast

from sqlalchemy import Engine, text

from benchmarks.actions import WAIT_SECONDS
from benchmarks.bulk_grants import INTEGRATION, insert_grants, new_names
from benchmarks.environment import YEAR, BenchmarkEnvironment
from benchmarks.report import Figure, spread
from benchmarks.revocation import revokers, wait_until_gone
from bot.access.models.receipts import Receipt
from bot.access.store.store import Store
from bot.cli.run import fast_start
from bot.cluster.cluster import ElasticsearchCluster
from bot.storage.engine import database_url, open_engine

COUNT = 3_200
"""Four claims of one process for each of two processes, so that the first and last claims do not dominate."""

DELETION_SECONDS = 0.015
"""Time of the stand-in for each deletion: about that of a busy cluster of several nodes (Vault's plugin: 21 ms,
measured with default refresh)."""

GOAL_RATIO = 1.6


class SlowCluster:
    """A cluster with a fixed delay that always succeeds."""

    def remove(self, usernames: Sequence[str], *, disable: bool = False) -> Sequence[Receipt]:
        """Removes all of them, one after the other."""
        time.sleep(DELETION_SECONDS * len(usernames))
        return [Receipt(user_gone=not disable, role_gone=True, keys_left=0) for _ in usernames]


class Replica:
    """A process that starts and stops revoking on command."""

    def __init__(self, url: str, running: ExitStack) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.replicas"], cwd=Path(__file__).parents[1],
            env={**os.environ, "DATABASE_URL": url}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        running.callback(self._end)

    def tell(self, word: str) -> None:
        """Sends the command, and waits until the process confirms it."""
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("no pipes")
        print(word, file=self._process.stdin, flush=True)
        if self._process.stdout.readline().strip() != word:
            raise RuntimeError("a replica has ended")

    def _end(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(WAIT_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


def measure(environment: BenchmarkEnvironment) -> list[Figure]:
    """Alternates between one process and two."""
    one, two = [], []
    count = environment.runs(COUNT, 40)
    with environment.postgres() as engine, ExitStack() as running:
        url = engine.url.render_as_string(hide_password=False)
        replicas = [Replica(url, running) for _ in range(2)]
        for _ in range(1 + environment.runs(5)):
            one.append(_ended_a_second(engine, replicas[:1], count))
            two.append(_ended_a_second(engine, replicas, count))
    one, two = one[1:], two[1:]
    ratio = median(two) / median(one)
    return [
        Figure(f"revocation on PostgreSQL, one process, {DELETION_SECONDS * 1000:.0f} ms a deletion", "/s",
               spread(one), len(one)),
        Figure(
            "the same, two processes", "/s", spread(two) | {"ratio": ratio}, len(two),
            f">= {GOAL_RATIO} x one", ratio >= GOAL_RATIO,
        ),
    ]  # fmt: skip


def _ended_a_second(engine: Engine, replicas: Sequence[Replica], count: int) -> float:
    insert_grants(engine, new_names(count), datetime.now(UTC) + YEAR)
    for each in replicas:
        each.tell("start")
    due = text("UPDATE access_grant SET due_at = :now, expires_at = :now WHERE state = 'active'")
    with engine.begin() as connection:
        connection.execute(due, {"now": datetime.now(UTC)})
    seconds = wait_until_gone(engine)
    for each in replicas:
        each.tell("stop")
    return count / seconds


def _run() -> None:
    with fast_start():
        pass  # the garbage collector skips everything imported so far, as in `bot run`
    engine = open_engine(database_url(os.environ["DATABASE_URL"]))
    store = Store(engine, f"replica-{os.getpid()}")
    pool = None
    for line in sys.stdin:
        if line.strip() == "start":
            pool = revokers(store, {INTEGRATION: cast(ElasticsearchCluster, SlowCluster())})
            pool.start()
        elif pool is not None:
            pool.stop()
        print(line.strip(), flush=True)
    engine.dispose()


if __name__ == "__main__":
    _run()
