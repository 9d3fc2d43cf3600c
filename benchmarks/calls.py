"""Number of calls over the life of one grant: request, approval, delivery, expiry and notifications."""

import sqlite3
import time
from collections import Counter
from contextlib import ExitStack, closing

from benchmarks.actions import WAIT_SECONDS, approve, ask
from benchmarks.environment import PLENTY, BenchmarkEnvironment
from benchmarks.report import Figure
from bot.sandbox.application import ApplicationProcess
from bot.sandbox.fault_proxy import FaultProxy, ProxyRequest
from bot.sandbox.stage import Stage

HOURS_SECONDS = 3601.0
"""Time from delivery until after expiry."""

QUIET_SECONDS = 3.0
"""Longer than the time for which thread notes are batched, so that no message is still to come."""

NEEDED_SLACK = 10
"""The answer to the command; the owner's approval message, edited at the decision and at the end; the credential
message, posted first and edited when the credential exists and at the end; one note in the owner's thread about both
steps; and the notice of the end to the requester and to the owner."""

NEEDED = {"password": 15, "API key": 19}
"""For a user: look up its name (2), make role and user (2), try the password; at the end check its ownership (2),
delete the user, look for keys, delete the role, end its sessions, read all three back, and look for tasks that go on.
For a key also: invalidate keys of its name, grant it, delete user and role again, and invalidate it at the end, when
there is no role to delete."""

NAMED = frozenset({"user", "role", "api_key", "oauth2"})
"""The parts of the security API that name a grant."""


def measure(environment: BenchmarkEnvironment) -> list[Figure]:
    """Runs a separate application behind a counting proxy, with one owner for one request."""
    stage = environment.stage
    stage.app.stop()
    try:
        with ExitStack() as running:
            proxy = running.enter_context(FaultProxy(stage.node.url))
            folder = environment.folder / "counted"
            folder.mkdir()
            # Another installation, which ignores the objects of the stage's application.
            app = ApplicationProcess(
                stage.workspace, proxy, stage.node.connector(), folder, owners=stage.bob.email,
                settings={**PLENTY, "INSTALLATION_ID": "counted"},
            )  # fmt: skip
            running.callback(app.stop)
            app.start()
            counted = Stage(stage.nodes, stage.workspace, app, stage.alice, stage.bob, stage.carol)
            _life(counted, proxy, "logs-* 1h to warm up")
            password = _life(counted, proxy, "logs-* 1h a benchmark")
            key = _life(counted, proxy, "logs-* 1h a benchmark --key")
    finally:
        stage.app.start()
    return [_figure(what, *each) for what, each in {"password": password, "API key": key}.items()]


def _figure(what: str, cluster: Counter[str], slack: Counter[str]) -> Figure:
    values = {"Elasticsearch": float(cluster.total()), "Slack": float(slack.total())}
    needed = NEEDED[what]
    return Figure(
        f"calls of one grant, whole life: {what}", "calls", values, 1,
        f"<= {needed} and {NEEDED_SLACK}", cluster.total() <= needed and slack.total() <= NEEDED_SLACK,
        {name: float(count) for name, count in sorted({**cluster, **slack}.items())},
    )  # fmt: skip


def _life(stage: Stage, proxy: FaultProxy, text: str) -> tuple[Counter[str], Counter[str]]:
    began = len(proxy.log)
    slack: Counter[str] = Counter()

    def count(method: str, payload: dict[str, object], phase: str) -> None:
        # The notice of a moved clock is sent once, and the health check asks now and then: neither belongs to a grant.
        if phase == "before" and method != "auth.test" and "The clock of the cluster" not in str(payload.get("text")):
            slack[method] += 1

    off = stage.workspace.on_call(count)
    try:
        message = ask(stage, text)
        approve(stage, message)
        _rest(stage)
        stage.app.move_clock(HOURS_SECONDS)
        stage.workspace.wait_for(lambda: not _live(stage), WAIT_SECONDS, "its end")
        _rest(stage)
    finally:
        off()
    # Reconciliation and clock checks do not belong to this grant: count only calls that name it.
    names = [_name(each) for each in proxy.log[began:]]
    return Counter(name for name in names if name), slack


def _live(stage: Stage) -> bool:
    with closing(sqlite3.connect(f"file:{stage.app.directory / 'es-access.db'}?mode=ro", uri=True)) as database:
        query = "SELECT count(*) FROM access_grant WHERE state <> 'cleaned_up'"
        return bool(database.execute(query).fetchone()[0])


def _rest(stage: Stage) -> None:
    seen, since = -1, time.monotonic()
    deadline = since + WAIT_SECONDS
    while time.monotonic() < deadline:
        now = len(stage.workspace.traffic)
        if now != seen:
            seen, since = now, time.monotonic()
        elif time.monotonic() - since > QUIET_SECONDS:
            return
        time.sleep(QUIET_SECONDS / 10)
    raise RuntimeError("the application never comes to rest")


def _name(request: ProxyRequest) -> str:
    """The call without the grant's name; empty for a call that belongs to no grant."""
    parts = request.path.strip("/").split("/")
    if parts == ["_tasks"]:
        return f"{request.method} _tasks"
    # For 25 minutes, all nodes are made to forget ended access again and again: no call of this grant alone.
    if parts[0] != "_security" or len(parts) < 2 or parts[1] not in NAMED or parts[-1] == "_clear_cache":
        return ""
    rest = [each for each in parts[2:] if not each.startswith("es-access-")]
    return f"{request.method} {'/'.join([*parts[:2], *rest])}"
