"""Work waits until every payload is acknowledged, up to a limit."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from bot.slack.ack_queue import BURST_SECONDS, LONGEST_WAIT_SECONDS, PAUSE_SECONDS, AckQueue


@pytest.fixture
def ack_queue() -> Iterator[AckQueue]:
    with ThreadPoolExecutor(4) as threads:
        yield AckQueue(threads)


def test_one_payload_by_itself_is_worked_on_at_once(ack_queue: AckQueue) -> None:
    ack_queue.record_arrival()
    assert not ack_queue.is_quiet()
    ack_queue.record_acknowledgement(0)
    assert ack_queue.is_quiet()


def test_after_two_in_a_row_more_are_expected_for_a_moment(ack_queue: AckQueue) -> None:
    for _ in range(2):
        ack_queue.record_arrival()
        ack_queue.record_acknowledgement(0)
    began = time.monotonic()
    ack_queue.wait_until_quiet(10)
    assert PAUSE_SECONDS / 2 < time.monotonic() - began < 5
    time.sleep(BURST_SECONDS)
    ack_queue.record_arrival()
    ack_queue.record_acknowledgement(0)
    assert ack_queue.is_quiet()


def test_work_waits_for_an_acknowledgement_but_not_for_ever(ack_queue: AckQueue) -> None:
    done = threading.Event()
    ack_queue.record_arrival()
    began = time.monotonic()
    ack_queue.submit(done.set)
    assert not done.wait(LONGEST_WAIT_SECONDS / 3)
    assert done.wait(10)
    assert time.monotonic() - began >= LONGEST_WAIT_SECONDS * 0.9


def test_everything_that_waited_is_done_when_the_last_is_acknowledged(ack_queue: AckQueue) -> None:
    done = [threading.Event() for _ in range(8)]
    ack_queue.record_arrival()
    for each in done:
        ack_queue.submit(each.set)
    assert not any(each.is_set() for each in done)
    ack_queue.record_acknowledgement(0)
    assert all(each.wait(10) for each in done)


def test_a_pause_comes_whatever_waits_to_be_acknowledged(ack_queue: AckQueue) -> None:
    for _ in range(2):
        ack_queue.record_arrival()
    began = time.monotonic()
    ack_queue.wait_for_pause()
    assert time.monotonic() - began < LONGEST_WAIT_SECONDS / 2
    assert not ack_queue.is_quiet()
