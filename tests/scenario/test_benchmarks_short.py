"""The benchmarks still run. What they measure here is not looked at: a busy machine fails nobody."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

QUICK = ("approve", "keys", "expiry", "acknowledge", "revocation", "reconcile", "preview", "history", "replicas")
"""All but those that mostly wait: for starts, for a quiet workspace, and for many at once."""

LONGEST_SECONDS = 500
"""Several times what it takes on two cores with nothing else to do."""


def test_each_benchmark_that_is_quick_runs_and_shows_a_figure() -> None:
    only = [word for name in QUICK for word in ("--only", name)]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--short", *only],
        cwd=ROOT, capture_output=True, text=True, timeout=LONGEST_SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    for name in QUICK:
        assert f"✓ {name} took" in done.stdout, done.stdout
