"""A reading that holds up nobody: one at a time, and nobody waits for it longer than a limit."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

Value = TypeVar("Value")


class BoundedRead(Generic[Value]):
    """Calls `read` in a thread of its own. All who ask while it goes on wait for the same answer."""

    def __init__(self, read: Callable[[], Value], seconds: float, name: str) -> None:
        self._read = read
        self._seconds = seconds
        self._name = name
        self._guard = threading.Lock()
        self._reading: Future[Value] | None = None

    def __call__(self) -> Value:
        """The answer of a reading that ends now. Raises its error, or `TimeoutError` after the limit."""
        with self._guard:
            if self._reading is None or self._reading.done():
                self._reading = Future()
                # A daemon thread, unlike those of an executor: a stop does not wait for it.
                threading.Thread(target=self._run, args=(self._reading,), name=self._name, daemon=True).start()
            reading = self._reading
        return reading.result(self._seconds)

    def _run(self, reading: "Future[Value]") -> None:
        try:
            reading.set_result(self._read())
        except BaseException as error:  # noqa: BLE001 (raised by those who wait)
            reading.set_exception(error)
