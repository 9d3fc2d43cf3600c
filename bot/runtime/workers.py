"""Pools of threads that do what is due. A row is claimed before it is worked on, so that only one process has it."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Generic, TypeVar

import structlog

from bot.access.claims import WORKER_CLAIM
from bot.access.errors import DatabaseAway
from bot.access.models.grants import Grant
from bot.access.models.messages import Message
from bot.access.ports import Clock
from bot.access.store.store import Store
from bot.access.store.transaction import Transaction

LONGEST_WAIT = timedelta(seconds=1)
"""Between two looks for due work, also when the next is known to be later: the clock may jump, others may write."""

BREATH_SECONDS = 0.002
"""After being woken: a burst of commits and finished rows is one look, not one each."""

HEAD_START_SECONDS = 0.05
"""After all that was due was taken, before the next look: the look would only slow down what was just begun."""

PAUSE_AFTER_BUG = timedelta(minutes=1)
"""Before a row whose work raised something unforeseen is tried again."""

log = structlog.get_logger(__name__)

Row = TypeVar("Row", Grant, Message)


class WorkerPool(Generic[Row]):
    """Claims due rows and works on them in up to `size` threads, each of which takes up to `batch` rows at a time."""

    def __init__(
        self,
        name: str,
        size: int,
        store: Store,
        clock: Clock,
        claim: Callable[[Transaction, datetime, datetime, int], Sequence[Row]],
        next_due: Callable[[Transaction, datetime], datetime | None],
        work: Callable[[Sequence[Row]], None],
        batch: int = 1,
    ) -> None:
        self._name = name
        self._size = size
        self._store = store
        self._clock = clock
        self._claim: Callable[[Transaction, datetime, datetime, int], Sequence[Row]] = claim
        self._next_due: Callable[[Transaction, datetime], datetime | None] = next_due
        self._work: Callable[[Sequence[Row]], None] = work
        self._batch = batch
        self._busy = 0
        self._executor = ThreadPoolExecutor(size, thread_name_prefix=name)
        self._in_hand: dict[str | int | None, Row] = {}
        self._guard = threading.Lock()
        self._awake = threading.Event()
        self._stopping = False
        self._dispatcher = threading.Thread(target=self._dispatch, name=f"{name}-dispatcher", daemon=True)

    def start(self) -> None:
        """Begins to look for due work."""
        self._dispatcher.start()

    def wake(self) -> None:
        """Looks for due work now."""
        self._awake.set()

    def stop(self) -> None:
        """Takes nothing more, and returns when all that is in hand is finished."""
        self._stopping = True
        self._awake.set()
        self._dispatcher.join()
        self._executor.shutdown(wait=True)

    def renew(self) -> None:
        """Holds on to the rows in hand."""
        with self._guard:
            rows = list(self._in_hand.values())
        if rows:
            with self._store.writing() as write:
                write.renew_claims(rows, self._clock.now() + WORKER_CLAIM)

    def _dispatch(self) -> None:
        while not self._stopping:
            try:
                seconds = self._take_due()
            except DatabaseAway:
                # It is in the log by now. The database is asked again, for as long as it takes.
                seconds = LONGEST_WAIT.total_seconds()
            except Exception:
                log.exception("could not look for due work", pool=self._name)
                seconds = LONGEST_WAIT.total_seconds()
            if self._awake.wait(seconds):
                time.sleep(BREATH_SECONDS)

    def _take_due(self) -> float:
        """Claims as much as there are free threads, and returns the seconds until the next look."""
        self._awake.clear()
        with self._guard:
            free = self._size - self._busy
        if free == 0:
            return LONGEST_WAIT.total_seconds()  # the first to finish wakes the dispatcher
        now = self._clock.now()
        with self._store.reading() as read:
            due = self._next_due(read, now + LONGEST_WAIT)
        if due is None or due > now:
            return min(due - now, LONGEST_WAIT).total_seconds() if due else LONGEST_WAIT.total_seconds()
        most = free * self._batch
        with self._store.writing() as write:
            rows = self._claim(write, now, now + WORKER_CLAIM, most)
        all_of_it = len(rows) < most
        with self._guard:
            # A claim lapses when the clock jumps or the machine sleeps; what is in hand here is not begun once more.
            rows = [row for row in rows if row.id not in self._in_hand]
            self._in_hand.update({row.id: row for row in rows})
        for some in _shared_out(rows, free, self._batch):
            with self._guard:
                self._busy += 1
            self._executor.submit(self._run, some)
        if not rows:
            # Though something is due: another process has it, or its turn comes after one that is in hand.
            return LONGEST_WAIT.total_seconds()
        return HEAD_START_SECONDS if all_of_it else 0.0

    def _run(self, rows: Sequence[Row]) -> None:
        try:
            self._do(rows)
        finally:
            with self._guard:
                self._busy -= 1
                for row in rows:
                    self._in_hand.pop(row.id, None)
            self._awake.set()

    def _do(self, rows: Sequence[Row]) -> None:
        try:
            self._work(rows)
        except DatabaseAway:
            # Nothing can be noted about the rows: their claims lapse by themselves.
            log.warning("work was left for when the database is back", pool=self._name, rows=[row.id for row in rows])
        except Exception:
            log.exception("a bug: work was left undone", pool=self._name, rows=[row.id for row in rows])
            if len(rows) == 1:
                self._put_off(rows[0])
                return
            for row in rows:  # whatever is wrong with one of them must not hold up the others
                self._do([row])

    def _put_off(self, row: Row) -> None:
        try:
            with self._store.writing() as write:
                write.postpone(row, self._clock.now() + PAUSE_AFTER_BUG)
        except Exception:
            log.exception("could not put the row off: its claim lapses by itself", pool=self._name, row=row.id)


def _shared_out(rows: Sequence[Row], threads: int, batch: int) -> Iterator[Sequence[Row]]:
    """The rows in at most as many parts as there are threads, none of them larger than a batch."""
    size = min(batch, max(1, -(-len(rows) // threads)))
    for start in range(0, len(rows), size):
        yield rows[start : start + size]
