"""A system that does not answer holds up few calls, and is found to answer again soon."""

from contextlib import ExitStack, suppress

import pytest

from bot.access.calls.gate import PROBE_EVERY_SECONDS, SILENCE_SECONDS, UNANSWERED_SECONDS, WAITING_CALLS, Gate, probing
from bot.access.errors import Outage

TIMEOUT = 10.0


class Told(Exception):
    """An error by which the system answers."""


class World:
    def __init__(self) -> None:
        self.now = 100.0
        self.changes: list[tuple[str, bool]] = []
        self.gate = Gate("X", lambda *change: self.changes.append(change), (Told,), lambda: self.now)

    def time_out(self, seconds: float = TIMEOUT) -> None:
        """A call that waits in vain."""
        with suppress(TimeoutError), self.gate.passing():
            self.now += seconds
            raise TimeoutError

    def answer(self) -> None:
        with self.gate.passing():
            pass

    def is_refused(self) -> bool:
        try:
            self.answer()
        except Outage as error:
            return str(error) == "X does not answer"
        return False


@pytest.fixture
def world() -> World:
    return World()


def test_after_a_call_in_vain_one_probe_passes_and_the_others_fail_at_once(world: World) -> None:
    world.time_out()
    assert not world.gate.is_open
    with suppress(TimeoutError), world.gate.passing():
        assert world.is_refused()
        world.now += PROBE_EVERY_SECONDS - 0.1
        assert world.is_refused()
        raise TimeoutError
    assert world.changes == [("X", False)]


def test_an_answer_opens_it_for_all(world: World) -> None:
    world.time_out()
    world.answer()
    assert not any(world.is_refused() for _ in range(9))
    assert world.changes == [("X", False), ("X", True)]


def test_an_error_that_the_system_answers_opens_it_too(world: World) -> None:
    world.time_out()
    with suppress(Told), world.gate.passing():
        raise Told
    assert world.gate.is_open


def test_a_probe_that_hangs_does_not_keep_the_next_one_out(world: World) -> None:
    world.time_out()
    with ExitStack() as hanging:
        hanging.enter_context(world.gate.passing())
        world.now += PROBE_EVERY_SECONDS
        assert not world.is_refused()
    assert world.gate.is_open


def test_a_slow_call_beside_answered_ones_closes_nothing(world: World) -> None:
    with suppress(TimeoutError), world.gate.passing():
        world.now += TIMEOUT / 2
        world.answer()
        world.now += TIMEOUT / 2
        raise TimeoutError
    assert world.gate.is_open


def test_a_call_that_fails_soon_closes_nothing(world: World) -> None:
    world.time_out(UNANSWERED_SECONDS / 2)
    assert world.gate.is_open


def test_before_the_first_call_times_out_only_a_few_wait(world: World) -> None:
    with ExitStack() as hanging:
        for _ in range(WAITING_CALLS):
            hanging.enter_context(world.gate.passing())
        world.now += SILENCE_SECONDS - 0.1
        hanging.enter_context(world.gate.passing())
        world.now += 0.1
        hanging.enter_context(world.gate.passing())  # a probe
        assert world.changes == [("X", False)]
        assert world.is_refused()
        world.now += PROBE_EVERY_SECONDS
        assert not world.is_refused()
        assert not world.is_refused(), "it has answered"
    assert world.changes == [("X", False), ("X", True)]


def test_where_somebody_probes_no_other_call_passes(world: World) -> None:
    world.gate = Gate("X", clock=lambda: world.now, probed=True)
    world.time_out()
    world.now += PROBE_EVERY_SECONDS
    assert world.is_refused()
    with probing():
        assert not world.is_refused()
    assert not world.is_refused()


def test_fewer_slow_calls_are_no_sign_of_trouble(world: World) -> None:
    with ExitStack() as slow:
        for _ in range(WAITING_CALLS - 1):
            slow.enter_context(world.gate.passing())
        world.now += TIMEOUT
        assert not world.is_refused()


def test_a_system_that_is_slow_and_answers_is_waited_for(world: World) -> None:
    slow = SILENCE_SECONDS + 0.4
    with world.gate.passing():
        world.now += slow
    with ExitStack() as waiting:
        for _ in range(WAITING_CALLS):
            waiting.enter_context(world.gate.passing())
        world.now += slow
        assert not world.is_refused()
    for _ in range(20):
        world.answer()  # at once
    with ExitStack() as waiting:
        for _ in range(WAITING_CALLS):
            waiting.enter_context(world.gate.passing())
        world.now += SILENCE_SECONDS
        waiting.enter_context(world.gate.passing())  # a probe
        assert world.is_refused()
