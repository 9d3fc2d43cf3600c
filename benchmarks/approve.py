"""Time from a click on Approve to the credential, compared with the bare calls that any design needs."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from threading import Barrier

from benchmarks.actions import approve, arrivals, ask, settle
from benchmarks.baseline import Baseline
from benchmarks.environment import BenchmarkEnvironment
from benchmarks.report import Figure, ms, spread
from bot.sandbox.stage import Stage

WARM_UP_PAIRS = 3

GOAL_RATIO = 1.25

AT_ONCE = 64

FILED_AT_ONCE = 4

GOAL_THROUGHPUT = 0.85


def one_at_a_time(environment: BenchmarkEnvironment) -> list[Figure]:
    """Alternates between the product and the bare calls."""
    with Baseline(environment.stage) as baseline:
        hashed: list[float] = []

        def both() -> float:
            hashed.append(baseline.hashed())
            return baseline.password()

        floor, ours = _in_turn(environment, "logs-* 1h a benchmark", both)
    figures = _figures("role ∥ user, then one post", "Approve → credential in the message", floor, ours)
    fastest = ms(hashed)[-len(floor) :]
    return [Figure("bare: the same, the password hashed before", "ms", spread(fastest), len(fastest)), *figures]


def keys(environment: BenchmarkEnvironment) -> list[Figure]:
    """The same comparison for an API key."""
    with Baseline(environment.stage) as baseline:
        floor, ours = _in_turn(environment, "logs-* 1h a benchmark --key", baseline.key)
    bare_calls = "role ∥ user, key granted, both removed"
    return _figures(bare_calls, "Approve → API key in the message", floor, ours)


def _in_turn(
    environment: BenchmarkEnvironment, text: str, baseline: Callable[[], float]
) -> tuple[list[float], list[float]]:
    stage, floor, ours = environment.stage, [], []
    warm_up = environment.runs(WARM_UP_PAIRS)
    for _ in range(warm_up + environment.runs(20, 2)):
        message = ask(stage, text)
        settle(stage)
        ours.append(approve(stage, message)[0])
        settle(stage)
        floor.append(baseline())
    return ms(floor[warm_up:]), ms(ours[warm_up:])


def _figures(baseline: str, what: str, floor: list[float], ours: list[float]) -> list[Figure]:
    ratio = median(ours) / median(floor)
    return [
        Figure(f"bare: {baseline}", "ms", spread(floor), len(floor)),
        Figure(
            what, "ms", spread(ours) | {"ratio": ratio}, len(ours),
            f"<= {GOAL_RATIO} x bare = {GOAL_RATIO * median(floor):.0f} ms", ratio <= GOAL_RATIO,
        ),
    ]  # fmt: skip


def together(environment: BenchmarkEnvironment) -> list[Figure]:
    """Many simultaneous clicks, compared with a bare client with as many grants in flight; alternates by round."""
    stage, count = environment.stage, environment.runs(AT_ONCE, 4)
    ours, floor = [], []
    with Baseline(stage, count) as baseline:
        for _ in range(1 + environment.runs(5)):
            ours.append(count / _all_at_once(stage, count))
            settle(stage)
            floor.append(count / baseline.passwords(count))
    ours, floor = ours[1:], floor[1:]
    ratio = median(ours) / median(floor)
    return [
        Figure(f"bare: {count} in flight", "/s", spread(floor), len(floor)),
        Figure(
            f"{count} x Approve at once → credentials", "/s", spread(ours) | {"ratio": ratio}, len(ours),
            f">= {GOAL_THROUGHPUT} x bare = {GOAL_THROUGHPUT * median(floor):.0f}/s", ratio >= GOAL_THROUGHPUT,
        ),
    ]  # fmt: skip


def _all_at_once(stage: Stage, count: int) -> float:
    """Seconds from the clicks to the last credential. Each request comes from a different person."""
    people = [stage.workspace.add_user(f"many{number}-{time.time_ns()}") for number in range(count)]
    with ThreadPoolExecutor(FILED_AT_ONCE) as threads:
        messages = list(threads.map(lambda person: ask(stage, person=person), people))
    settle(stage)
    start = Barrier(count + 1)

    def click(number: int) -> None:
        start.wait()
        stage.workspace.click(stage.bob, messages[number], "Approve")

    with arrivals(stage, count) as watching, ThreadPoolExecutor(count) as threads:
        clicks = [threads.submit(click, number) for number in range(count)]
        start.wait()
        began = time.perf_counter()
        for each in clicks:
            each.result()
        last, _ = watching.wait()
    return last - began
