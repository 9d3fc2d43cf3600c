"""Time to build a Home tab with 100,000 requests in the database.

python -m benchmarks.home                                               a SQLite file
python -m benchmarks.home URL                                           an empty database of that URL
"""

import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, insert

from benchmarks.catalogue import OpenDirectory, WallClock
from bot.access.lookup.home_tab import HomeTabs, Section
from bot.access.models.grants import Grant
from bot.access.models.requests import AccessRequest, AskedGroup
from bot.access.people import Members
from bot.access.policy.access_flow import AccessFlow
from bot.access.policy.current import CurrentPolicy
from bot.access.policy.model import Integration, Policy
from bot.access.states import GrantState, RequestState
from bot.access.store.store import Store
from bot.slack.blocks.home import home
from bot.storage.engine import database_url, open_engine
from bot.storage.migrate import migrate

REQUESTS, LIVE, PENDING, PEOPLE, RUNS = 100_000, 10_000, 2_000, 2_000, 40

NOW = datetime.now(UTC)


class SingleOwner(OpenDirectory):
    """One person owns the integration."""

    def members(self, _owners: Any) -> Members:
        return Members(("U0ADMIN",))


def fill(engine: Engine) -> None:
    """Inserts rows as after years of use: one person has a quarter of all requests, one owner half of them."""
    chance = random.Random(1)  # noqa: S311 (rows to measure with)
    rows: dict[Any, list[dict[str, Any]]] = {AccessRequest: [], AskedGroup: [], Grant: []}
    for number in range(REQUESTS):
        live, pending = number < LIVE, LIVE <= number < LIVE + PENDING
        made = NOW - timedelta(minutes=number)
        name = f"REQ-{number:06d}"
        requester = "U0BUSY" if number % 4 == 0 else f"U0P{chance.randrange(PEOPLE):05d}"
        owners = ["U0OWNER", "U0OTHER"] if number % 2 else [f"U0P{chance.randrange(PEOPLE):05d}" for _ in range(5)]
        rows[AccessRequest].append(
            {
                "id": name, "requester": requester, "integration": "prod", "patterns": ["logs-web-*", "metrics-*"],
                "permission": "read", "duration": 3600, "reason": "fixing INC-42", "owners": owners,
                "state": RequestState.PENDING if pending else RequestState.APPROVED, "created_at": made,
                "pending_until": made + timedelta(days=30), "privileges": {}, "flow": "all",
                "decided_by": None if pending else owners[0], "decided_at": None if pending else made,
            }
        )  # fmt: skip
        rows[AskedGroup].append(
            {"request_id": name, "label": "@owners", "owners": ["@owners"], "asked": owners, "approvals": 1}
        )
        if not pending:
            rows[Grant].append(
                {
                    "id": name, "username": f"es-access-{number}", "created_at": made, "due_at": None,
                    "state": GrantState.ACTIVE if live else GrantState.CLEANED_UP,
                    "expires_at": NOW + timedelta(minutes=chance.randrange(10_000)),
                }
            )  # fmt: skip
    with engine.execution_options(writes=True).begin() as connection:
        for table, values in rows.items():
            connection.execute(insert(table), values)


def figures(call: Callable[[], object]) -> str:
    took = []
    for _ in range(RUNS):
        began = time.perf_counter()
        call()
        took.append(1000 * (time.perf_counter() - began))
    return f"median {statistics.median(took):.0f} ms, p95 {statistics.quantiles(took, n=20)[-1]:.0f} ms"


def measure(engine: Engine) -> None:
    migrate(engine)
    fill(engine)
    prod = Integration(name="prod", owner=("@owners",), public_url="https://es.example.com")
    current = CurrentPolicy(Policy(integrations=(prod,), access_flows=(AccessFlow(name="all"),)))
    home_tabs = HomeTabs(Store(engine, "bench"), SingleOwner(), current, WallClock())
    for person in ("U0P00001", "U0BUSY", "U0OWNER", "U0ADMIN", "U0NOBODY"):
        seen = home_tabs.read(person)
        size = {each.value: len(found.requests) for each, found in seen.pages.items()}
        made = figures(lambda person=person: home(home_tabs.read(person)).to_dict())  # type: ignore[misc]
        print(f"{person}: {made} ({size}, {seen.owned_count} owned)")
    deep = home_tabs.read("U0BUSY").pages[Section.HISTORY].next
    for _ in range(50):
        home_tabs.turn_page("U0BUSY", Section.HISTORY, after=deep)
        deep = home_tabs.read("U0BUSY").pages[Section.HISTORY].next
    print(f"U0BUSY, 50 pages on: {figures(partial(home_tabs.read, 'U0BUSY'))}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        measure(open_engine(database_url(sys.argv[1])))
    else:
        with tempfile.TemporaryDirectory() as folder:
            measure(open_engine(database_url(f"sqlite:///{Path(folder) / 'home.db'}")))
