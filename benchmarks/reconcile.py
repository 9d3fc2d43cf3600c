"""Time and memory of one reconciliation of a cluster with thousands of grants, in its own process.

`python -m benchmarks.reconcile` is that process: it takes its settings from the environment and the clock's file as
its argument, and prints seconds and megabytes.
"""

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from benchmarks.environment import BenchmarkEnvironment
from benchmarks.report import Figure, spread
from bot.bootstrap.commands import admin_commands
from bot.config.configuration import Configuration
from bot.config.settings import load_settings
from bot.observability.logs import Scrubber

GOAL_SECONDS, GOAL_MB = 10.0, 100.0

LONGEST_SECONDS = 120.0


def measure(environment: BenchmarkEnvironment) -> list[Figure]:
    """Runs every round in a new process, with its own copy of a database that contains all the grants."""
    stage, many = environment.stage, environment.database_of_many
    stage.app.stop()
    try:
        rounds = [_in_new_process(environment, many) for _ in range(1 + environment.runs(5))][1:]
    finally:
        stage.app.start()
    seconds, more = [each["seconds"] for each in rounds], [each["megabytes"] for each in rounds]
    name = f"reconcile, {len(environment.many):,} grants"
    return [
        Figure(
            name, "s", spread(seconds) | {"max": max(seconds)}, len(seconds),
            f"<= {GOAL_SECONDS:.0f} s", max(seconds) <= GOAL_SECONDS,
        ),
        Figure(
            f"{name}: more memory", "MB", {"median": median(more), "max": max(more)}, len(more),
            f"<= {GOAL_MB:.0f} MB", max(more) <= GOAL_MB,
        ),
    ]  # fmt: skip


def _in_new_process(environment: BenchmarkEnvironment, database: Path) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="es-access-bench-") as folder:
        shutil.copy(database, Path(folder) / "es-access.db")
        own = {"PATH": os.environ.get("PATH", ""), "DATABASE_URL": f"sqlite:///{folder}/es-access.db"}
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.reconcile"], env={**environment.stage.app.environment, **own},
            cwd=Path(__file__).parents[1], capture_output=True, text=True, timeout=LONGEST_SECONDS, check=False,
        )  # fmt: skip
    if done.returncode != 0:
        raise RuntimeError(f"the round failed:\n{done.stderr[-2000:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    if found["found"] < len(environment.many):
        raise RuntimeError(f"the round found {found['found']:.0f} of {len(environment.many)} grants")
    return found


def _one_round() -> None:
    settings = load_settings()
    configuration: Configuration = settings.configuration()
    (integration,) = configuration.policy.integrations
    with admin_commands(settings, Scrubber([])) as hand:
        before, began = _peak_megabytes(), time.perf_counter()
        outcome = hand.reconciliation.reconcile(integration)
        seconds, after = time.perf_counter() - began, _peak_megabytes()
    # This database lacks the few grants that earlier benchmarks left, so they are adopted.
    if outcome is None or outcome.error or outcome.changes.keys() - {"adopted"}:
        raise SystemExit(
            f"not a round that finds everything as it is known: {outcome and (outcome.error, outcome.changes)}"
        )
    print(json.dumps({"seconds": seconds, "megabytes": after - before, "found": outcome.found}))


def _peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    _one_round()
