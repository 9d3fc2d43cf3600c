"""`bot run` on a real PostgreSQL: one process, and two processes, one of which dies."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from bot.sandbox.application import ApplicationProcess
from bot.sandbox.node import Node
from tests.stage import Stage, set_stage

OK = 200


@pytest.fixture
def replicas(node: Node, tmp_path: Path, postgres: Callable[[str], str]) -> Iterator[tuple[Stage, ApplicationProcess]]:
    """A stage whose application has a twin on the same database, both running."""
    url = postgres("replicas")
    with psycopg.connect(postgres("postgres"), autocommit=True) as connection, ExitStack() as stack:
        connection.execute("CREATE DATABASE replicas")
        stack.callback(connection.execute, "DROP DATABASE replicas WITH (FORCE)")
        stage = set_stage(node, tmp_path, stack, settings={"DATABASE_URL": url})
        second = tmp_path / "second"
        second.mkdir()
        owners = stage.app.environment["INTEGRATION_OWNER"]
        settings = {"DATABASE_URL": url}
        find_duplicate = ApplicationProcess(
            stage.workspace, node, node.connector(), second, owners=owners, settings=settings
        )
        stack.callback(find_duplicate.stop)
        stage.app.start()
        find_duplicate.start()
        yield stage, find_duplicate


def test_the_main_job_on_postgresql_with_two_processes(replicas: tuple[Stage, ApplicationProcess]) -> None:
    stage, find_duplicate = replicas
    for _ in range(4):  # Slack alternates between the two
        request, secret = stage.granted()
        assert stage.search(secret, "logs-web") == OK
        stage.say(stage.alice, f"revoke {request}")
        stage.refused(secret)
        stage.reads(stage.alice, f"ACCESS {request} HAS ENDED", "Ended: revoked by @alice")
        stage.reads(stage.bob, f"ACCESS {request} HAS ENDED", "Access of @alice is over")
        told = [each for each in stage.texts(stage.bob) if request in each and "Access of @alice is over" in each]
        assert len(told) == 1, "one of the two tells it, not both"
    assert find_duplicate.returncode is None


def test_what_a_killed_process_had_granted_is_ended_by_the_other(replicas: tuple[Stage, ApplicationProcess]) -> None:
    stage, find_duplicate = replicas
    _, secret = stage.granted()
    stage.app.kill()
    find_duplicate.move_clock(3601)
    stage.refused(secret)
    stage.reads(stage.alice, "HAS ENDED", "Ended: expired", "Access of @alice is over")
