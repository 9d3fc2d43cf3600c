"""Time from the start of `bot run` until it is ready, and its memory then."""

import http.client
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks.actions import WAIT_SECONDS
from benchmarks.environment import BenchmarkEnvironment
from benchmarks.report import Figure, percentile
from bot.sandbox.node.node import free_port

POLL_SECONDS = 0.005

Run = Callable[[Path, int], AbstractContextManager[int]]
"""Runs `bot run` in a folder with health checks on a port; yields its process id."""

IDLE_SECONDS = 8.0
"""Time until the memory of the start is released, and the first reconciliation is done."""

GOAL_SECONDS = 2.0


GOAL_IDLE_MB, GOAL_MANY_MB = 120.0, 200.0


def measure(environment: BenchmarkEnvironment) -> list[Figure]:
    """Starts with the database of an earlier run and with none, as deployed; the first start is a warm-up."""
    stage, starts = environment.stage, environment.runs(5)
    run = partial(_bot_run, environment.deployed, stage.app.environment)
    stage.app.stop()
    try:
        with tempfile.TemporaryDirectory(prefix="es-access-bench-") as directory:
            again = [_start(run, Path(directory)) for _ in range(starts + 1)][1:]
            idle = [_megabytes(run, Path(directory), _rest(environment)) for _ in range(environment.runs(3))]
        fresh = [_fresh_start(run) for _ in range(starts)]
    finally:
        stage.app.start()
    return [
        _figure("bot run → ready", again),
        _figure("the same, on an empty database", fresh),
        _memory("bot run, idle: resident memory", idle, GOAL_IDLE_MB),
    ]


def with_many(environment: BenchmarkEnvironment) -> list[Figure]:
    """Memory with thousands of active grants, after comparing each with the cluster."""
    stage, many = environment.stage, environment.database_of_many
    run = partial(_bot_run, environment.deployed, stage.app.environment)
    stage.app.stop()
    try:
        full = [_megabytes_of(run, many, _rest(environment)) for _ in range(environment.runs(3))]
    finally:
        stage.app.start()
    name = f"bot run, {len(environment.many):,} grants live and compared with the cluster: resident memory"
    return [_memory(name, full, GOAL_MANY_MB)]


def _rest(environment: BenchmarkEnvironment) -> float:
    return IDLE_SECONDS / environment.runs(1, 8)


def _memory(name: str, megabytes: list[float], goal: float) -> Figure:
    values = {"median": median(megabytes), "max": max(megabytes)}
    return Figure(name, "MB", values, len(megabytes), f"< {goal:.0f} MB", max(megabytes) < goal)


def _megabytes_of(run: Run, database: Path, rest: float) -> float:
    with tempfile.TemporaryDirectory(prefix="es-access-bench-") as directory:
        shutil.copy(database, Path(directory) / "es-access.db")
        return _megabytes(run, Path(directory), rest)


def _figure(name: str, seconds: list[float]) -> Figure:
    values = {"median": median(seconds), "min": percentile(seconds, 0), "max": max(seconds)}
    return Figure(name, "s", values, len(seconds), f"< {GOAL_SECONDS:.0f} s", values["median"] < GOAL_SECONDS)


def _fresh_start(run: Run) -> float:
    with tempfile.TemporaryDirectory(prefix="es-access-bench-") as directory:
        return _start(run, Path(directory))


def _start(run: Run, directory: Path) -> float:
    port = free_port()
    began = time.perf_counter()
    with run(directory, port):
        _wait_ready(port)
        return time.perf_counter() - began


def _megabytes(run: Run, directory: Path, rest: float) -> float:
    port = free_port()
    with run(directory, port) as pid:
        _wait_ready(port)
        time.sleep(rest)
        listed = subprocess.run(["/bin/ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=True)
    return int(listed.stdout) / 1024


@contextmanager
def _bot_run(python: Path, settings: Mapping[str, str], directory: Path, port: int) -> Iterator[int]:
    """Starts and stops the process as a supervisor does. Yields its id."""
    own = {"PATH": os.environ.get("PATH", ""), "DATABASE_URL": f"sqlite:///{directory}/es-access.db"}
    with (directory / "log").open("ab") as log:
        process = subprocess.Popen(
            [python, "-m", "bot", "run"], env={**settings, **own, "HEALTH_PORT": str(port)},
            cwd=directory, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait(WAIT_SECONDS)


def _wait_ready(port: int) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        if _is_ready(port):
            return
        time.sleep(POLL_SECONDS)
    raise RuntimeError("bot run is never ready")


def _is_ready(port: int) -> bool:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_SECONDS)) as connection:
        try:
            connection.request("GET", "/readyz?deep")
            return connection.getresponse().status == http.client.OK
        except OSError:
            return False
