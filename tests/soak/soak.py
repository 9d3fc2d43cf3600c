"""One soak on one database: load with kills alternates with calm; at the end come the checks."""

import random
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from bot.sandbox.node import Node
from tests.databases import postgres_server
from tests.pgbouncer import pgbouncer
from tests.soak import checks
from tests.soak.checks import Lag
from tests.soak.faults import FaultInjector
from tests.soak.load import Load
from tests.soak.world import HANGING, HEALTHY, World, running_world

KILLS_TO_A_CALM = 25
"""Number of kills after which the load pauses and each live grant is checked."""


@dataclass
class SoakReport:
    """The figures of one or several soaks, and a sentence for each violation."""

    requests: int = 0
    kills: int = 0
    faults: int = 0
    found_later: int = 0
    left_over: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    receipts: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    acknowledged: int = 0
    copies: int = 0
    lost: list[str] = field(default_factory=list)
    untold: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    revoked: int = 0
    lags: list[Lag] = field(default_factory=list)
    lags_of_hanging: list[Lag] = field(default_factory=list)

    def add(self, other: "SoakReport") -> None:
        """Adds the figures of another report."""
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)

    @property
    def violations(self) -> list[str]:
        """All violations of every kind."""
        return [*self.left_over, *self.lost, *self.untold, *self.twice, *self.messages, *self.receipts, *self.others]

    def lines(self) -> list[str]:
        """The printed lines."""
        return [
            f"requests: {self.requests}",
            f"kills: {self.kills}",
            f"faults injected: {self.faults}",
            f"in the cluster until reconcile found it: {self.found_later}",
            f"times the bot token was revoked and given back: {self.revoked}",
            f"acknowledged commands and clicks: {self.acknowledged}, and {self.copies} copies of them",
            f"lost of these: {len(self.lost)}, neither done nor answered: {len(self.untold)}",
            f"requests filed twice: {len(self.twice)}",
            f"grants left over: {len(self.left_over)}",
            f"messages lost: {len(self.messages)}",
            f"receipts missing: {len(self.receipts)}",
            *_lag_lines("the healthy cluster", self.lags),
            *_lag_lines("the one that hangs half of the time", self.lags_of_hanging),
        ]


def _lag_lines(cluster: str, lags: Sequence[Lag]) -> list[str]:
    undisturbed = [each.whole for each in lags if each.served == each.whole and not each.failed]
    return [
        f"lag of revocation on {cluster}: {_percentiles([each.whole for each in lags])}",
        f"  without the time in which a process was dead: {_percentiles([each.served for each in lags])}",
        f"  of ends that no death and no failed call met: {_percentiles(undisturbed)}",
    ]


def _percentiles(lags: Sequence[float]) -> str:
    ordered = sorted(lags) or [0.0]
    p50, p99 = (ordered[min(len(ordered) - 1, int(len(ordered) * part))] for part in (0.50, 0.99))
    return f"p50 {p50:.2f} s, p99 {p99:.2f} s of {len(lags)}"


def soak(node: Node, folder: Path, database: str, kills: int, seed: int, seconds: float) -> SoakReport:
    """Runs until `kills` or `seconds` are reached, then lets everything settle and checks it."""
    with (
        _database(database, folder) as url,
        running_world(node, folder, url, 1 if database == "sqlite" else 2) as world,
    ):
        chance = random.Random(f"{seed} {database}")  # noqa: S311 (faults, not secrets)
        injector, report = FaultInjector(world, chance), SoakReport()
        deadline = time.monotonic() + seconds
        while injector.kills < kills and time.monotonic() < deadline:
            _storm(world, injector, min(kills, injector.kills + KILLS_TO_A_CALM), deadline, report)
            world.ready()
            report.others += checks.one_secret_each(world)
            for found in [*report.others, *checks.bugs_logged(world)]:
                print(f"so far: {found}", file=sys.stderr, flush=True)
            print(f"… {database}: {injector.kills} kills, {injector.faults} faults", file=sys.stderr, flush=True)
        _end(world, report)
        report.kills, report.faults, report.revoked = injector.kills, injector.faults, injector.revoked
        return report


def _storm(world: World, injector: FaultInjector, kills: int, deadline: float, report: SoakReport) -> None:
    load = Load(world, injector.chance.randrange(1 << 30))
    injector.begin()
    load.start()
    try:
        while injector.kills < kills and time.monotonic() < deadline:
            injector.kill_one()
        # A slow machine files few requests between two kills, and without requests a kill proves nothing.
        while _asked(world) <= injector.kills and time.monotonic() < deadline:
            time.sleep(0.2)
    finally:
        load.stop()
        injector.end()
        world.stage.workspace.faults.clear()
    report.others += load.bugs


def _end(world: World, report: SoakReport) -> None:
    if left := checks.settle(world, checks.LEFT, 30.0):
        report.others.append(f"it did not settle: {left}")
    # A call in flight when its process died may reach the cluster after the end: reconciliation finds its objects.
    report.found_later = checks.reconciled(world)
    if left := checks.settle(world, checks.LEFT, 30.0):
        report.others.append(f"it did not settle after reconcile: {left}")
    report.requests = _asked(world)
    report.left_over += checks.left_over(world)
    report.messages += checks.messages_lost(world)
    report.receipts += checks.receipts_missing(world)
    report.others += [*checks.audit_broken(world), *checks.bugs_logged(world), *world.ended_by_themselves]
    taken = world.acknowledged.report(world.engine, world.stage.workspace)
    report.acknowledged += len(world.acknowledged)
    report.copies += world.acknowledged.copies
    report.lost += taken.lost
    report.untold += taken.untold
    report.twice += taken.twice
    report.lags += checks.lags(world, HEALTHY)
    report.lags_of_hanging += checks.lags(world, HANGING)


def _asked(world: World) -> int:
    return int(world.rows("SELECT count(*) FROM access_request")[0][0])


@contextmanager
def _database(database: str, folder: Path) -> Iterator[str]:
    if database == "sqlite":
        yield f"sqlite:///{folder}/es-access.db"
        return
    with postgres_server() as server:
        with psycopg.connect(server.get_uri("postgres"), autocommit=True) as connection:
            connection.execute("CREATE DATABASE soak")
        if database == "postgresql":
            yield server.get_uri("soak")
            return
        with pgbouncer(server.get_uri("postgres")) as bounced:
            yield bounced("soak")
