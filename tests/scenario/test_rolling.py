"""Two processes on one PostgreSQL, in each delivery mode: one is replaced under load, or dies during work."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from bot.sandbox.application import ApplicationProcess
from bot.sandbox.fault_proxy import CutConnection, FaultProxy, Phase, ProxyRequest, Verdict
from bot.sandbox.node import Node
from tests.scenario.test_audit_command import audit
from tests.stage import Stage, set_stage

OK = 200

CLAIM_SECONDS = 15.0
"""How long the work of a dead process stays claimed, as promised."""

SLACK = 3.0
"""Additional seconds on a busy machine."""


@dataclass
class Pair:
    """A stage whose application has a twin. `url` is that of their database."""

    stage: Stage
    twin: ApplicationProcess
    proxy: FaultProxy
    url: str
    http: bool

    def route_to(self, one: ApplicationProcess) -> None:
        """In HTTP mode, acts as a load balancer that reads `/readyz`; a WebSocket is closed by its process."""
        if self.http:
            self.stage.workspace.deliver_by_http(f"{one.url}/slack/events")


@pytest.fixture(params=["socket", "http"])
def pair(request: pytest.FixtureRequest, node: Node, tmp_path: Path, postgres: Callable[[str], str]) -> Iterator[Pair]:
    """Both running; the first reaches the cluster through a proxy."""
    http = request.param == "http"
    with psycopg.connect(postgres("postgres"), autocommit=True) as connection, ExitStack() as stack:
        connection.execute("CREATE DATABASE rolling")
        stack.callback(connection.execute, "DROP DATABASE rolling WITH (FORCE)")
        url = postgres("rolling")
        proxy = stack.enter_context(FaultProxy(node.url))
        settings = {"DATABASE_URL": url, "ELASTICSEARCH_PUBLIC_URL": node.url}
        stage = set_stage(node, tmp_path, stack, http=http, settings={**settings, "ELASTICSEARCH_URL": proxy.url})
        second = tmp_path / "second"
        second.mkdir()
        owners = stage.app.environment["INTEGRATION_OWNER"]
        twin = ApplicationProcess(
            stage.workspace, node, node.connector(), second, owners=owners, http=http, settings=settings
        )
        stack.callback(twin.stop)
        twin.start()
        stage.app.start()
        yield Pair(stage, twin, proxy, url, http)


def test_a_rolling_restart_under_load_loses_nothing_and_says_nothing_twice(pair: Pair, tmp_path: Path) -> None:
    stage, asked = pair.stage, list[str]()

    def load() -> None:
        for _ in range(4):
            request = stage.ask("logs-* 1h")
            stage.approve(request)
            asked.append(request)

    load()
    with ThreadPoolExecutor(1) as beside:
        for leaving, staying in ((stage.app, pair.twin), (pair.twin, stage.app)):
            pair.route_to(staying)
            stopped = beside.submit(leaving.stop)
            load()
            assert stopped.result() == 0
            leaving.start()
            load()
    for request in asked:
        secret = stage.secret(request)
        assert stage.search(secret, "logs-web") == OK
    stage.wait(lambda: _owed(pair) == 0, "an empty outbox")
    credentials = [text for text in stage.texts(stage.alice) if "Password: " in text]
    approvals = [text for text in stage.texts(stage.bob) if "REQUEST REQ-" in text]
    assert (len(asked), len(credentials), len(approvals)) == (20, 20, 20)
    verified = audit(pair.url, tmp_path, "verify")
    assert verified.returncode == 0, verified.stdout


def test_what_a_dead_process_had_in_hand_is_taken_up_within_its_claim(pair: Pair) -> None:
    stage, hold, held = pair.stage, threading.Event(), threading.Event()

    def hang(request: ProxyRequest, phase: Phase) -> Verdict:
        if phase == "before" and request.path.startswith("/_security/user/es-access-") and not hold.is_set():
            held.set()
            hold.wait(60)
            return CutConnection()
        return None

    pair.proxy.hook = hang
    try:
        pair.route_to(stage.app)  # which is woken by its own clicks
        request = ""
        for _ in range(20):  # either of the two may take a grant
            request = stage.ask("logs-* 1h")
            stage.approve(request)
            if held.wait(2):
                break
        assert held.is_set()
        stage.app.kill()
        killed = time.monotonic()
        stage.workspace.wait_for(
            lambda: any(f"ACCESS {request}" in text and "Password: " in text for text in stage.texts(stage.alice)),
            CLAIM_SECONDS + SLACK, "the credential, from the other process",
        )  # fmt: skip
        assert time.monotonic() - killed < CLAIM_SECONDS + SLACK
        assert stage.search(stage.secret(request), "logs-web") == OK
    finally:
        hold.set()


def _owed(pair: Pair) -> int:
    with psycopg.connect(pair.url) as connection:
        found = connection.execute("SELECT count(*) FROM message WHERE due_at IS NOT NULL").fetchone()
        return int(found[0]) if found else 0
