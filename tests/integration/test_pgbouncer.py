"""What rests on the database, through PgBouncer in transaction mode: connections to the server are nobody's own.

The tests of the store, of claims, races and the audit chain run here a second time, on this module's databases.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import psycopg
import pytest
from sqlalchemy import Engine, text

from bot.access.audit.trail import AuditTrail
from bot.storage.engine import database_url, open_engine
from bot.storage.migrate import is_current, migrate
from tests.databases import NewStore, emptied
from tests.integration.test_audit_chain import *  # noqa: F403 (its tests)
from tests.integration.test_claims import *  # noqa: F403
from tests.integration.test_races import *  # noqa: F403
from tests.integration.test_store import *  # noqa: F403
from tests.pgbouncer import SERVER_CONNECTIONS
from tests.rows import NOW, WHO
from tests.trails import write_trail

THREADS = 3 * SERVER_CONNECTIONS


@pytest.fixture(scope="module")
def bounced_engine(postgres: Callable[[str], str], bounced_postgres: Callable[[str], str]) -> Iterator[Engine]:
    """One database with the tables, through PgBouncer."""
    with psycopg.connect(postgres("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE bounced")
        engine = open_engine(database_url(bounced_postgres("bounced")))
        migrate(engine)
        yield engine
        engine.dispose()
        connection.execute("DROP DATABASE bounced WITH (FORCE)")


@pytest.fixture
def engine(bounced_engine: Engine) -> Engine:
    """In place of one on a database of each kind."""
    return emptied(bounced_engine)


@pytest.fixture
def empty_engine(postgres: Callable[[str], str], bounced_postgres: Callable[[str], str]) -> Iterator[Engine]:
    """In place of one on a database of each kind, without tables."""
    with psycopg.connect(postgres("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE bounced_empty")
        engine = open_engine(database_url(bounced_postgres("bounced_empty")))
        yield engine
        engine.dispose()
        connection.execute("DROP DATABASE bounced_empty WITH (FORCE)")


def together(work: Callable[[int], object]) -> None:
    """Does the work in each of many threads, which begin at the same moment."""
    start = Barrier(THREADS)

    def begin(number: int) -> None:
        start.wait()
        work(number)

    with ThreadPoolExecutor(THREADS) as pool:
        for done in [pool.submit(begin, number) for number in range(THREADS)]:
            done.result(60)


def test_statements_that_are_repeated_on_connections_that_change_hands(new_store: NewStore, engine: Engine) -> None:
    """Prepared statements belong to a connection: a driver that makes them meets those of others here."""

    def work(number: int) -> None:
        store = new_store(str(number))
        for _ in range(10):
            write_trail(store, 1)
            with store.reading() as read:
                read.setting("installation")

    together(work)
    assert AuditTrail(engine).head() == 10 * THREADS
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM pg_prepared_statements")) == 0


def test_processes_that_migrate_at_once(empty_engine: Engine) -> None:
    together(lambda _: migrate(empty_engine))
    assert is_current(empty_engine)


def test_a_long_trail_is_read_while_others_write(new_store: NewStore, engine: Engine) -> None:
    """A cursor of the server lives in one transaction, which keeps its connection."""
    store = new_store("first")
    with store.writing() as write:
        for number in range(3000):
            write.audit("request.reminded", WHO, NOW, None, number=number)

    def work(number: int) -> None:
        if number % 2:
            write_trail(new_store(str(number)), 10)
        else:
            assert AuditTrail(engine).verify().broken is None

    together(work)
