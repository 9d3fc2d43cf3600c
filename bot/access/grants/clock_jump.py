"""Our own clock going back: retries scheduled by the old clock become due at once."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.access.claims import LONGEST_ROW_CLAIM
from bot.access.ports import Clock
from bot.access.store.store import Store

JUMP = timedelta(seconds=30)
"""The smallest jump that counts. After a smaller one, retries are late by less than this."""


@dataclass
class ClockJumpDetector:
    """Compares our clock with a monotonic one. For one thread.

    A jump moves no end: people were told that time. But a retry due in a minute would come an hour late after a jump of
    an hour, and a dead process would hold its claims for that long.
    """

    store: Store
    clock: Clock
    running: Callable[[], float] = time.monotonic
    _last: tuple[datetime, float] | None = field(default=None, init=False)

    def check(self) -> bool:
        """Whether the clock went back since the last check. If so, everything that waits for a retry is due now."""
        now, running = self.clock.now(), self.running()
        then, ran = self._last or (now, running)
        back = now - then < timedelta(seconds=running - ran) - JUMP
        if back:
            with self.store.writing() as write:
                write.make_retries_due(now, now + LONGEST_ROW_CLAIM)
        self._last = now, running
        return back
