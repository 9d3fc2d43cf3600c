"""Time to read a catalogue of 10,000 indices, and to make a preview from it.

python -m benchmarks.catalogue                                          a synthetic cluster state
python -m benchmarks.catalogue URL                                      a real cluster; account in ES_USER, ES_PASSWORD
"""

import gc
import json
import os
import statistics
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, cast

from pydantic import SecretStr

from bot.access.accounts.identity import OwnAccounts
from bot.access.people import Inclusion, Members, PersonNames
from bot.access.policy.access_flow import AccessFlow
from bot.access.policy.current import CurrentPolicy
from bot.access.policy.model import Integration, Permission, Policy
from bot.access.ports import Catalogue, Cluster
from bot.access.requests.drafts import ParsedRequest
from bot.access.requests.routing import Routing
from bot.cluster.catalogue.cluster_state import read_catalogue
from bot.cluster.catalogue.reader import CatalogueReader, catalogue_cache
from bot.cluster.client import ClusterConnection, connect

INDICES, OWNERS, TEMPLATES, RUNS = 10_000, 500, 500, 40


def state_of(indices: int, *, mapped: bool) -> dict[str, Any]:
    """A filtered cluster state, with the owner in each mapping or in one of 500 templates."""
    names = [(f"logs-team{i % OWNERS:03d}-app{i:05d}", f"@team-{i % OWNERS:03d}") for i in range(indices)]
    meta = [{"mappings": {"_doc": {"_meta": {"owner": owner}}}} if mapped else {} for _, owner in names]
    templates = {
        f"team{i:03d}": {
            "index_patterns": [f"logs-team{i:03d}-*"],
            "priority": 100,
            "_meta": {"owner": f"@team-{i:03d}"},
        }
        for i in range(TEMPLATES)
    }
    found = {name: {"aliases": [], **each} for (name, _), each in zip(names, meta, strict=True)}
    return {"metadata": {"indices": found, "index_template": {"index_template": templates}}}


class CatalogueOnlyCluster:
    """A cluster with a catalogue that has just been read, and nothing else."""

    def __init__(self, get: Callable[..., Catalogue], look: Callable[[Sequence[str]], Catalogue] | None) -> None:
        self._get = get
        self._look = look

    def catalogue(self) -> Catalogue:
        return self._get()

    def look(self, patterns: Sequence[str]) -> Catalogue:
        return self._look(patterns) if self._look is not None else self._get()


class OpenDirectory:
    """A directory that immediately returns one member for each group."""

    def members(self, owners: Sequence[str]) -> Members:
        return Members(tuple("U0" + owner.upper().strip("@").replace("-", "") for owner in owners))

    def find(self, typed: str) -> str:
        return typed

    def includes(self, requesters: Sequence[str], person: str) -> Inclusion:
        return Inclusion(person in requesters)

    def belongs(self, _person: str) -> bool:
        return True

    def names(self, person: str) -> PersonNames:
        return PersonNames(person)


class WallClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


def routing(
    get: Callable[..., Catalogue],
    scope: str = "pattern",
    look: Callable[[Sequence[str]], Catalogue] | None = None,
) -> tuple[Routing, Integration, Permission]:
    flow = AccessFlow.model_validate({"name": "all", "default_duration": "1h", "scope": scope})
    prod = Integration(name="prod", owner=("@platform",), resource_owner="owner", public_url="https://es.example.com")
    policy = Policy(integrations=(prod,), access_flows=(flow,))
    return (
        Routing(
            {"prod": cast(Cluster, CatalogueOnlyCluster(get, look))},
            OpenDirectory(),
            CurrentPolicy(policy),
            WallClock(),
            OwnAccounts(OpenDirectory(), {}),
        ),
        prod,
        policy.permission("read"),
    )


def times(call: Callable[[], object], runs: int = RUNS) -> str:
    took = []
    for _ in range(runs):
        began = time.perf_counter()
        call()
        took.append(1000 * (time.perf_counter() - began))
    return f"median {statistics.median(took):.1f} ms, p95 {statistics.quantiles(took, n=20)[-1]:.1f} ms"


def longest_standstill(call: Callable[[], object]) -> float:
    """Longest time, in milliseconds, for which `call` kept another thread from running."""
    gaps, done = [0.0], threading.Event()

    def tick() -> None:
        last = time.perf_counter()
        while not done.is_set():
            time.sleep(0.001)
            now = time.perf_counter()
            gaps.append(now - last)
            last = now

    thread = threading.Thread(target=tick)
    thread.start()
    for _ in range(5):
        call()
    done.set()
    thread.join()
    return 1000 * max(gaps)


def memory(call: Callable[[], object]) -> tuple[float, float]:
    """Memory in MB that the result of `call` occupies, and the peak."""
    gc.collect()
    tracemalloc.start()
    kept = call()
    gc.collect()
    now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del kept
    return now / 1e6, peak / 1e6


def previews(get: Callable[..., Catalogue]) -> None:
    way, prod, permission = routing(get)
    asked = {
        "*": ("*",),
        "20 patterns of teams": tuple(f"logs-team{i:03d}-*" for i in range(20)),
        "20 patterns with a star in front": tuple(f"*-app{i:03d}*" for i in range(20)),
        "20 names": tuple(each.name for each in get().resources[:20]),
    }
    for label, patterns in asked.items():
        parsed = ParsedRequest("U0ALICE", prod, patterns, permission, None, "why")
        plan = way.plan(parsed, fresh=False)
        took = times(partial(way.plan, parsed, fresh=False))
        count = plan.preview.count if plan.preview else 0
        print(f"plan of {label}: {took} ({count} match, {len(plan.groups)} groups)")


def synthetic() -> None:
    for mapped in (True, False):
        text = json.dumps(state_of(INDICES, mapped=mapped))
        sizes = {f"logs-team{i % OWNERS:03d}-app{i:05d}": 1000 for i in range(INDICES)}

        def read(text: str = text, sizes: dict[str, int] = sizes) -> Catalogue:
            return read_catalogue(json.loads(text), sizes, "owner")

        print(f"owners in {'mappings' if mapped else 'templates'}: {len(text) / 1e6:.1f} MB of state")
        print(f"  read: {times(read, 20)}; another thread stood still for {longest_standstill(read):.0f} ms at most")
        print("  memory: {:.1f} MB kept, {:.1f} MB at the height".format(*memory(read)))
    kept = catalogue_cache(read)
    previews(kept.get)
    kept.close()


def real(url: str) -> None:
    client = connect(ClusterConnection(os.environ["ES_USER"], SecretStr(os.environ["ES_PASSWORD"]), url=url))
    catalog = CatalogueReader(client, "owner")
    print(f"read from the cluster: {times(catalog.read, 10)}")
    print(f"  another thread stood still for {longest_standstill(catalog.read):.0f} ms at most")
    print("  memory: {:.1f} MB kept, {:.1f} MB at the height".format(*memory(catalog.read)))
    print(f"{len(catalog.get().resources)} resources; from the kept answer: {times(catalog.get)}")
    previews(catalog.get)
    catalog.close()
    client.close()


if __name__ == "__main__":
    real(sys.argv[1]) if len(sys.argv) > 1 else synthetic()
