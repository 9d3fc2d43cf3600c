"""Turns: how many tasks run at a time, not counting those that wait for another system."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import ParamSpec, TypeVar

_P = ParamSpec("_P")
_T = TypeVar("_T")

_mine: ContextVar["Turns | None"] = ContextVar("turn", default=None)
"""The turns of which this thread has one."""


@contextmanager
def waiting() -> Iterator[None]:
    """The block waits for another system. If this thread has a turn, another task gets it meanwhile."""
    turns = _mine.get()
    if turns is None:
        yield
        return
    token = _mine.set(None)  # it has none within the block
    turns.give_up()
    try:
        yield
    finally:
        turns.take_back()
        _mine.reset(token)


class Turns(Executor):
    """Runs up to `size` tasks at a time in `threads`. Tasks in a `waiting` block do not count.

    So a system that hangs keeps its own tasks waiting, and no others, as long as there are threads. A task that comes
    back from waiting goes on at once, even if `size` others run.
    """

    def __init__(self, size: int, threads: Executor) -> None:
        self._size = size
        self._threads = threads
        self._tasks: deque[Callable[[], None]] = deque()
        self._running = 0
        self._closed = False
        self._guard = threading.Lock()
        self._empty = threading.Condition(self._guard)

    def submit(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> "Future[_T]":
        """See `Executor.submit`."""
        future: Future[_T] = Future()
        with self._guard:
            if self._closed:
                raise RuntimeError("no task can be submitted after the shutdown")
            self._tasks.append(partial(_run, future, partial(fn, *args, **kwargs)))
        self._start_next()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """See `Executor.shutdown`. Returns when each task has begun, and with `wait` when all are done."""
        with self._guard:
            self._closed = True
            if cancel_futures:
                self._tasks.clear()
            # Still in turn: all at once, they would take each other's time.
            self._empty.wait_for(lambda: not self._tasks)
        self._threads.shutdown(wait=wait)

    def give_up(self) -> None:
        """The task of this thread waits: lets another one begin."""
        with self._guard:
            self._running -= 1
        self._start_next()

    def take_back(self) -> None:
        """The task of this thread goes on."""
        with self._guard:
            self._running += 1

    def _start_next(self) -> None:
        while True:
            with self._guard:
                if not self._tasks or self._running >= self._size:
                    return
                task = self._tasks[0]
                self._running += 1
                self._threads.submit(self._take_turn, task)
                self._tasks.popleft()  # only now: a shutdown waits until every task has its thread
                self._empty.notify_all()

    def _take_turn(self, task: Callable[[], None]) -> None:
        token = _mine.set(self)
        try:
            task()
        finally:
            _mine.reset(token)
            with self._guard:
                self._running -= 1
            self._start_next()


def _run(future: "Future[_T]", call: Callable[[], _T]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = call()
    except BaseException as error:  # noqa: BLE001 (whoever waits for the result raises it)
        future.set_exception(error)
    else:
        future.set_result(result)
