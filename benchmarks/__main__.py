"""Runs every benchmark, prints the table, and writes it to `results/latest.json`. Fails only if one cannot run."""

import argparse
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path

from rich.console import Console

from benchmarks import (
    acknowledge,
    approve,
    calls,
    expiry,
    history,
    looks,
    preview,
    reconcile,
    replicas,
    revocation,
    shares,
    startup,
)
from benchmarks.environment import BenchmarkEnvironment
from benchmarks.machine import describe
from benchmarks.report import Figure, amend, measured, table, write
from bot.sandbox.node import DEFAULT_VERSION, VERSIONS

RESULTS = Path(__file__).parent / "results" / "latest.json"

BUSY_LOAD = 0.5
"""Load average of one minute, without the benchmark, above which its figures are unreliable."""

BENCHMARKS: Mapping[str, Callable[[BenchmarkEnvironment], list[Figure]]] = {
    "startup": startup.measure,  # before the cluster has thousands of users to compare
    "approve": approve.one_at_a_time,
    "together": approve.together,
    "keys": approve.keys,
    "calls": calls.measure,
    "expiry": expiry.measure,  # ends the grants that earlier benchmarks left alive
    "acknowledge": acknowledge.measure,  # leaves hundreds of requests undecided
    "startup with many": startup.with_many,
    "revocation": revocation.measure,
    "reconcile": reconcile.measure,
    "preview": preview.measure,
    "looks": looks.measure,  # fills a node of its own with 10,000 indices
    "history": history.measure,
    "replicas": replicas.measure,
    "shares": shares.measure,
}
"""The benchmarks in the order in which they run. None depends on an earlier one."""


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--short", action="store_true", help="a few runs of each, to see that they run; writes no file")
    parser.add_argument("--only", action="append", choices=BENCHMARKS, help="that one; again for another; no file")
    parser.add_argument("--amend", action="store_true", help="with --only: puts its rows into the file")
    parser.add_argument("--version", default=DEFAULT_VERSION, choices=VERSIONS, help="of Elasticsearch")
    arguments = parser.parse_args()
    console = Console()
    machine = describe(arguments.version)
    if machine.load > BUSY_LOAD:
        console.print(f"This machine is busy: load {machine.load}. Measure again when it is idle.", style="yellow")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the servers stop as well
    names = arguments.only or list(BENCHMARKS)
    with closing(BenchmarkEnvironment(arguments.version, console, short=arguments.short)) as environment:
        figures = measure(environment, names, console)
    console.print(table(figures, machine))
    if not arguments.short and not arguments.only:
        write(RESULTS, figures, machine)
    elif arguments.amend and not arguments.short:
        amend(RESULTS, figures, machine)


def measure(environment: BenchmarkEnvironment, names: Sequence[str], console: Console) -> list[Figure]:
    """Runs these benchmarks and returns their figures."""
    figures: list[Figure] = []
    for name in names:
        began = time.monotonic()
        found = BENCHMARKS[name](environment)
        figures += found
        console.print(f"[green]✓[/] {name} [dim]took {time.monotonic() - began:.0f} s[/]", highlight=False)
        for each in found:
            console.print(f"  {each.name}: {measured(each)}", highlight=False, soft_wrap=True)
    return figures


if __name__ == "__main__":
    main()
