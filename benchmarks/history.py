"""Time of the look-ups of people and auditors, which must not grow with the length of the history."""

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any, cast

from sqlalchemy import Engine

from benchmarks.catalogue import OpenDirectory
from benchmarks.environment import BenchmarkEnvironment
from benchmarks.long_history import BUSY, EPOCH, EVENTS_OF_REQUEST, fill
from benchmarks.report import Figure
from bot.access.audit.queries import AuditFilter
from bot.access.audit.trail import AuditTrail
from bot.access.lookup.history import History
from bot.access.lookup.home_tab import HomeTabs
from bot.access.people import Members
from bot.access.policy.access_flow import AccessFlow
from bot.access.policy.current import CurrentPolicy
from bot.access.policy.model import Integration, Policy
from bot.access.requests.approvals import Approvals
from bot.access.store.store import Store
from bot.slack.blocks.answers import listed
from bot.slack.blocks.home import home

SHORT, LONG = 1_000, 1_000_000
"""Number of audit events; there are a quarter as many requests, and about as many grants."""

GOAL_GROWTH = 1.5

NOW = datetime.fromtimestamp(EPOCH, UTC)

Query = Callable[[], object]


class FixedClock:
    """A clock that stands at the end of the history."""

    def now(self) -> datetime:
        return NOW + timedelta(minutes=1)


class SingleOwner(OpenDirectory):
    """One person owns the integration."""

    def members(self, _owners: Any) -> Members:
        return Members(("U0OWNER",))


def measure(environment: BenchmarkEnvironment) -> list[Figure]:
    """Runs each query on the short and the long history alternately, on both kinds of database."""
    figures = []
    long = environment.runs(LONG, 4 * SHORT)
    with ExitStack() as running:
        kinds = {
            "SQLite": (
                running.enter_context(environment.sqlite("short")),
                running.enter_context(environment.sqlite("long")),
            ),
            "PostgreSQL": (
                running.enter_context(environment.postgres()),
                running.enter_context(environment.postgres()),
            ),
        }
        for kind, (one, other) in kinds.items():
            fill(one, SHORT)
            fill(other, long)
            few, many = _questions(one), _questions(other)
            figures += [
                _figure(f"{name}, {kind}: {SHORT:,} → {long:,} events", few[name], many[name], environment.runs(40, 2))
                for name in few
            ]
    return figures


def _questions(engine: Engine) -> Mapping[str, Query]:
    store, trail = Store(engine, "benchmark"), AuditTrail(engine)
    prod = Integration(name="prod", owner=("@owners",), public_url="https://es.example.com")
    current = CurrentPolicy(Policy(integrations=(prod,), access_flows=(AccessFlow(name="all"),)))
    home_tabs = HomeTabs(store, SingleOwner(), current, FixedClock())
    history = History(store, cast(Approvals, None), {}, current)

    def audit(wanted: AuditFilter, count: int) -> None:
        found = sum(1 for _ in trail.events(wanted))
        if found != count:
            raise RuntimeError(f"{found} events instead of {count}")

    last_hours = AuditFilter(since=NOW - timedelta(minutes=3 * 60 - 1, seconds=30))
    of_request = AuditFilter(request="REQ-Y1000100")
    return {
        "App Home of who asks most": lambda: home(home_tabs.read(BUSY)).to_dict(),
        "App Home of the owner": lambda: home(home_tabs.read("U0OWNER")).to_dict(),
        "list": lambda: listed(history.mine(BUSY), NOW),
        "audit of one request": lambda: audit(of_request, EVENTS_OF_REQUEST),
        "audit of three hours": lambda: audit(last_hours, 3 * 60 * EVENTS_OF_REQUEST),
    }


def _figure(name: str, few: Query, many: Query, runs: int) -> Figure:
    taken: tuple[list[float], list[float]] = ([], [])
    for run in range(3 + runs):
        for times, question in zip(taken, (few, many), strict=True):
            began = time.perf_counter()
            question()
            if run >= 3:
                times.append(1000 * (time.perf_counter() - began))
    before, after = map(median, taken)
    growth = after / before
    values = {"short": before, "long": after, "growth": growth}
    return Figure(name, "ms", values, runs, f"growth <= {GOAL_GROWTH}", growth <= GOAL_GROWTH)
