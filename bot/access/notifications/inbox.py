"""The inbox: every payload that asks for something is a row before Slack is told that it was taken."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import structlog

from bot.access.claims import WORKER_CLAIM
from bot.access.errors import DatabaseAway
from bot.access.ids import APPLICATION
from bot.access.models.inbox import InboxEntry, Payload
from bot.access.models.messages import LONGEST_NOTICE
from bot.access.ports import Clock
from bot.access.store.inbox import InboxWork
from bot.access.store.store import Store

WRITTEN_TOGETHER = 200
"""Payloads in one transaction: as many as people type at once. SQLite binds 32,766 values in a statement."""

MOST_ATTEMPTS = 3
"""How often an entry is tried whose work raises an unexpected error."""

PAUSE_AFTER_BUG = timedelta(seconds=2)
"""Before it is tried again."""

GATHER_SECONDS, LONGEST_GATHER_SECONDS = 0.003, 0.04
"""During a burst the writer waits for more until none came for this time. Each commit slows the reading down, and of
two hundred commands at once the last waited twice as long when they were written in ten groups (measured)."""

PAUSE_SECONDS = 0.2
"""Before the writer tries again while the database is away."""

KEEP_DONE_FOR = timedelta(days=1)
"""How long a done entry stays: Slack repeats a payload for an hour at most."""

log = structlog.get_logger(__name__)


@dataclass
class _Arrival:
    payload: Payload
    stored: "Future[InboxWork | None]" = field(default_factory=Future)


class Inbox:
    """Stores payloads, in groups: those that arrive during one commit share the next.

    Each is stored claimed by this process, which works on it at once. If it dies, its claims lapse.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._change = threading.Condition()
        self._arrivals: list[_Arrival] = []
        self._done: list[str] = []
        self._in_progress: dict[str, InboxWork] = {}
        self._stopping = False
        self.after_group: Callable[[], None] = lambda: None
        """Called by the writer after the results of each group."""
        self._writer = threading.Thread(target=self._write_all, name="inbox", daemon=True)

    def start(self) -> None:
        """Starts writing."""
        self._writer.start()

    def stop(self) -> None:
        """Writes the remaining payloads, and stops."""
        with self._change:
            self._stopping = True
            self._change.notify()
        self._writer.join()

    def put(self, entry_id: str, person: str | None, body: Mapping[str, Any]) -> "Future[InboxWork | None]":
        """Stores a payload. The result comes after the commit: `None` if it was there already, or `DatabaseAway`.

        `body` must not hold a secret.
        """
        arrival = _Arrival(Payload(entry_id, person, dict(body), self._clock.now()))
        with self._change:
            self._arrivals.append(arrival)
            self._change.notify()
        return arrival.stored

    def adopt(self, entry: InboxEntry) -> InboxWork | None:
        """The work on a claimed entry; `None` if this process works on it already."""
        with self._change:
            if entry.id in self._in_progress:
                return None
            work = InboxWork(
                entry.id, entry.person, entry.attempts, applied=entry.applied_at is not None, again=True
            )  # fmt: skip
            self._in_progress[entry.id] = work
            return work

    def finish(self, work: InboxWork) -> None:
        """Ends an entry with the next group. Returns at once."""
        with self._change:
            self._done.append(work.id)
            self._change.notify()

    def release(self, work: InboxWork) -> None:
        """Gives an entry up: once its claim has lapsed, the next process to claim it works on it again."""
        work.postponed = True
        with self._change:
            self._in_progress.pop(work.id, None)

    def retry(self, work: InboxWork, error: BaseException) -> bool:
        """Postpones an entry whose work raised an unexpected error. Returns false if it was tried often enough."""
        if isinstance(error, DatabaseAway):
            self.release(work)
            return False
        now, last = self._clock.now(), work.attempts + 1 >= MOST_ATTEMPTS
        try:
            with self._store.writing() as write:
                if last:
                    write.audit("inbox.set_aside", APPLICATION, now, None, person=work.person, attempts=MOST_ATTEMPTS)
                else:
                    row = InboxEntry(id=work.id, attempts=work.attempts, received_at=now)
                    write.postpone(row, now + PAUSE_AFTER_BUG)
        except DatabaseAway:
            last = False
        if last:
            return False
        log.warning("a payload is tried again after an error", error=type(error).__name__, attempts=work.attempts + 1)
        self.release(work)
        return True

    def answer_later(self, work: InboxWork, text: str) -> None:
        """Queues an answer that Slack did not take as a direct message. Without a database the work is done again."""
        if work.person is None:
            return
        try:
            with self._store.writing() as write:
                write.notify([work.person], text[:LONGEST_NOTICE], self._clock.now())
        except DatabaseAway:
            self.release(work)

    def renew(self) -> None:
        """Renews the claims of the entries in progress."""
        with self._change:
            names = list(self._in_progress)
        now = self._clock.now()
        if names:
            with self._store.writing() as write:
                write.renew_claims([InboxEntry(id=name, received_at=now) for name in names], now + WORKER_CLAIM)

    def forget_done(self) -> None:
        """Deletes entries that were done long ago."""
        with self._store.writing() as write:
            write.forget_done(self._clock.now() - KEEP_DONE_FOR)

    def _write_all(self) -> None:
        while True:
            with self._change:
                self._change.wait_for(lambda: self._arrivals or self._done or self._stopping)
            self._gather()
            with self._change:
                arrivals, self._arrivals = self._arrivals[:WRITTEN_TOGETHER], self._arrivals[WRITTEN_TOGETHER:]
                done, self._done = self._done, []
                if not arrivals and not done:
                    return
            written = self._finish_and_take(arrivals, done)
            self.after_group()
            if not written:
                with self._change:
                    if self._stopping and not self._arrivals:
                        return
                    self._done = done + self._done
                    self._change.wait_for(lambda: self._stopping, PAUSE_SECONDS)

    def _gather(self) -> None:
        """Returns when a burst of payloads has arrived. A single one is not kept waiting."""
        until, seen = time.monotonic() + LONGEST_GATHER_SECONDS, 1
        while seen < len(self._arrivals) < WRITTEN_TOGETHER and time.monotonic() < until:
            seen = len(self._arrivals)
            time.sleep(GATHER_SECONDS)

    def _finish_and_take(self, arrivals: Sequence[_Arrival], done: Sequence[str]) -> bool:
        """Returns false if `done` must be written again."""
        try:
            new = self._write([each.payload for each in arrivals], done)
        except DatabaseAway as error:
            for each in arrivals:
                each.stored.set_exception(error)
            return False
        except Exception as error:
            if len(arrivals) + bool(done) > 1:  # one bad payload must not keep the others out
                parts = [self._finish_and_take([each], []) for each in arrivals]
                return (self._finish_and_take([], done) if done else True) and all(parts)
            for each in arrivals:
                each.stored.set_exception(error)
            log.exception("a bug: a payload was not stored")
            return True
        with self._change:
            for name in done:
                self._in_progress.pop(name, None)
        for each in arrivals:
            self._tell(each, is_new=each.payload.id in new)
            new.discard(each.payload.id)
        return True

    def _write(self, payloads: Sequence[Payload], done: Sequence[str]) -> set[str]:
        now = self._clock.now()
        with self._store.writing(urgent=bool(payloads)) as write:
            new = write.take_in(payloads, now + WORKER_CLAIM)
            write.finish(done, now)
        return new

    def _tell(self, arrival: _Arrival, *, is_new: bool) -> None:
        work = InboxWork(arrival.payload.id, arrival.payload.person) if is_new else None
        if work is not None:
            with self._change:
                self._in_progress[work.id] = work
        arrival.stored.set_result(work)
