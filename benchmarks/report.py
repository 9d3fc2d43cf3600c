"""Figures and their goals, as a table and as a JSON file."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from rich.table import Table

from benchmarks.machine import Machine

_RATIOS = ("ratio", "growth")
"""Names of values without a unit."""


@dataclass(frozen=True)
class Figure:
    """One row of the table. `values` are in `unit`, except ratios; `met` is `None` when there is no goal."""

    name: str
    unit: str
    values: dict[str, float]
    samples: int
    goal: str = ""
    met: bool | None = None
    more: dict[str, float] = field(default_factory=dict)
    """Explanatory values; in the file, not in the table."""


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that at least `percent` of the values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def spread(values: Sequence[float]) -> dict[str, float]:
    """The median and the quartiles."""
    return {"median": median(values), "p25": percentile(values, 25), "p75": percentile(values, 75)}


def ms(seconds: Sequence[float]) -> list[float]:
    """Converts seconds to milliseconds."""
    return [each * 1000 for each in seconds]


def measured(figure: Figure) -> str:
    """All values of a figure on one line."""
    times = {name: value for name, value in figure.values.items() if not name.startswith(_RATIOS)}
    shown = ", ".join(f"{name} {_short(value)}" for name, value in times.items()) + f" {figure.unit}"
    return shown + "".join(f", {name} {value:.2f}" for name, value in figure.values.items() if name not in times)


def table(figures: Sequence[Figure], machine: Machine) -> Table:
    """A table of all figures, with the machine below."""
    shown = Table("figure", "measured", "n", "goal", "met", caption=str(machine), caption_justify="left")
    for each in figures:
        met = {True: "[green]yes[/]", False: "[bold red]no[/]", None: ""}[each.met]
        shown.add_row(each.name, measured(each), str(each.samples), each.goal, met)
    return shown


def write(path: Path, figures: Sequence[Figure], machine: Machine) -> None:
    """Writes the table as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _keep(path, {"machine": asdict(machine), "figures": [_row(each) for each in figures]})


def amend(path: Path, figures: Sequence[Figure], machine: Machine) -> None:
    """Replaces the rows of the same names in the file, or appends them. Each new row records `machine`."""
    kept = json.loads(path.read_text(encoding="utf-8"))
    again = {each.name: _row(each) | {"machine": asdict(machine)} for each in figures}
    rows = {row["name"]: row for row in kept["figures"]} | again
    _keep(path, kept | {"figures": list(rows.values())})


def _row(figure: Figure) -> dict[str, Any]:
    return asdict(figure) | {"values": _rounded(figure.values), "more": _rounded(figure.more)}


def _keep(path: Path, table: dict[str, Any]) -> None:
    path.write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")


def _rounded(values: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 3) for name, value in values.items()}


def _short(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"
