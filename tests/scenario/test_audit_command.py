"""`bot audit` on the database of a real run, as an auditor types it."""

import json
import os
import re
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from bot.sandbox.node import Node
from bot.storage.engine import database_url, open_engine
from tests.forked import run_forked
from tests.stage import Stage, set_stage
from tests.trails import tamper


def audit(url: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs `bot audit` with the database as its only setting."""
    environment = {"PATH": os.environ.get("PATH", ""), "DATABASE_URL": url}
    return run_forked(["audit", *arguments], environment, folder, timeout=60)


@pytest.fixture(params=["sqlite", "postgresql"])
def audited(request: pytest.FixtureRequest, node: Node, tmp_path: Path) -> Iterator[tuple[Stage, str]]:
    """A stage on each database, and the database's URL."""
    with ExitStack() as stack:
        url = f"sqlite:///{tmp_path}/es-access.db"
        if request.param == "postgresql":
            postgres: Callable[[str], str] = request.getfixturevalue("postgres")
            connection = stack.enter_context(psycopg.connect(postgres("postgres"), autocommit=True))
            connection.execute("CREATE DATABASE audited")
            stack.callback(connection.execute, "DROP DATABASE audited WITH (FORCE)")
            url = postgres("audited")
        stage = set_stage(node, tmp_path, stack, settings={"DATABASE_URL": url})
        stage.app.start()
        yield stage, url


def test_an_auditor_gets_answers(audited: tuple[Stage, str], tmp_path: Path) -> None:
    stage, url = audited
    before = datetime.now(UTC)
    request, _ = stage.granted()
    stage.say(stage.alice, "logs-* 30d")
    stage.say(stage.alice, f"revoke {request}")
    stage.reads(stage.alice, f"ACCESS {request} HAS ENDED")

    shown = audit(url, tmp_path)
    assert (shown.returncode, shown.stderr) == (0, "")
    names = [line.split()[2] for line in shown.stdout.splitlines()]
    assert names[:3] == ["audit.chain_begun", "settings.loaded", "policy.loaded"]
    assert names[3:6] == ["request.submitted", "request.approved", "grant.active"]
    assert {"access.refused", "grant.revoking", "grant.revoked", "grant.cleaned_up"} < set(names)

    def events(*arguments: str) -> list[str]:
        found = audit(url, tmp_path, "--format", "json", *arguments)
        assert found.returncode == 0, found.stderr
        return [json.loads(line)["event"] for line in found.stdout.splitlines()]

    assert events("--event", "grant.revoked") == ["grant.revoked"]
    assert events("--event", "policy") == ["policy.loaded"]
    assert events("--request", request.lower())[0] == "request.submitted"
    assert "grant.revoked" in events("--person", stage.alice.id), "what became of her requests"
    assert events("--person", stage.bob.id) == ["request.approved"]
    assert events("--person", stage.dave.id) == []
    nothing = audit(url, tmp_path, "--person", stage.alice.email)
    assert (nothing.returncode, nothing.stdout) == (0, "")
    assert nothing.stderr == "There is no such event. --person takes a Slack user id, such as U012ABCDEF.\n"
    assert events("--until", before.isoformat(), "--event", "request") == []
    assert len(events("--since", "90m")) == len(names)
    ecs = audit(url, tmp_path, "--format", "ecs", "--event", "grant.active")
    assert json.loads(ecs.stdout)["event"]["action"] == "grant.active"

    active = audit(url, tmp_path, "--format", "json", "--event", "grant.active").stdout
    during = datetime.fromisoformat(json.loads(active)["at"])
    who = audit(url, tmp_path, "--who-had-access", "logs-web", "--at", during.isoformat(), "--format", "json")
    (found,) = [json.loads(line) for line in who.stdout.splitlines()]
    assert (found["requester"], found["request_id"], found["permission"]) == (stage.alice.id, request, "read")
    assert (found["approvers"], found["gone"], found["overdue"]) == ([stage.bob.id], True, False)
    assert found["from"] <= during.isoformat() < found["until"]
    for index, at in (("metrics-cpu", during), ("logs-web", before)):
        nobody = audit(url, tmp_path, "--who-had-access", index, "--at", at.isoformat())
        assert f"Nobody had access to {index}" in nobody.stdout
    table = audit(url, tmp_path, "--who-had-access", "logs-*", "--at", during.isoformat())
    assert f"approved by {stage.bob.id}" in table.stdout

    question = ["--who-had-access", "logs-web", "--at", during.isoformat()]
    engine = open_engine(database_url(url))
    tamper(engine, "UPDATE access_grant SET delivered_at = NULL")
    engine.dispose()
    doubted = audit(url, tmp_path, *question)
    assert doubted.returncode == 1
    assert f"{stage.alice.id}  read on logs-*" in doubted.stdout
    assert doubted.stderr.startswith(f"{request}: the events tell of this access, and the tables")

    for typed, meant in (
        ("grant.revokd", "grant.revoked"),
        ("grants", "grant"),
        ("Request.submitted", "request.submitted"),
    ):
        mistyped = audit(url, tmp_path, "--event", typed)
        assert mistyped.stderr == f"There is no such event. Did you mean --event {meant}?\n"
    assert audit(url, tmp_path, "--event", "grant.active", "--until", "9d").stderr == "There is no such event.\n"

    fine = audit(url, tmp_path, "verify")
    assert fine.returncode == 0, fine.stdout
    head = re.search(r"--head: (\S+)", fine.stdout)
    assert head is not None
    assert audit(url, tmp_path, "verify", "--head", head[1]).returncode == 0


def test_a_forged_trail_ends_with_exit_code_1(node: Node, tmp_path: Path) -> None:
    with ExitStack() as stack:
        stage = set_stage(node, tmp_path, stack)
        stage.app.start()
        request = stage.ask("logs-* 1h")
        stage.app.stop()
        with closing(sqlite3.connect(tmp_path / "es-access.db")) as database:
            database.execute("UPDATE audit_event SET actor = 'U0SOMEBODY' WHERE request_id = ?", (request,))
            database.commit()
        found = audit(f"sqlite:///{tmp_path}/es-access.db", tmp_path, "verify")
        assert found.returncode == 1
        assert found.stdout.startswith("event 4: it was altered")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--since", "yesterday"], "--since: “yesterday” is neither a time nor a duration"),
        (["--who-had-access", "logs-web"], "--who-had-access needs a time"),
        (["--who-had-access", "logs-web", "--at", "1h", "--format", "ecs"], "as table or json"),
        (["--at", "1h"], "--at belongs to --who-had-access"),
        (["--request", "nonsense"], "no request id"),
        (["verify", "--head", "1234"], "--head is not like 1234:HASH"),
        ([], "there is no file"),
    ],
)
def test_what_cannot_be_answered_says_why(tmp_path: Path, arguments: list[str], says: str) -> None:
    found = audit(f"sqlite:///{tmp_path}/none.db", tmp_path, *arguments)
    assert (found.returncode, found.stdout) == (1, "")
    assert says in found.stderr
    assert not (tmp_path / "none.db").exists(), "a question makes no database"


def test_an_older_database_is_not_touched(tmp_path: Path) -> None:
    file = tmp_path / "old.db"
    with closing(sqlite3.connect(file)) as database:
        database.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        database.execute("INSERT INTO alembic_version VALUES ('0001')")
        database.commit()
    found = audit(f"sqlite:///{file}", tmp_path)
    assert found.returncode == 1
    assert "is at schema version 0001" in found.stderr


def test_a_password_in_the_url_is_in_no_error(tmp_path: Path) -> None:
    found = audit("postgresql://me:s3cret-word@127.0.0.1:1/nothing", tmp_path)
    assert found.returncode == 1
    assert "s3cret-word" not in found.stdout + found.stderr
