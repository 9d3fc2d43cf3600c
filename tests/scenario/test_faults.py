"""Faults of the machine: the database is unreachable, the disk is full, the clock jumps."""

import resource
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.error import HTTPError

import psycopg
import pytest

from bot.sandbox.node import Node
from tests.databases import PostgresServer, postgres_server, start_postgres, stop_postgres
from tests.stage import Stage, set_stage

OK, UNAVAILABLE, UNAUTHORIZED = 200, 503, 401
HOUR = 3600
AWAY = "My database does not answer, so I cannot say whether that was done"


def health(stage: Stage, path: str) -> int:
    """The HTTP status of one of the application's pages."""
    try:
        with urllib.request.urlopen(f"{stage.app.url}{path}", timeout=30) as answer:  # noqa: S310 (our own)
            return int(answer.status)
    except HTTPError as error:
        return error.code


# --- the database -------------------------------------------------------------------------------------------------


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """A database server that the test may stop."""
    with postgres_server() as running:
        yield running


@pytest.fixture
def on_postgres(node: Node, tmp_path: Path, server: PostgresServer) -> Iterator[Stage]:
    """A running stage on it."""
    with psycopg.connect(server.get_uri("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE away")
    with ExitStack() as stack:
        stage = set_stage(node, tmp_path, stack, settings={"DATABASE_URL": server.get_uri("away")})
        stage.app.start()
        yield stage


def test_a_database_that_goes_away_and_returns_costs_time_and_nothing_else(
    on_postgres: Stage, server: PostgresServer
) -> None:
    stage = on_postgres
    ending, secret = stage.granted()
    waiting = stage.ask("logs-app 2h")
    message = stage.approval(stage.bob, waiting)
    stop_postgres(server)
    try:
        assert AWAY in stage.say(stage.alice, "list")
        assert AWAY in stage.say(stage.alice, "logs-* 1h --again")
        answer = stage.say(stage.alice, "status nonsense")
        assert "is not a request id" in answer, "a refusal that cannot be audited is told all the same"
        assert AWAY in stage.answer_to(stage.bob, lambda: stage.workspace.click(stage.bob, message, "Approve"))
        stage.wait(lambda: health(stage, "/readyz") == UNAVAILABLE, "a process that is not ready")
        assert health(stage, "/healthz") == OK
        assert stage.search(secret, "logs-web") == OK, "nothing can be ended that cannot be remembered"
        stage.app.move_clock(HOUR + 1)
    finally:
        start_postgres(server)
    stage.refused(secret)
    stage.reads(stage.alice, f"ACCESS {ending} HAS ENDED", "is over", "Ended: expired")
    stage.app.wait_ready()
    stage.approve(waiting)
    assert stage.search(stage.secret(waiting), "logs-app") == OK
    with psycopg.connect(server.get_uri("away")) as connection:
        owed = "SELECT count(*) FROM message WHERE due_at IS NOT NULL"
        stage.wait(lambda: connection.execute(owed).fetchone() == (0,), "everyone told")
        receipt = connection.execute("SELECT receipt FROM access_grant WHERE id = %s", (ending,)).fetchone()
        assert receipt is not None
        assert receipt[0]["user_gone"]
    log = stage.app.log.read_text(encoding="utf-8")
    assert log.count("the database is away: all work waits for it") <= 3, "once, and again each minute"
    assert log.count("the database is back") >= 1
    assert "Traceback" not in log
    assert "a bug" not in log


# --- the disk -----------------------------------------------------------------------------------------------------


def _let_write(stage: Stage, *, anything: bool) -> None:
    """A process that may write no byte to any file has what a full disk gives it, but for the number of the error."""
    _, hard = resource.prlimit(stage.app.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(stage.app.pid, resource.RLIMIT_FSIZE, (hard if anything else 0, hard))


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="the limit of another process is Linux's alone")
def test_a_full_disk_is_told_politely_and_once_there_is_room_nothing_was_lost(quiet_stage: Stage) -> None:
    stage = quiet_stage
    ending, secret = stage.granted()
    waiting = stage.ask("logs-app 2h")
    message = stage.approval(stage.bob, waiting)
    _let_write(stage, anything=False)
    try:
        assert AWAY in stage.say(stage.alice, "logs-* 1h --again")
        assert AWAY in stage.answer_to(stage.bob, lambda: stage.workspace.click(stage.bob, message, "Approve"))
        assert ending in stage.say(stage.alice, "list"), "what is there can be read"
        stage.app.move_clock(HOUR + 1)
        assert health(stage, "/healthz") == OK
    finally:
        _let_write(stage, anything=True)
    stage.refused(secret)
    stage.reads(stage.alice, f"ACCESS {ending} HAS ENDED", "is over", "Ended: expired")
    stage.approve(waiting)
    assert stage.search(stage.secret(waiting), "logs-app") == OK
    assert stage.app.returncode is None


# --- the clock ----------------------------------------------------------------------------------------------------


def test_a_clock_that_jumps_back_an_hour_ends_nothing_early_and_nothing_twice(quiet_stage: Stage) -> None:
    stage = quiet_stage
    earlier, secret = stage.granted("logs-* 1h")
    waiting = stage.ask("logs-app 1h")
    message = stage.approval(stage.bob, waiting)
    fault = stage.workspace.faults.add("*", 503, times=None)
    stage.workspace.click(stage.bob, message, "Approve")
    stage.wait(lambda: fault.hits >= 2, "messages that are put off")
    stage.app.move_clock(-HOUR)
    stage.workspace.faults.clear()  # retries scheduled by the old clock come now, not in an hour
    put_off = stage.secret(waiting)
    later, fresh = stage.granted("logs-web 1h")
    assert [stage.search(each, "logs-web") for each in (secret, fresh)] == [OK, OK]
    stage.app.move_clock(HOUR + 1)  # only the grant approved after the jump has expired
    stage.refused(fresh)
    assert [stage.search(each, "logs-app") for each in (secret, put_off)] == [OK, OK]
    stage.app.move_clock(HOUR)
    stage.refused(secret)
    stage.refused(put_off)
    for request in (earlier, waiting, later):
        stage.reads(stage.alice, f"ACCESS {request} HAS ENDED", "is over", "Ended: expired")
        told = [
            each for each in stage.texts(stage.alice) if f"ACCESS {request} HAS ENDED" in each and "is over" in each
        ]
        assert len(told) == 1


def test_a_clock_that_jumps_on_an_hour_ends_what_is_due_and_nothing_else(quiet_stage: Stage) -> None:
    stage = quiet_stage
    short, secret = stage.granted("logs-* 1h")
    _, longer = stage.granted("logs-app 2h")
    waiting = stage.ask("metrics-cpu 1h")
    stage.app.move_clock(HOUR + 1)
    stage.refused(secret)
    assert stage.search(longer, "logs-app") == OK
    stage.reads(stage.alice, f"ACCESS {short} HAS ENDED", "is over", "Ended: expired")
    stage.approve(waiting)
    fresh = stage.secret(waiting)
    assert stage.search(fresh, "metrics-cpu") == OK, "its hour begins with the approval"
