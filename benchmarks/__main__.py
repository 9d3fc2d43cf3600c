"""Runs every benchmark, prints the table, and writes it to `results/latest.json`. Fails only if one does not run."""

import argparse
from pathlib import Path

from rich.console import Console

from benchmarks import acknowledge, approve, expiry, startup
from benchmarks.machine import describe
from benchmarks.report import Figure, table, write
from bot.sandbox.node import DEFAULT_VERSION, VERSIONS
from bot.sandbox.stage import running

RESULTS = Path(__file__).parent / "results" / "latest.json"

BUSY_LOAD = 0.5
"""Processes running beside the benchmark, on average of a minute, above which its figures are not to be trusted."""


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--short", action="store_true", help="a few runs of each, to see that they run; writes no file")
    parser.add_argument("--version", default=DEFAULT_VERSION, choices=VERSIONS, help="of Elasticsearch")
    arguments = parser.parse_args()
    console = Console()
    machine = describe(arguments.version)
    if machine.load > BUSY_LOAD:
        console.print(f"This machine is busy: load {machine.load}. Measure again when it is idle.", style="yellow")
    figures = measure(arguments.version, console, short=arguments.short)
    console.print(table(figures, machine))
    if not arguments.short:
        write(RESULTS, figures, machine)


def measure(version: str, console: Console, *, short: bool) -> list[Figure]:
    """Every figure, on one node. Those that need the running application come first."""
    figures: list[Figure] = []
    with running(version, console) as stage:
        with console.status("approvals, beside the bare calls …"):
            figures += approve.measure(stage, pairs=3 if short else 25)
        with console.status("expiries …"):
            figures += expiry.measure(stage, grants=2 if short else 20)
        with console.status("commands at once …"):  # leaves hundreds of requests undecided: after the others
            figures += acknowledge.measure(stage, rounds=1 if short else 5)
        stage.app.stop()
        with console.status("starts …"):
            figures += startup.measure(stage, starts=1 if short else 5)
    return figures


if __name__ == "__main__":
    main()
