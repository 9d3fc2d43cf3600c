"""Readings of a database that hangs."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from bot.observability.bounded_read import BoundedRead


def test_forty_who_ask_while_it_hangs_wait_for_one_reading_and_not_for_long() -> None:
    release, calls = threading.Event(), list[int]()

    def hang() -> str:
        calls.append(1)
        release.wait(10)
        return "read"

    read = BoundedRead(hang, 0.1, "it")
    began = time.monotonic()
    with ThreadPoolExecutor(40) as threads:
        asked = [threads.submit(read) for _ in range(40)]
    assert {type(each.exception()) for each in asked} == {TimeoutError}
    assert time.monotonic() - began < 2
    assert len(calls) == 1
    release.set()
    assert read() == "read"


def test_each_reading_is_new_and_its_error_is_raised() -> None:
    answers = iter([1, 2])
    read = BoundedRead(lambda: next(answers), 5, "it")
    assert [read(), read()] == [1, 2]
    with pytest.raises(StopIteration):
        read()
