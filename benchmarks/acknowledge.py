"""Time to acknowledge each of many simultaneous commands."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from benchmarks.actions import settle
from benchmarks.environment import BenchmarkEnvironment
from benchmarks.report import Figure, ms, percentile
from bot.sandbox.stage import Stage
from bot.sandbox.workspace import User

AT_ONCE = 200

GOAL_MS = 100.0

SLACK_MS = 3000.0
"""Slack's timeout for an acknowledgement."""

QUIET_SECONDS = 1.0
"""Between two rounds. While two hundred commands are worked on, a tenth of a second often passes without a call."""


def measure(environment: BenchmarkEnvironment) -> list[Figure]:
    """In each round, `AT_ONCE` people type the same command simultaneously; the first round is a warm-up."""
    stage = environment.stage
    people = [stage.workspace.add_user(f"person{number}") for number in range(environment.runs(AT_ONCE, 20))]
    _round(stage, people)
    taken = [_round(stage, people) for _ in range(environment.runs(5))]
    together = ms([each for seconds in taken for each in seconds])
    p99 = percentile(together, 99)
    return [
        Figure(
            f"{len(people)} commands at once: acknowledged",
            "ms",
            {"p50": percentile(together, 50), "p99": p99, "max": max(together)},
            len(together),
            f"p99 < {GOAL_MS:.0f} ms, none over {SLACK_MS / 1000:.0f} s",
            p99 < GOAL_MS and max(together) < SLACK_MS,
            {f"p99 of round {number}": percentile(ms(seconds), 99) for number, seconds in enumerate(taken, 1)},
        )
    ]


def _round(stage: Stage, people: Sequence[User]) -> list[float]:
    """Seconds from sending each command to its acknowledgement, measured as Slack does for its limit of three."""
    together = Barrier(len(people))

    def ask(person: User) -> float:
        together.wait()
        delivery = stage.workspace.command(person, "/es-access", "logs-* 1h a benchmark")
        if delivery.ack_seconds is None:
            raise RuntimeError(f"not acknowledged: {delivery.error}")
        return delivery.ack_seconds

    with ThreadPoolExecutor(len(people)) as threads:
        seconds = list(threads.map(ask, people))
    settle(stage, QUIET_SECONDS)
    return seconds
