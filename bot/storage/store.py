"""The store: transactions, and waking the workers when one of them made work."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import Engine
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlmodel import Session

from bot.access.errors import DatabaseAway
from bot.storage.engine import writers_turn
from bot.storage.transaction import SqlTransaction


class SqlStore:
    """A `Store` on a database. `process` names this process in the claims that it makes."""

    def __init__(self, engine: Engine, process: str) -> None:
        self._engine = engine
        self._writing = engine.execution_options(writes=True)
        self._turn = writers_turn(engine)
        self._process = process
        self._wakes: list[Callable[[], None]] = []
        self._watches: list[Callable[[SqlTransaction], None]] = []

    @property
    def engine(self) -> Engine:
        """The database, for what is asked of it as a whole."""
        return self._engine

    def on_work(self, wake: Callable[[], None]) -> None:
        """Calls `wake` after each commit that made a grant or a message due."""
        self._wakes.append(wake)

    def on_commit(self, watch: Callable[[SqlTransaction], None]) -> None:
        """Calls `watch` with each transaction that audited something, after its commit. It must not raise."""
        self._watches.append(watch)

    @contextmanager
    def reading(self) -> Iterator[SqlTransaction]:
        """A transaction that changes nothing and waits for no writer."""
        with _told(), Session(self._engine, expire_on_commit=False) as session:
            yield SqlTransaction(session, self._process)

    @contextmanager
    def writing(self) -> Iterator[SqlTransaction]:
        """A transaction that commits at the end of the block, and is rolled back when the block raises."""
        with _told(), self._turn, Session(self._writing, expire_on_commit=False) as session:
            transaction = SqlTransaction(session, self._process)
            yield transaction
            transaction.seal()
            session.commit()
        if transaction.audited:
            for watch in self._watches:
                watch(transaction)
        if transaction.made_work:
            for wake in self._wakes:
                wake()

    def release_all_claims(self) -> None:
        """Frees what a dead process had claimed; only where it is certain that no other process is alive."""
        with self.writing() as write:
            write.release_all_claims()

    def ping(self) -> None:
        """Asks the database whether it is there; raises its error when it is not."""
        with self._engine.connect() as connection:
            connection.exec_driver_sql("SELECT 1")

    def close(self) -> None:
        """Closes every connection."""
        self._engine.dispose()


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        if str(error.orig).startswith("no such "):
            raise  # SQLite's word for a table or column that is not there, which is no matter of waiting
        # Not the statement nor its values: they may hold what people wrote.
        raise DatabaseAway(f"the database cannot be used ({type(error.orig).__name__})") from error
