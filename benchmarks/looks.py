"""What a fresh look costs more than the preview that the person has just read, on a node with 10,000 indices.

The three are measured in turn, so that other work on the machine slows all of them alike.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from itertools import count

from elasticsearch import Elasticsearch

from benchmarks.catalogue import INDICES, OWNERS, TEMPLATES, routing
from benchmarks.environment import BenchmarkEnvironment
from benchmarks.report import Figure, ms, percentile
from bot.access.requests.drafts import ParsedRequest
from bot.cluster.catalogue.reader import CatalogueReader
from bot.sandbox.node import Node

GOAL_MS = 20.0

HEAP_MB = 4000
"""For 10,000 indices."""

_WRITERS = 8

_CREATE_SECONDS = 120
"""For one index: the cluster state grows with each."""

_START_SECONDS = 1800
"""For the shards of all indices."""

ASKED: Mapping[str, tuple[str, ...]] = {
    "one pattern": ("logs-team001-*",),
    "20 patterns": tuple(f"logs-team{i:03d}-*" for i in range(20)),
    "a leading star": ("*-app00001",),
    "*": ("*",),
}


def measure(environment: BenchmarkEnvironment) -> list[Figure]:
    """Fills a node of its own, then looks at it. Creating 10,000 indices takes five minutes or more."""
    indices, runs = environment.runs(INDICES, 40), environment.runs(60, 3)
    with Node.start(heap_mb=HEAP_MB, settings={"cluster.max_shards_per_node": 3 * INDICES}) as node:
        fill(node.client(), indices)
        with closing(node.client_of(*node.connector())) as client, closing(CatalogueReader(client, "owner")) as reader:
            return compare(reader, partial(change, node.client(), count()), runs)


def compare(reader: CatalogueReader, change_cluster: Callable[[], object], runs: int) -> list[Figure]:
    """Times the plan of a preview, of a look at an unchanged cluster, and of one after a change.

    `change_cluster` makes another cluster state, which changes no owner.
    """
    way, prod, permission = routing(reader.get, look=reader.look)
    figures = []
    total = len(reader.get().resources)
    for label, patterns in ASKED.items():
        parsed = ParsedRequest("U0ALICE", prod, patterns, permission, None, "why")
        shown, unchanged, changed = [], [], []
        for _ in range(runs):
            change_cluster()
            # With `*`, a look after a change is a whole reading.
            changed.append(_seconds(partial(way.plan, parsed)) if label != "*" else 0.0)
            reader.read()
            shown.append(_seconds(partial(way.plan, parsed, fresh=False)))
            unchanged.append(_seconds(partial(way.plan, parsed)))
        figures.append(_figure(f"fresh look at {label}, {total:,} indices", shown, unchanged, changed))
    return figures


def _figure(name: str, shown: Sequence[float], unchanged: Sequence[float], changed: Sequence[float]) -> Figure:
    preview, same, other = ms(shown), ms(unchanged), ms(changed)
    more = percentile(same, 50) - percentile(preview, 50)
    values = {"more than the preview": more, "preview": percentile(preview, 50), "unchanged": percentile(same, 50)}
    least = {"preview min": min(preview), "unchanged min": min(same), "unchanged p95": percentile(same, 95)}
    if any(changed):
        values |= {"after a change": percentile(other, 50)}
        least |= {"after a change min": min(other), "after a change p95": percentile(other, 95)}
    return Figure(name, "ms", values, len(shown), f"p50 at most {GOAL_MS:.0f} ms more", more <= GOAL_MS, least)


def _seconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def fill(client: Elasticsearch, indices: int) -> None:
    """Creates indices of 500 owners, with the owner in the mapping and a template for each owner."""
    patient = client.options(request_timeout=_CREATE_SECONDS)

    def add_template(number: int) -> None:
        owner = {"owner": f"@team-{number:03d}"}
        patterns = [f"logs-team{number:03d}-*"]
        patient.indices.put_index_template(name=f"team{number:03d}", index_patterns=patterns, priority=100, meta=owner)

    def add_index(number: int) -> None:
        team = number % OWNERS
        patient.indices.create(
            index=f"logs-team{team:03d}-app{number:05d}",
            mappings={"_meta": {"owner": f"@team-{team:03d}"}},
            settings={"number_of_replicas": 0},
            wait_for_active_shards="0",
        )

    with ThreadPoolExecutor(_WRITERS) as writers:
        list(writers.map(add_template, range(min(TEMPLATES, indices))))
        list(writers.map(add_index, range(indices)))
    # Each shard that starts makes a new cluster state.
    quiet = client.options(request_timeout=_START_SECONDS).cluster.health(
        wait_for_status="green", wait_for_events="languid", timeout=f"{_START_SECONDS}s"
    )
    if quiet["timed_out"]:
        raise RuntimeError(f"the shards have not started within {_START_SECONDS} s")


def change(client: Elasticsearch, numbers: count) -> None:  # type: ignore[type-arg]  # not generic at run time
    """Changes a template that concerns nothing else."""
    client.indices.put_index_template(
        name="elsewhere", index_patterns=["elsewhere-*"], version=next(numbers), priority=7
    )
