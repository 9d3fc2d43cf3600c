"""The benchmarks run. Their figures are not checked, so that a busy machine fails no test."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

QUICK = ("approve", "keys", "expiry", "acknowledge", "revocation", "reconcile", "preview", "history", "replicas")
"""All benchmarks except those that mostly wait: for starts, for a quiet workspace, and for bursts."""

LONGEST_SECONDS = 500
"""Several times the duration on two idle cores."""


def test_each_benchmark_that_is_quick_runs_and_shows_a_figure() -> None:
    only = [word for name in QUICK for word in ("--only", name)]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--short", *only],
        cwd=ROOT, capture_output=True, text=True, timeout=LONGEST_SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    for name in QUICK:
        assert f"✓ {name} took" in done.stdout, done.stdout
