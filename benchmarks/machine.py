"""The machine on which figures were measured, without which they mean nothing."""

import os
import platform
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

SQUARES = 2_000_000
"""How many squares to sum, to measure the speed of a core, which varies on a shared machine."""


@dataclass(frozen=True)
class Machine:
    """A machine. `load` is the mean number of running processes in the minute before the first measurement.

    `squares` is the time, in seconds, that one core takes to sum two million squares in Python.
    """

    cores: int
    cpu: str
    system: str
    python: str
    elasticsearch: str
    date: str
    load: float
    squares: float

    def __str__(self) -> str:
        return (
            f"{self.cores} cores of {self.cpu}, {self.system}, Python {self.python}, "
            f"Elasticsearch {self.elasticsearch}, {self.date}, load before {self.load}, "
            f"a core sums up two million squares in {self.squares:.2f} s"
        )


def describe(elasticsearch: str) -> Machine:
    """The present state of this machine."""
    return Machine(
        cores=os.cpu_count() or 0,
        cpu=_cpu(),
        system=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
        elasticsearch=elasticsearch,
        date=datetime.now(UTC).date().isoformat(),
        load=round(os.getloadavg()[0], 2),
        squares=round(min(_squares() for _ in range(3)), 2),
    )


def _squares() -> float:
    began = time.perf_counter()
    sum(number * number for number in range(SQUARES))
    return time.perf_counter() - began


def _cpu() -> str:
    told = Path("/proc/cpuinfo")
    if told.is_file():
        for line in told.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
