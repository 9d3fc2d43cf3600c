"""Checks that hang, fail and recover."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from structlog.testing import capture_logs

from bot.access.errors import Outage
from bot.runtime import dependencies
from bot.runtime.dependencies import OK, Dependencies, Dependency

Started = Callable[[Callable[[], object]], Dependency]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Iterator[Started]:
    """Starts a dependency that is checked without a pause."""
    monkeypatch.setattr(dependencies, "RETRY_SECONDS", 0.01)
    with ExitStack() as stack:

        def start(check: Callable[[], object]) -> Dependency:
            dependency = Dependency("it", check, 0.01)
            stack.callback(dependency.stop)
            dependency.start()
            return dependency

        yield start


def wait(look: Callable[[], bool]) -> None:
    until = time.monotonic() + 5
    while not look():
        assert time.monotonic() < until
        time.sleep(0.002)


def test_a_check_that_hangs_is_late_for_everybody_and_made_once(
    started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dependencies, "LATE_SECONDS", 0.05)
    release, calls = threading.Event(), list[int]()

    def hang() -> None:
        calls.append(1)
        release.wait(10)

    dependency = started(hang)
    assert dependency.answer == "not checked yet"
    wait(lambda: dependency.answer == "no answer within 0 s")
    began = time.monotonic()
    assert all(dependency.answer != OK for _ in range(1000))
    assert time.monotonic() - began < 1
    assert len(calls) == 1
    release.set()
    wait(lambda: dependency.answer == OK)


def test_a_check_that_hangs_delays_no_other(started: Started) -> None:
    release = threading.Event()
    late, well = started(lambda: release.wait(10)), started(lambda: None)
    both = Dependencies([late])
    wait(lambda: well.answer == OK)
    assert not both.wait_for_first(0.01)
    release.set()
    assert both.wait_for_first(5)


def test_an_outage_is_named_and_a_bug_by_its_kind_alone(started: Started) -> None:
    def away() -> None:
        raise Outage("the cluster is away")

    def broken() -> None:
        raise ValueError("may hold a secret")

    one, other = started(away), started(broken)
    wait(lambda: one.answer == "the cluster is away")
    wait(lambda: other.answer == "ValueError")


def test_what_fails_and_recovers_is_two_lines_in_the_log(started: Started) -> None:
    answers = iter([True, False, True, False, False, False, True])

    def check() -> None:
        if not next(answers, True):
            raise Outage("away")

    with capture_logs() as lines:
        started(check)
        wait(lambda: len(lines) == 2)
    assert [(each["event"], each.get("error")) for each in lines] == [
        ("a dependency is unavailable", "away"),
        ("a dependency is available again", None),
    ], "a single failure is none"


def test_a_failure_of_the_first_check_is_logged_at_once(started: Started) -> None:
    def away() -> None:
        raise Outage("away")

    with capture_logs() as lines:
        dependency = started(away)
        dependency.wait_for_first(5)
    assert len(lines) == 1
