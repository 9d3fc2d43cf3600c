"""`bot run` in two processes on a PostgreSQL behind PgBouncer in transaction mode."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from bot.sandbox.application import ApplicationProcess
from bot.sandbox.node import Node
from bot.sandbox.workspace import User
from tests.stage import Stage, request_id, set_stage

MANY = 20


@pytest.fixture
def replicas(
    node: Node, tmp_path: Path, postgres: Callable[[str], str], bounced_postgres: Callable[[str], str]
) -> Iterator[tuple[Stage, ApplicationProcess]]:
    """A stage whose application has a twin on the same database, both running, both through PgBouncer."""
    with psycopg.connect(postgres("postgres"), autocommit=True) as connection, ExitStack() as stack:
        connection.execute("CREATE DATABASE bounced_replicas")
        stack.callback(connection.execute, "DROP DATABASE bounced_replicas WITH (FORCE)")
        settings = {"DATABASE_URL": bounced_postgres("bounced_replicas")}
        stage = set_stage(node, tmp_path, stack, settings=settings)
        second = tmp_path / "second"
        second.mkdir()
        owners = stage.app.environment["INTEGRATION_OWNER"]
        twin = ApplicationProcess(stage.workspace, node, node.connector(), second, owners=owners, settings=settings)
        stack.callback(twin.stop)
        stage.app.start()
        twin.start()
        yield stage, twin


def test_a_rush_through_pgbouncer_is_filed_approved_delivered_and_ended(
    replicas: tuple[Stage, ApplicationProcess],
) -> None:
    stage, twin = replicas
    people = [stage.workspace.add_user(f"person{number}") for number in range(MANY)]

    def have(person: User) -> str:
        request = request_id(stage.say(person, "logs-* 1h"))
        stage.approve(request)
        stage.secret(request, person)
        stage.is_active(request)
        stage.say(person, f"revoke {request}")
        stage.reads(person, f"ACCESS {request} HAS ENDED", "read back from the cluster")
        return request

    with ThreadPoolExecutor(MANY) as threads:
        requests = set(threads.map(have, people))
    assert len(requests) == MANY
    for process in (stage.app, twin):
        said = process.log.read_text(encoding="utf-8")
        assert process.returncode is None
        assert "a bug" not in said
        assert "Traceback" not in said
        assert "prepared statement" not in said
