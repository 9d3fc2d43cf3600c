"""The store: transactions, waking the workers after one that created work, and reporting an unavailable database."""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlmodel import Session

from bot.access.errors import DatabaseAway
from bot.access.store.inbox import current_work
from bot.access.store.transaction import Transaction

log = structlog.get_logger(__name__)

LOGGED_EVERY_SECONDS = 60.0
"""How often the log repeats that the database is unavailable: visible, but not flooding."""


class Store:
    """The database behind all queries. `process` names this process in its claims."""

    def __init__(self, engine: Engine, process: str) -> None:
        self._engine = engine
        self._writing = engine.execution_options(writes=True)
        self._turn = _WritersTurn(engine)
        self._process = process
        self._wakes: list[Callable[[], None]] = []
        self._watches: list[Callable[[Transaction], None]] = []
        self._availability = _Availability()

    @property
    def engine(self) -> Engine:
        """The engine, for statements about the database as a whole."""
        return self._engine

    def on_work(self, wake: Callable[[], None]) -> None:
        """Calls `wake` after each commit that made a grant or a message due."""
        self._wakes.append(wake)

    def on_commit(self, watch: Callable[[Transaction], None]) -> None:
        """Calls `watch` after the commit of each transaction with audit events. It must not raise."""
        self._watches.append(watch)

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        """A read-only transaction that waits for no writer."""
        with self._availability.watched(), Session(self._engine, expire_on_commit=False) as session:
            yield Transaction(session, self._process)

    @contextmanager
    def writing(self, *, urgent: bool = False) -> Iterator[Transaction]:
        """A transaction that commits at the end of the block and rolls back if the block raises.

        If it does what an entry of the inbox asks for, it marks the entry. Raises `DoneElsewhere` if that is marked.
        `urgent`: somebody waits for an acknowledgement, so it goes before the others that wait.
        """
        work, turn = current_work(), self._turn.of(urgent=urgent)
        with self._availability.watched(), turn, Session(self._writing, expire_on_commit=False) as session:
            transaction = Transaction(session, self._process)
            yield transaction
            applies = work is not None and work.is_applied_by(transaction.audited)
            if work is not None and applies:
                transaction.apply(work.id, transaction.audited[0].at)
            transaction.seal()
            session.commit()
        if work is not None and applies:
            work.applied = True
        if transaction.audited:
            for watch in self._watches:
                watch(transaction)
        if transaction.made_work:
            for wake in self._wakes:
                wake()

    def release_all_claims(self) -> None:
        """Ends the claims of dead processes; only safe when no other process is alive."""
        with self.writing() as write:
            write.release_all_claims()

    def ping(self) -> None:
        """Connects to the database; raises its error if it is unavailable."""
        with self._engine.connect() as connection:
            connection.exec_driver_sql("SELECT 1")

    def close(self) -> None:
        """Closes every connection."""
        self._engine.dispose()


class _Availability:
    """Whether the last use of the database succeeded. Logs the change once, and repeats while it stays away."""

    def __init__(self) -> None:
        self._away_since: float | None = None
        self._logged_at = 0.0
        self._guard = threading.Lock()

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Turns driver errors about an unavailable database into `DatabaseAway`."""
        try:
            yield
        except (OperationalError, InterfaceError) as error:
            if getattr(error.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR:
                raise  # a wrong statement, such as one on a missing table: waiting does not help
            # The statement and its values are left out: they may contain typed text.
            why = type(error.orig).__name__
            self._is_away(why)
            raise DatabaseAway(f"the database cannot be used ({why})") from error
        self._is_there()

    def _is_away(self, why: str) -> None:
        with self._guard:
            now = time.monotonic()
            if self._away_since is None:
                self._away_since = now
            elif now - self._logged_at < LOGGED_EVERY_SECONDS:
                return
            self._logged_at, away = now, round(now - self._away_since)
        log.warning("the database is away: all work waits for it", error=why, seconds=away)

    def _is_there(self) -> None:
        with self._guard:
            since, self._away_since = self._away_since, None
        if since is not None:
            log.info("the database is back", seconds=round(time.monotonic() - since))


class _WritersTurn:
    """Lets one write transaction at a time begin, urgent ones first. PostgreSQL needs no turns.

    With a plain lock, the rows of a burst waited behind everything that the burst before had started: two hundred
    commands were acknowledged after 0.2 to 2 s (measured).
    """

    def __init__(self, engine: Engine) -> None:
        self._needed = engine.dialect.name == "sqlite"
        guard = threading.Lock()
        self._urgent, self._others = threading.Condition(guard), threading.Condition(guard)
        self._urgent_waiting = 0
        self._taken = False

    def of(self, *, urgent: bool) -> AbstractContextManager[None]:
        """The turn of one transaction."""
        return self._turn(urgent) if self._needed else nullcontext()

    @contextmanager
    def _turn(self, urgent: bool) -> Iterator[None]:
        self._take_urgent() if urgent else self._take()
        try:
            yield
        finally:
            self._give_back()

    def _take_urgent(self) -> None:
        with self._urgent:
            self._urgent_waiting += 1
            try:
                self._urgent.wait_for(lambda: not self._taken)
            finally:
                self._urgent_waiting -= 1
            self._taken = True

    def _take(self) -> None:
        with self._others:
            self._others.wait_for(lambda: not (self._taken or self._urgent_waiting))
            self._taken = True

    def _give_back(self) -> None:
        with self._others:
            self._taken = False
            (self._urgent if self._urgent_waiting else self._others).notify()
