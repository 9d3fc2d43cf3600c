"""What Slack was told was taken is done once: the process is killed within 50 ms, and copies of the payload come."""

import json
import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine
from sqlalchemy import text as sql

from bot.sandbox.node import Node
from bot.sandbox.workspace import User
from bot.sandbox.workspace.model import PayloadDelivery
from bot.storage.engine import database_url, open_engine
from tests.stage import Stage, set_stage

pytestmark = pytest.mark.timeout(3600 if "ES_ACCESS_KILLS" in os.environ else 300)

KILLS = int(os.environ.get("ES_ACCESS_KILLS", "4"))
"""In each way to run. A long run is by hand."""

WITHIN_SECONDS = 0.05

COPIED = 0.5
"""Share of payloads that are delivered again: before the kill, and after the restart."""

MOST = 0.7
"""Share of them that is acknowledged even by a busy machine."""

AFTER_LAST_SECONDS = 60.0
"""The claim of a dead process lapses first."""

_names = count()


@pytest.fixture(params=["sqlite socket", "sqlite http", "postgresql socket", "postgresql http"])
def kept(request: pytest.FixtureRequest, node: Node, tmp_path: Path) -> Iterator[tuple[Stage, Engine]]:
    """A stage and its database."""
    database, mode = request.param.split()
    with ExitStack() as stack:
        url = f"sqlite:///{tmp_path / 'es-access.db'}"
        if database == "postgresql":
            uri: Callable[[str], str] = request.getfixturevalue("postgres")
            name = f"inbox{next(_names)}"
            connection = stack.enter_context(psycopg.connect(uri("postgres"), autocommit=True))
            connection.execute(f"CREATE DATABASE {name}")
            stack.callback(connection.execute, f"DROP DATABASE {name} WITH (FORCE)")
            url = uri(name)
        engine = open_engine(database_url(url))
        stack.callback(engine.dispose)
        stage = set_stage(node, tmp_path, stack, http=mode == "http", settings={"DATABASE_URL": url})
        stage.app.start()
        yield stage, engine


def _rows(engine: Engine, query: str) -> list[tuple[object, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(sql(query))]


def _wait_empty(stage: Stage, engine: Engine) -> None:
    query = "SELECT id FROM inbox WHERE due_at IS NOT NULL"
    stage.workspace.wait_for(lambda: not _rows(engine, query), AFTER_LAST_SECONDS, "an empty inbox")


def _deliver_again(stage: Stage, delivery: PayloadDelivery) -> str | None:
    """Delivers a copy: in another envelope, or with the headers of a retry. Returns Slack's error, if any."""
    server, copy = stage.workspace._server, PayloadDelivery(delivery.kind, delivery.payload)
    server.run(server.deliveries._attempt(copy, 1, "http_timeout"))
    return copy.error


def test_kills_right_after_acknowledgements_lose_nothing_and_repeat_nothing(kept: tuple[Stage, Engine]) -> None:
    stage, engine = kept
    chance = random.Random(KILLS)  # noqa: S311 (the moments of kills)
    people: list[User] = [stage.workspace.add_user(f"person{number}") for number in range(KILLS)]
    to_approve = [stage.ask("logs-* 1h") for _ in range(KILLS // 2)]
    approved: list[str] = []
    filing: list[str] = []
    for number, person in enumerate(people):
        request = to_approve.pop() if number % 2 and to_approve else None
        if request is not None:
            delivery = stage.workspace.click(stage.bob, stage.approval(stage.bob, request), "Approve")
        else:
            delivery = stage.workspace.command(person, "/es-access", "logs-web 1h --again")
        if delivery.error is not None:
            continue  # a machine so busy that Slack gave up: it told the person so
        if request is not None:
            approved.append(request)
        else:
            filing.append(person.id)
        died_at = time.monotonic() + chance.uniform(0, WITHIN_SECONDS)
        if chance.random() < COPIED:
            _deliver_again(stage, delivery)
        time.sleep(max(died_at - time.monotonic(), 0.0))
        stage.app.kill()
        stage.app.start()
        if chance.random() < COPIED:
            _deliver_again(stage, delivery)
    _wait_empty(stage, engine)

    filed = Counter(row[0] for row in _rows(engine, "SELECT requester FROM access_request"))
    assert {each: filed[each] for each in filing} == dict.fromkeys(filing, 1)
    given = "SELECT request_id FROM audit_event WHERE event = 'request.approved'"
    times = Counter(row[0] for row in _rows(engine, given))
    assert {each: times[each] for each in approved} == dict.fromkeys(approved, 1)
    print(f"{len(filing)} commands and {len(approved)} clicks were acknowledged, each with a kill after it")
    assert len(filing) + len(approved) > KILLS * MOST


def test_what_is_taken_up_too_late_to_open_a_window_says_so(kept: tuple[Stage, Engine]) -> None:
    stage, engine = kept
    payload = stage.workspace.command(stage.alice, "/es-access").payload
    stage.wait(lambda: stage.workspace.views(stage.alice), "the form")
    _wait_empty(stage, engine)
    left = sql("UPDATE inbox SET body = :body, due_at = received_at, done_at = NULL")  # as by a process that died
    with engine.execution_options(writes=True).begin() as connection:
        connection.execute(left, {"body": json.dumps(payload)})
    stage.hears(stage.alice, "Slack did not open the window")


def test_the_same_payload_twice_is_done_once(kept: tuple[Stage, Engine]) -> None:
    stage, engine = kept
    delivery = stage.workspace.command(stage.alice, "/es-access", "logs-* 1h --again")
    for _ in range(2):
        assert _deliver_again(stage, delivery) is None
    _wait_empty(stage, engine)
    assert len(_rows(engine, "SELECT id FROM access_request")) == 1
    assert _rows(engine, "SELECT body FROM inbox") == [(None,)]


@pytest.mark.parametrize("kept", ["sqlite socket"], indirect=True)
def test_what_was_acknowledged_is_done_though_the_token_was_revoked_since(kept: tuple[Stage, Engine]) -> None:
    stage, engine = kept
    payload = stage.workspace.command(stage.alice, "/es-access", "logs-* 1h --again").payload
    _wait_empty(stage, engine)
    stage.app.stop()
    left = sql("UPDATE inbox SET body = :body, applied_at = NULL, due_at = received_at, done_at = NULL")
    with engine.execution_options(writes=True).begin() as connection:
        connection.execute(left, {"body": json.dumps(payload)})
    for method in ("auth.test", "users.info", "chat.postMessage"):
        stage.workspace.faults.add(method, "token_revoked", times=None)
    stage.app.start(ready=False)
    _wait_empty(stage, engine)
    assert len(_rows(engine, "SELECT id FROM access_request")) == 2
    delivery = stage.workspace.command(stage.alice, "/es-access", "logs-* 1h --again")
    assert delivery.error is not None, "nobody knows whether it is ours"
    stage.workspace.faults.clear()
    stage.app.wait_ready()
    stage.ask("logs-* 1h")
