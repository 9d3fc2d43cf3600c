"""After a full run, with every fault that causes logging, no secret is outside its proper place."""

import json
import sqlite3
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError

import psycopg
import pytest
from psycopg import sql

from bot.sandbox.fault_proxy import FaultProxy, HalfAnswer, Phase, ProxyRequest, Verdict, failure
from bot.sandbox.node import Node
from tests.scenario.test_audit_command import audit
from tests.stage import Stage, set_stage

AUDIT_PASSWORD, DATABASE_PASSWORD = "audit-password-9f2c71", "database-password-5d10aa"


@dataclass(frozen=True)
class Database:
    """Its place, its whole content as text, and a way to break it."""

    url: str
    dump: Callable[[], bytes]
    execute: Callable[[str], None]


class Run:
    """A stage at DEBUG with its cluster behind a proxy, and everything that it left behind."""

    def __init__(self, stage: Stage, proxy: FaultProxy, database: Database) -> None:
        self.stage, self.proxy, self.database = stage, proxy, database
        self.credentials: list[str] = []

    def traces(self) -> dict[str, bytes]:
        """Everything that a person with access to the machine may find, by place."""
        folder = self.stage.app.directory
        files = {each.name: each.read_bytes() for each in folder.rglob("*") if each.is_file()}
        pages = {path: _page(self.stage, path) for path in ("/metrics", "/readyz", "/healthz", "/slack/events")}
        forms = {
            form: audit(self.database.url, folder, "--format", form).stdout.encode()
            for form in ("table", "json", "ecs")
        }
        return files | pages | forms | {"the database": self.database.dump()}

    def secrets(self) -> dict[str, str]:
        """Every plain text that must not be found."""
        held = self.stage.app.environment
        names = ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET", "ELASTICSEARCH_PASSWORD")
        found = {name: held[name] for name in names if name in held}
        found |= {"AUDIT_PASSWORD": AUDIT_PASSWORD, "DATABASE_URL": DATABASE_PASSWORD}
        return found | {f"credential {number}": each for number, each in enumerate(self.credentials)}


def _page(stage: Stage, path: str) -> bytes:
    try:
        with urllib.request.urlopen(stage.app.url + path, timeout=10) as answer:  # noqa: S310 (our own)
            return bytes(answer.read())
    except HTTPError as error:
        return error.read()


@pytest.fixture(params=["sqlite-socket", "postgresql-http"])
def run(request: pytest.FixtureRequest, node: Node, tmp_path: Path) -> Iterator[Run]:
    """The same on each database, and in each delivery mode."""
    with ExitStack() as stack:
        database = (
            _postgres(request.getfixturevalue("postgres"), stack)
            if request.param.startswith("postgresql")
            else _sqlite(tmp_path / "es-access.db")
        )
        proxy = stack.enter_context(FaultProxy(node.url))
        settings = {
            "DATABASE_URL": database.url, "LOG_LEVEL": "DEBUG", "LOG_FORMAT": "ecs", "ELASTICSEARCH_URL": proxy.url,
            "AUDIT_INDEX": "es-access-audit", "AUDIT_URL": proxy.url, "AUDIT_USERNAME": "nobody",
            "AUDIT_PASSWORD": AUDIT_PASSWORD,
        }  # fmt: skip
        stage = set_stage(node, tmp_path, stack, http=request.param.endswith("http"), settings=settings)
        stage.app.start()
        yield Run(stage, proxy, database)


def _sqlite(file: Path) -> Database:
    def execute(statement: str) -> None:
        with closing(sqlite3.connect(file)) as database:
            database.execute(statement)
            database.commit()

    return Database(f"sqlite:///{file}", bytes, execute)  # the file itself is searched


def _postgres(postgres: Callable[[str], str], stack: ExitStack) -> Database:
    connection = stack.enter_context(psycopg.connect(postgres("postgres"), autocommit=True))
    connection.execute("CREATE DATABASE secrets")
    stack.callback(connection.execute, "DROP DATABASE secrets WITH (FORCE)")
    plain = postgres("secrets")
    # The server trusts every client of its socket, so any password shows whether it is stored.
    url = plain.replace("postgres:@", f"postgres:{DATABASE_PASSWORD}@")
    assert DATABASE_PASSWORD in url

    def dump() -> bytes:
        with psycopg.connect(plain) as reader:
            tables = reader.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
            rows = [
                reader.execute(sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(name))) for (name,) in tables
            ]
            return "\n".join(str(row[0]) for each in rows for row in each.fetchall()).encode()

    def execute(statement: str) -> None:
        with psycopg.connect(plain, autocommit=True) as writer:
            writer.execute(statement.encode())

    return Database(url, dump, execute)


def test_no_secret_is_left_anywhere(run: Run) -> None:
    stage = run.stage
    _happy(run)
    _cluster_in_trouble(run)
    _slack_in_trouble(run)
    stage.say(stage.alice, "nonsense nonsense nonsense")
    _bug(run)
    text = stage.app.log.read_text(encoding="utf-8")
    assert "cannot be sent on" in text, "the audit index refused its account"
    traces, secrets = run.traces(), run.secrets()
    assert len(secrets) >= 6
    assert b"request.submitted" in traces["json"]
    left = {
        (what, where) for where, found in traces.items() for what, each in secrets.items() if each.encode() in found
    }
    assert left == set()
    assert all(json.loads(line) for line in text.splitlines() if line.startswith("{"))


def _happy(run: Run) -> None:
    request, secret = run.stage.granted()
    run.credentials.append(secret.password)
    run.stage.say(run.stage.alice, f"revoke {request}")
    run.stage.refused(secret)


def _cluster_in_trouble(run: Run) -> None:
    """Half an answer, and errors, to the calls that carry a password."""
    answers: list[Verdict] = [failure(500), HalfAnswer(), failure(429, 1)]

    def fail(request: ProxyRequest, phase: Phase) -> Verdict:
        hit = request.path.startswith("/_security/user/es-access-") and request.method in {"PUT", "POST"}
        return answers.pop(0) if hit and phase == "before" and answers else None

    run.proxy.hook = fail
    _, secret = run.stage.granted()
    run.credentials.append(secret.password)
    assert answers == []


def _slack_in_trouble(run: Run) -> None:
    """Slack first rejects the message with the credential."""
    faults = run.stage.workspace.faults
    faults.add("chat.update", 500, times=2, when=lambda call: "Password" in json.dumps(call))
    _, secret = run.stage.granted("metrics-* 1h")
    run.credentials.append(secret.password)


def _bug(run: Run) -> None:
    """An unexpected exception with a traceback in the log: a table is missing."""
    stage = run.stage
    request = stage.ask("logs-* 1h")
    stage.approval(stage.bob, request)
    run.database.execute("ALTER TABLE approval RENAME TO somewhere_else")
    stage.workspace.click(stage.bob, stage.approval(stage.bob, request), "Approve")
    stage.hears(stage.bob, "Something went wrong")
    run.database.execute("ALTER TABLE somewhere_else RENAME TO approval")
    assert "Traceback" in stage.app.log.read_text(encoding="utf-8")
