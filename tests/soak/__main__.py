"""`make soak`: runs the application under load, with kills and faults, on each database, and prints figures.

Exits 1 on any violation, and prints the seed that repeats the same choices (the order of threads is up to the
machine).
"""

import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer

from bot.sandbox.application import ApplicationProcess
from bot.sandbox.node import VERSIONS, Node
from tests.forked import Forked
from tests.soak.inputs import bad_inputs
from tests.soak.soak import SoakReport, soak

SHOWN = 20
"""Number of violations printed in full."""


def main(
    kills: Annotated[int, typer.Option(help="Kills, shared out among the databases.")] = 200,
    seed: Annotated[int | None, typer.Option(help="Of all choices; by itself another one each time.")] = None,
    database: Annotated[str, typer.Option(help="sqlite, postgresql, pgbouncer (PostgreSQL behind it) or all.")] = "all",
    minutes: Annotated[float, typer.Option(help="Longest time for load and kills, in all.")] = 15.0,
    inputs: Annotated[int, typer.Option(help="Bad inputs to generate.")] = 0,
) -> None:
    """Runs the soak, prints the figures, and exits with 1 on a violation."""
    ApplicationProcess.launch = Forked  # otherwise starts would take most of the time
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that everything started is stopped as well
    chosen = int(time.time()) if seed is None else seed
    kinds = ["sqlite", "postgresql", "pgbouncer"] if database == "all" else [database]
    whole, began = SoakReport(), time.monotonic()
    with Node.start(VERSIONS[0]) as node:
        for number, kind in enumerate(kinds):
            share = kills // len(kinds) + (number < kills % len(kinds))
            with tempfile.TemporaryDirectory() as folder:
                report = soak(node, Path(folder), kind, share, chosen, minutes * 60 / len(kinds))
            print(f"{kind}: {report.requests} requests, {report.kills} kills, {len(report.violations)} violations")
            for sentence in report.violations[:SHOWN]:
                print(f"VIOLATION: {sentence}", flush=True)
            whole.add(report)
    given = bad_inputs(inputs, chosen) if inputs else 0
    print("\n".join(whole.lines()))
    if given:
        print(f"bad inputs: {given}")
    print(f"seed {chosen}, {time.monotonic() - began:.0f} s")
    raise typer.Exit(bool(whole.violations))


if __name__ == "__main__":
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(main)
    app()
