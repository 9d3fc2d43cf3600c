"""Time from a grant's `expires_at` to the first refusal of its credential by the cluster."""

import http.client
import sqlite3
import time
from base64 import b64encode
from contextlib import closing
from datetime import UTC, datetime

from benchmarks.actions import WAIT_SECONDS, DeliveredAccount, approve, ask, settle
from benchmarks.bulk_grants import insert_grants
from benchmarks.environment import YEAR, BenchmarkEnvironment
from benchmarks.report import Figure, ms, percentile
from bot.sandbox.stage import Stage
from bot.storage.engine import database_url, open_engine

LEAD_SECONDS = 1.5
"""How long before expiry the moved clock stops, so that the grant expires on schedule, as in production. Longer than
the application looks ahead: a wake-up that was set earlier would still use the old time."""

POLL_SECONDS = 0.002

OTHERS_SECONDS = 2 * 3600
"""Longer than the hour that benchmarks request."""

GOAL_MS = 1000.0


def measure(environment: BenchmarkEnvironment) -> list[Figure]:
    """Expires grants of an hour one by one, skipping most of the hour, while thousands of others stay active."""
    stage = environment.stage
    if "many" not in vars(environment):
        _end_all(stage)
    stage.app.stop()  # its reconciliation would adopt users that the database does not know yet
    engine = open_engine(database_url(stage.app.environment["DATABASE_URL"]))
    insert_grants(engine, environment.many, datetime.now(UTC) + YEAR)
    engine.dispose()
    stage.app.start()
    late = ms([seconds_late(stage) for _ in range(environment.runs(30, 2) + 1)][1:])
    p99 = percentile(late, 99)
    values = {"p50": percentile(late, 50), "p99": p99, "max": max(late)}
    return [
        Figure(
            f"expiry → credential refused, {len(environment.many):,} grants live", "ms", values, len(late),
            f"p99 < {GOAL_MS:.0f} ms", p99 < GOAL_MS,
        )
    ]  # fmt: skip


def _end_all(stage: Stage) -> None:
    """Ends the grants that other benchmarks left alive, so that none ends during this one."""
    stage.app.move_clock(OTHERS_SECONDS)
    stage.workspace.wait_for(lambda: not stage.left_behind(), WAIT_SECONDS, "the end of what was there before")
    settle(stage)


def seconds_late(stage: Stage, text: str = "logs-* 1h a benchmark") -> float:
    """The seconds from the end of a grant, asked for with that text, to its first refusal. Skips most of its time."""
    _, account = approve(stage, ask(stage, text))
    settle(stage)
    end = _end_of(stage, account)
    _move_clock_to(stage, end - LEAD_SECONDS)
    moved = _moved(stage)
    with connected(stage) as connection:
        if not is_let_in(connection, account):
            raise RuntimeError(f"{account.username} was refused before its end")
        while is_let_in(connection, account):
            if time.time() + moved > end + WAIT_SECONDS:
                raise RuntimeError(f"{account.username} never ends")
            time.sleep(POLL_SECONDS)
    return time.time() + moved - end


def _end_of(stage: Stage, account: DeliveredAccount) -> float:
    """The account's `expires_at` in Unix seconds, from the database: messages do not show microseconds."""
    with closing(sqlite3.connect(f"file:{stage.app.directory / 'es-access.db'}?mode=ro", uri=True)) as database:
        query = "SELECT expires_at FROM access_grant WHERE username = ?"
        (kept,) = database.execute(query, [account.username]).fetchone()
    return datetime.fromisoformat(kept).replace(tzinfo=UTC).timestamp()


def _moved(stage: Stage) -> float:
    """How far the application's clock is ahead of the machine's, in seconds."""
    return float((stage.app.directory / "clock").read_text(encoding="ascii"))


def _move_clock_to(stage: Stage, moment: float) -> None:
    stage.app.move_clock(moment - time.time() - _moved(stage))


def connected(stage: Stage) -> closing[http.client.HTTPConnection]:
    """A connection to the node, to close at the end of a block."""
    host, _, port = stage.node.url.removeprefix("http://").partition(":")
    return closing(http.client.HTTPConnection(host, int(port), timeout=WAIT_SECONDS))


def is_let_in(connection: http.client.HTTPConnection, account: DeliveredAccount) -> bool:
    """Whether the node accepts the credential."""
    credentials = b64encode(f"{account.username}:{account.secret}".encode()).decode()
    connection.request("GET", "/_security/_authenticate", headers={"Authorization": f"Basic {credentials}"})
    answer = connection.getresponse()
    answer.read()
    return answer.status != http.client.UNAUTHORIZED
