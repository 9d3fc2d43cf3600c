"""Our own clock, when it jumps back: what was to be tried again by the clock before is tried again now."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.access.ports import Clock
from bot.access.store.store import Store

JUMP = timedelta(seconds=30)
"""How far back it has to go. With less, what waits comes late by less than that."""

LONGEST_CLAIM = timedelta(minutes=1)
"""No work holds a row for longer without renewing its claim."""


@dataclass
class ClockJumpDetector:
    """Compares our clock with one that only runs on. For one thread.

    An end is not touched by a jump: it stands at the time that people were told. What is due “in a minute” would come
    an hour late after an hour back, and what a dead process held would stay in its hand for that long.
    """

    store: Store
    clock: Clock
    running: Callable[[], float] = time.monotonic
    _last: tuple[datetime, float] | None = field(default=None, init=False)

    def check(self) -> bool:
        """Whether it went back since the last look. Then all that waits to be tried again is due now."""
        now, running = self.clock.now(), self.running()
        then, ran = self._last or (now, running)
        back = now - then < timedelta(seconds=running - ran) - JUMP
        if back:
            with self.store.writing() as write:
                write.clock_went_back(now, now + LONGEST_CLAIM)
        self._last = now, running
        return back
