"""While the database cannot be used nothing is forgotten, the log says so once a minute, and no bug is reported."""

from datetime import timedelta
from pathlib import Path
from threading import Event

import pytest
from structlog.testing import capture_logs

from bot.access.claims import WORKER_CLAIM
from bot.access.errors import DatabaseAway
from bot.access.models.messages import Message
from bot.access.store import store as stores
from bot.access.store.session import ALL
from bot.access.store.store import Store
from bot.runtime.scheduler import Scheduler
from bot.runtime.workers import WorkerPool
from bot.storage.migrate import migrate
from tests.databases import sqlite_engine
from tests.fakes import FakeClock
from tests.rows import owe

SECONDS = 10
"""Longest wait for a thread."""


def use(store: Store) -> None:
    with pytest.raises(DatabaseAway), store.reading() as read:
        read.next_message_due(FakeClock().now())


def test_it_is_told_once_a_minute_and_its_return_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "on a disk that is not there yet"
    engine = sqlite_engine(folder)
    store = Store(engine, "first")
    with capture_logs() as lines:
        for _ in range(3):
            use(store)
        assert [line["event"] for line in lines] == ["the database is away: all work waits for it"]
        monkeypatch.setattr(stores, "LOGGED_EVERY_SECONDS", 0.0)
        use(store)
        assert len(lines) == 2
        folder.mkdir()
        migrate(engine)
        for _ in range(2):
            with store.reading() as read:
                read.next_message_due(FakeClock().now())
    assert [line["event"] for line in lines[2:]] == ["the database is back"]
    engine.dispose()


def test_work_that_lost_the_database_is_done_again_when_its_claim_has_lapsed(sqlite_store: Store) -> None:
    clock, tried, done = FakeClock(), Event(), Event()
    owe(sqlite_store)
    clock.advance(timedelta(seconds=1))

    def work(_rows: object) -> None:
        if not tried.is_set():
            tried.set()
            raise DatabaseAway("the database cannot be used (OperationalError)")
        done.set()

    pool: WorkerPool[Message] = WorkerPool(
        "outbox", 1, sqlite_store, clock,
        claim=lambda write, now, until, room: {ALL: write.claim_messages(now, until, room.left())},
        next_due=lambda read, by, _: read.next_message_due(by),
        work=work,
    )  # fmt: skip
    with capture_logs() as lines:
        pool.start()
        assert tried.wait(SECONDS)
        clock.advance(WORKER_CLAIM + timedelta(seconds=1))
        pool.wake()
        assert done.wait(SECONDS)
        pool.stop()
    assert [line["log_level"] for line in lines] == ["warning"]
    assert lines[0]["event"] == "work waits until the database is back"


def test_a_job_without_a_database_is_run_again_and_is_no_bug(caplog: pytest.LogCaptureFixture) -> None:
    ran = []
    again = Event()

    def job() -> None:
        ran.append(1)
        if len(ran) > 1:
            again.set()
        raise DatabaseAway("the database cannot be used (OperationalError)")

    scheduler = Scheduler()
    scheduler.every(timedelta(milliseconds=20), job, "look")
    scheduler.start()
    assert again.wait(SECONDS)
    scheduler.stop()
    assert not [line for line in caplog.records if line.levelname == "ERROR"]
