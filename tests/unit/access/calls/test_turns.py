"""So many tasks run at a time, and those that wait for another system do not count."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from bot.access.calls.turns import Turns, waiting

LONG = 10.0
SHORT = 0.2


@pytest.fixture
def turns() -> Iterator[Turns]:
    running = Turns(2, ThreadPoolExecutor(8))
    yield running
    running.shutdown()


def _is_held(turns: Turns, let_go: threading.Event) -> "Future[bool]":
    begun = threading.Event()

    def hold() -> bool:
        begun.set()
        return let_go.wait(LONG)

    held = turns.submit(hold)
    assert begun.wait(LONG)
    return held


def test_no_more_run_at_a_time(turns: Turns) -> None:
    let_go = threading.Event()
    held = [_is_held(turns, let_go) for _ in range(2)]
    third = turns.submit(lambda: "third")
    with pytest.raises(TimeoutError):
        third.result(SHORT)
    let_go.set()
    assert third.result(LONG) == "third"
    assert all(each.result(LONG) for each in held)


def test_tasks_that_wait_for_another_system_hold_up_nobody(turns: Turns) -> None:
    let_go, back = threading.Event(), threading.Event()

    def wait_outside() -> bool:
        with waiting(), waiting():
            let_go.wait(LONG)
        return back.wait(LONG)

    outside = [turns.submit(wait_outside) for _ in range(6)]
    assert turns.submit(lambda: "served").result(LONG) == "served"
    let_go.set()  # all come back at once, and go on
    later = turns.submit(lambda: "later")
    back.set()
    assert all(each.result(LONG) for each in outside)
    assert later.result(LONG) == "later"


def test_waiting_without_a_turn_changes_nothing() -> None:
    with waiting():
        pass


def test_an_error_is_the_result(turns: Turns) -> None:
    def fail() -> None:
        raise KeyError("x")

    assert isinstance(turns.submit(fail).exception(LONG), KeyError)


def test_at_the_end_everything_submitted_is_done() -> None:
    turns = Turns(1, ThreadPoolExecutor(2))
    done = [turns.submit(threading.Event().wait, 0.05) for _ in range(5)]
    turns.shutdown()
    assert all(each.done() for each in done)
    with pytest.raises(RuntimeError):
        turns.submit(lambda: None)
