"""Time to preview `*`, its resources and its approvers, with 10,000 indices of 500 owners."""

import json
import time

from benchmarks.catalogue import INDICES, OWNERS, routing, state_of
from benchmarks.environment import BenchmarkEnvironment
from benchmarks.report import Figure, ms, percentile
from bot.access.requests.drafts import ParsedRequest
from bot.cli.run import fast_start
from bot.cluster.catalogue.cluster_state import read_catalogue
from bot.cluster.catalogue.reader import catalogue_cache

GOAL_MS = 300.0

WARM_UP = 5


def measure(_environment: BenchmarkEnvironment) -> list[Figure]:
    """Reads a synthetic cluster state once; previews use the cached catalogue."""
    with fast_start():
        pass  # the garbage collector skips objects of earlier benchmarks, as `bot run` skips those of its start
    text = json.dumps(state_of(INDICES, mapped=True))
    sizes = {f"logs-team{i % OWNERS:03d}-app{i:05d}": 1000 for i in range(INDICES)}
    kept = catalogue_cache(lambda: read_catalogue(json.loads(text), sizes, "owner"))
    try:
        way, prod, permission = routing(kept.get)
        parsed = ParsedRequest("U0ALICE", prod, ("*",), permission, None, "why")
        taken = []
        for _ in range(WARM_UP + _environment.runs(60, 3)):
            began = time.perf_counter()
            plan = way.plan(parsed, fresh=False)
            taken.append(time.perf_counter() - began)
    finally:
        kept.close()
    if plan.preview is None or plan.preview.count != INDICES or len(plan.groups) != OWNERS:
        raise RuntimeError(f"a preview of something else: {plan.preview and plan.preview.count}, {len(plan.groups)}")
    after = ms(taken[WARM_UP:])
    p95 = percentile(after, 95)
    return [
        Figure(
            f"preview of * over {INDICES:,} indices, {OWNERS} owners", "ms",
            {"p50": percentile(after, 50), "p95": p95}, len(after), f"p95 < {GOAL_MS:.0f} ms", p95 < GOAL_MS,
        )
    ]  # fmt: skip
