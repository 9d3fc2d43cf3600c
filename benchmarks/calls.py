"""How many calls one grant costs over its whole life: asked for, approved, delivered, ended at its time, told."""

import sqlite3
import time
from collections import Counter
from contextlib import ExitStack, closing

from benchmarks.acts import WAIT_SECONDS, approve, ask
from benchmarks.grounds import PLENTY, Grounds
from benchmarks.report import Figure
from bot.sandbox.application import ApplicationProcess
from bot.sandbox.fault_proxy import FaultProxy, ProxyRequest
from bot.sandbox.stage import Stage

HOURS_SECONDS = 3601.0
"""From the delivery until after the end."""

QUIET_SECONDS = 3.0
"""Longer than lines for a thread are gathered: nothing more is told."""

NEEDED_SLACK = 10
"""The answer to the command; the question to the owner, edited when it is decided and when it is over; the place of the
credential, edited when it is there and when it is over; one line in the owner's thread about both steps; and that it is
over, to the requester and to the owner."""

NEEDED = {"password": 12, "API key": 16}
"""Of a user: its name looked up (2), role and user made (2); at its end whose it is (2), the user deleted, keys looked
for, the role deleted, and all three read back. Of a key also: keys of its name ended, itself granted, user and role
deleted again, and ended at last; at its end there is no role to delete."""


def measure(grounds: Grounds) -> list[Figure]:
    """An application of its own behind a proxy that counts, with one owner for one request."""
    stage = grounds.stage
    stage.app.stop()
    try:
        with ExitStack() as running:
            proxy = running.enter_context(FaultProxy(stage.node.url))
            folder = grounds.folder / "counted"
            folder.mkdir()
            # Another installation: what the stage's application has made is none of its business.
            app = ApplicationProcess(
                stage.workspace, proxy, stage.node.connector(), folder, owners=stage.bob.email,
                settings={**PLENTY, "INSTALLATION_ID": "counted"},
            )  # fmt: skip
            running.callback(app.stop)
            app.start()
            counted = Stage(stage.node, stage.workspace, app, stage.alice, stage.bob, stage.carol)
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
        # That a clock was moved is told once, and is about no grant.
        if phase == "before" and "The clock of the cluster" not in str(payload.get("text")):
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
    # Rounds over the whole cluster and its clock are not of this grant: only what names it counts.
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
    """The call without the name in it; empty for one that is about no grant."""
    parts = request.path.strip("/").split("/")
    if parts[0] != "_security" or len(parts) < 2 or parts[1] not in {"user", "role", "api_key"}:
        return ""
    rest = [each for each in parts[2:] if not each.startswith("es-access-")]
    return f"{request.method} {'/'.join([*parts[:2], *rest])}"
