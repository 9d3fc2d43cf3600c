"""Work waits until no payload waits to be acknowledged, and for no longer than is worth it."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from bot.slack.ack_queue import BURST_SECONDS, LONGEST_WAIT_SECONDS, PAUSE_SECONDS, Afterwards


@pytest.fixture
def afterwards() -> Iterator[Afterwards]:
    with ThreadPoolExecutor(4) as threads:
        yield Afterwards(threads)


def test_one_payload_by_itself_is_worked_on_at_once(afterwards: Afterwards) -> None:
    afterwards.arrived()
    assert not afterwards.is_quiet()
    afterwards.acknowledged(0)
    assert afterwards.is_quiet()


def test_after_two_in_a_row_more_are_expected_for_a_moment(afterwards: Afterwards) -> None:
    for _ in range(2):
        afterwards.arrived()
        afterwards.acknowledged(0)
    began = time.monotonic()
    afterwards.wait_until_quiet(10)
    assert PAUSE_SECONDS / 2 < time.monotonic() - began < 5
    time.sleep(BURST_SECONDS)
    afterwards.arrived()
    afterwards.acknowledged(0)
    assert afterwards.is_quiet()


def test_work_waits_for_an_acknowledgement_but_not_for_ever(afterwards: Afterwards) -> None:
    done = threading.Event()
    afterwards.arrived()
    began = time.monotonic()
    afterwards.do(done.set)
    assert not done.wait(LONGEST_WAIT_SECONDS / 3)
    assert done.wait(10)
    assert time.monotonic() - began >= LONGEST_WAIT_SECONDS * 0.9


def test_everything_that_waited_is_done_when_the_last_is_acknowledged(afterwards: Afterwards) -> None:
    done = [threading.Event() for _ in range(8)]
    afterwards.arrived()
    for each in done:
        afterwards.do(each.set)
    assert not any(each.is_set() for each in done)
    afterwards.acknowledged(0)
    assert all(each.wait(10) for each in done)


def test_a_pause_comes_whatever_waits_to_be_acknowledged(afterwards: Afterwards) -> None:
    for _ in range(2):
        afterwards.arrived()
    began = time.monotonic()
    afterwards.wait_for_a_pause()
    assert time.monotonic() - began < LONGEST_WAIT_SECONDS / 2
    assert not afterwards.is_quiet()
