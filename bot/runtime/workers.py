"""Worker pools that process due rows. A row is claimed first, so that only one process works on it."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Generic, TypeVar

import structlog

from bot.access.claims import WORKER_CLAIM
from bot.access.errors import DatabaseAway
from bot.access.models.grants import Grant
from bot.access.models.inbox import InboxEntry
from bot.access.models.messages import Message
from bot.access.ports import Clock
from bot.access.store.session import Room
from bot.access.store.store import Store
from bot.access.store.transaction import Transaction

LONGEST_WAIT = timedelta(seconds=1)
"""Between two checks for due work, even when the next row is due later: the clock may jump, and others may write."""

DEBOUNCE_SECONDS = 0.002
"""A pause after waking up, so that a burst of commits and finished rows causes one check instead of many."""

HEAD_START_SECONDS = 0.05
"""A pause before the next check once all due rows are claimed: a check would only slow down the work just started."""

MOST_SHARES = 64
"""Shares whose threads may all be busy at the same time. Threads start when they are needed."""

PAUSE_AFTER_BUG = timedelta(minutes=1)
"""Before a row is retried whose work raised an unexpected error."""

log = structlog.get_logger(__name__)

Claimable = TypeVar("Claimable", Grant, Message, InboxEntry)


class WorkerPool(Generic[Claimable]):
    """Claims due rows, and processes them in up to `size` threads with up to `batch` rows each.

    Where `claim` divides the rows into shares, each share has so many threads: one that hangs holds up no other.
    """

    def __init__(
        self,
        name: str,
        size: int,
        store: Store,
        clock: Clock,
        claim: Callable[[Transaction, datetime, datetime, Room], Mapping[str, Sequence[Claimable]]],
        next_due: Callable[[Transaction, datetime, Room], datetime | None],
        work: Callable[[Sequence[Claimable]], None],
        batch: int = 1,
        shares: Callable[[], int] = lambda: 1,
    ) -> None:
        """`shares` tells how many there are. When all are full, no row is looked for."""
        self._name = name
        self._size = size
        self._store = store
        self._clock = clock
        self._claim: Callable[[Transaction, datetime, datetime, Room], Mapping[str, Sequence[Claimable]]] = claim
        self._next_due: Callable[[Transaction, datetime, Room], datetime | None] = next_due
        self._work: Callable[[Sequence[Claimable]], None] = work
        self._batch = batch
        self._shares = shares
        self._busy: Counter[str] = Counter()
        """The busy threads of each share."""
        self._executor = ThreadPoolExecutor(size * MOST_SHARES, thread_name_prefix=name)
        self._in_progress: dict[str | int | None, Claimable] = {}
        self._guard = threading.Lock()
        self._awake = threading.Event()
        self._stopping = False
        self._dispatcher = threading.Thread(target=self._dispatch, name=f"{name}-dispatcher", daemon=True)

    def start(self) -> None:
        """Starts checking for due work."""
        self._dispatcher.start()

    def wake(self) -> None:
        """Checks for due work now."""
        self._awake.set()

    def stop(self) -> None:
        """Claims no more rows, and returns when the claimed ones are finished."""
        self._stopping = True
        self._awake.set()
        self._dispatcher.join()
        self._executor.shutdown(wait=True)

    def renew(self) -> None:
        """Renews the claims of the rows in progress."""
        with self._guard:
            rows = list(self._in_progress.values())
        if rows:
            with self._store.writing() as write:
                write.renew_claims(rows, self._clock.now() + WORKER_CLAIM)

    def _dispatch(self) -> None:
        while not self._stopping:
            try:
                seconds = self._take_due()
            except DatabaseAway:
                # It is already logged. Keep asking until the database is back.
                seconds = LONGEST_WAIT.total_seconds()
            except Exception:
                log.exception("the check for due work failed", pool=self._name)
                seconds = LONGEST_WAIT.total_seconds()
            if self._awake.wait(seconds):
                time.sleep(DEBOUNCE_SECONDS)

    def _take_due(self) -> float:
        """Claims rows for all free threads, and returns the seconds until the next check."""
        self._awake.clear()
        room = self._room()
        if len(room.full) >= self._shares():
            return LONGEST_WAIT.total_seconds()  # the first to finish wakes the dispatcher
        now = self._clock.now()
        with self._store.reading() as read:
            due = self._next_due(read, now + LONGEST_WAIT, room)
        if due is None or due > now:
            return min(due - now, LONGEST_WAIT).total_seconds() if due else LONGEST_WAIT.total_seconds()
        with self._store.writing() as write:
            claimed = self._claim(write, now, now + WORKER_CLAIM, room)
        for share, rows in claimed.items():
            self._start(share, rows)
        if not any(claimed.values()):
            # A due row is held by another process, or has to wait for one that is in progress.
            return LONGEST_WAIT.total_seconds()
        all_claimed = all(len(rows) < room.left(share) for share, rows in claimed.items())
        return HEAD_START_SECONDS if all_claimed else 0.0

    def _room(self) -> Room:
        """A busy thread counts as a whole batch."""
        with self._guard:
            return Room(self._size * self._batch, {share: busy * self._batch for share, busy in self._busy.items()})

    def _start(self, share: str, rows: Sequence[Claimable]) -> None:
        with self._guard:
            # A claim expires when the clock jumps or the machine sleeps. Rows in progress here are not started again.
            rows = [row for row in rows if row.id not in self._in_progress]
            self._in_progress.update({row.id: row for row in rows})
            parts = list(_split(rows, self._size - self._busy[share], self._batch))
            self._busy[share] += len(parts)
        for part in parts:
            self._executor.submit(self._run, share, part)

    def _run(self, share: str, rows: Sequence[Claimable]) -> None:
        try:
            self._do(rows)
        finally:
            with self._guard:
                self._busy[share] -= 1
                for row in rows:
                    self._in_progress.pop(row.id, None)
            self._awake.set()

    def _do(self, rows: Sequence[Claimable]) -> None:
        try:
            self._work(rows)
        except DatabaseAway:
            # Without a database no row can be changed. The claims expire by themselves.
            log.warning("work waits until the database is back", pool=self._name, rows=[row.id for row in rows])
        except Exception:
            log.exception("a bug: work failed", pool=self._name, rows=[row.id for row in rows])
            if len(rows) == 1:
                self._postpone(rows[0])
                return
            for row in rows:  # a bad row must not block the others
                self._do([row])

    def _postpone(self, row: Claimable) -> None:
        try:
            with self._store.writing() as write:
                write.postpone(row, self._clock.now() + PAUSE_AFTER_BUG)
        except Exception:
            log.exception("could not postpone the row: its claim expires by itself", pool=self._name, row=row.id)


def _split(rows: Sequence[Claimable], threads: int, batch: int) -> Iterator[Sequence[Claimable]]:
    """Splits the rows into batches: one for each thread, each no larger than `batch`."""
    size = min(batch, max(1, -(-len(rows) // threads)))
    for start in range(0, len(rows), size):
        yield rows[start : start + size]
