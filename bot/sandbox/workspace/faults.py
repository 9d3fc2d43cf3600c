"""Faults that a test injects into the next calls."""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from bot.sandbox.workspace.model import JsonObject

# An HTTP status, "nothing", "hang", "garbage", "half", or one of Slack's error codes, sent with HTTP 200.
FaultAnswer = int | str
Phase = Literal["before", "after"]
# A hook may return "drop" to close the connection; in phase "before" the call then has no effect.
Hook = Callable[[str, JsonObject, Phase], Literal["drop"] | None]


@dataclass
class Fault:
    """`answer` is an HTTP status, "nothing" (close the connection), "hang" (no answer until cleared), "garbage" (a
    sign-in page with HTTP 200), "half" (half of an answer, then close) or one of Slack's error codes, such as
    "messages_tab_disabled".

    With `after` the call takes effect first: the message is posted and only the answer is lost.
    `when` limits it to calls with matching arguments. `times` counts down; None is for ever.
    """

    method: str
    answer: FaultAnswer
    retry_after: int
    times: int | None
    after: bool
    when: Callable[[JsonObject], bool] | None
    hits: int = 0

    def fits(self, method: str, payload: JsonObject) -> bool:
        wanted = self.method in ("*", method)
        return wanted and self.times != 0 and (self.when is None or self.when(payload))


class Faults:
    """The faults to inject. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._hung: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    def add(
        self,
        method: str,
        answer: FaultAnswer,
        *,
        retry_after: int = 1,
        times: int | None = 1,
        after: bool = False,
        when: Callable[[JsonObject], bool] | None = None,
    ) -> Fault:
        """Add a fault for `method` ("*" is every method, "response_url" the answers posted to a response_url)."""
        if isinstance(answer, int) and not 400 <= answer <= 599:
            raise ValueError("a fault is an HTTP status from 400 to 599, 'nothing', 'hang' or a code of Slack's")
        fault = Fault(method, answer, retry_after, times, after, when)
        with self._lock:
            self._faults.append(fault)
        return fault

    def clear(self) -> None:
        """Remove every fault and release hanging calls (their connections are closed)."""
        with self._lock:
            self._faults, hung, self._hung = [], self._hung, []
        for loop, event in hung:
            if not loop.is_closed():
                loop.call_soon_threadsafe(event.set)

    def take(self, method: str, payload: JsonObject) -> Fault | None:
        """The first fault that matches this call, counted down."""
        with self._lock:
            fault = next((one for one in self._faults if one.fits(method, payload)), None)
            if fault is not None:
                fault.hits += 1
                fault.times = None if fault.times is None else fault.times - 1
            return fault

    async def hang(self) -> None:
        """Wait until the faults are cleared."""
        event = asyncio.Event()
        with self._lock:
            self._hung.append((asyncio.get_running_loop(), event))
        await event.wait()
