"""The world of a soak: people in a workspace, a real node, and one or two application processes that may die."""

import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text

from bot.cluster.ownership import mark_of
from bot.sandbox.application import ApplicationProcess
from bot.sandbox.fault_proxy import FaultProxy
from bot.sandbox.node import Node
from bot.sandbox.workspace import User
from bot.storage.engine import database_url, open_engine
from tests.soak.taken import Taken
from tests.stage import Stage, integrations, set_stage

ROOT = Path(__file__).parents[2]

UP_SECONDS = 45.0
"""Longest wait for a process to be ready."""

SETTINGS = {"PYTHONPATH": str(ROOT), "LOG_LEVEL": "WARNING"}

HEALTHY, HANGING = "healthy", "hanging"
"""The two integrations. The calls of the second hang half of the time; both are the same node."""

POLICY = """
pending_duration: 20m
pending_per_person: 1000
requests_per_hour: 1000
access_flows:
  - {name: all, owners: integration}
"""

_POLL_SECONDS = 0.05


@dataclass
class Member:
    """One process and its own proxies to the cluster: `proxy` to the healthy one, `other` to the one that hangs."""

    app: ApplicationProcess
    proxy: FaultProxy
    other: FaultProxy


@dataclass
class World:
    """A stage whose application is one or two processes on the database of `engine`.

    `others` are objects that were in the cluster before, since the tests share one.
    """

    stage: Stage
    members: list[Member]
    requesters: list[User]
    engine: Engine
    url: str
    folder: Path
    others: set[str] = field(default_factory=set)
    moves: list[tuple[float, float]] = field(default_factory=list)
    dead: list[tuple[float, float]] = field(default_factory=list)
    """From when to when a process was dead or starting, in Unix seconds."""
    acknowledged: Taken = field(default_factory=Taken)
    taken: threading.Event = field(default_factory=threading.Event)
    """Is set at each acknowledgement."""
    ended_by_themselves: list[str] = field(default_factory=list)

    def rows(self, query: str, **values: Any) -> Sequence[Any]:
        """The rows that the database returns."""
        with self.engine.connect() as connection:
            return connection.execute(text(query), values).fetchall()

    def move_clock(self, seconds: float) -> None:
        """Moves the clock of every process forward, and records when that was."""
        for member in self.members:
            member.app.move_clock(seconds)
        self.moves.append((time.time(), self.members[0].app.moved))

    def machine_time_of(self, at: datetime) -> float:
        """The machine's time, in Unix seconds, at which the processes reached `at`; a jump reaches it at once."""
        offset, moment = 0.0, at.timestamp()
        for moved_at, after in self.moves:
            if moment - offset <= moved_at:
                break
            offset = after
            if moment - offset < moved_at:
                return moved_at
        return moment - offset

    def start(self, member: Member) -> None:
        """Starts a process, and waits until it serves, has ended or `UP_SECONDS` are over.

        It serves although a cluster hangs or the bot token is revoked.
        """
        member.app.start(ready=False)
        deadline = time.monotonic() + UP_SECONDS
        while time.monotonic() < deadline and self.is_up(member) and not _serves(member.app.url):
            time.sleep(_POLL_SECONDS)

    def is_up(self, member: Member) -> bool:
        """Whether the process runs. A process that exited without being killed is recorded for the report."""
        code = member.app.returncode
        if code is not None and code >= 0:
            log = member.app.log.read_text(encoding="utf-8")[-1500:]
            self.ended_by_themselves.append(f"a process ended by itself with {code}:\n{log}")
        return code is None

    def ready(self) -> None:
        """Waits until every process is ready. Raises `RuntimeError`."""
        for member in self.members:
            if member.app.returncode is not None:
                member.app.kill()
                member.app.start(ready=False)
            member.app.wait_ready()


def _serves(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=UP_SECONDS) as answer:  # noqa: S310 (our own)
            return bool(answer.status == 200)
    except OSError:  # also an answer of 503
        return False


@contextmanager
def running_world(node: Node, folder: Path, url: str, processes: int) -> Iterator[World]:
    """A running world. The second process has its own folder, clock and proxy."""
    with ExitStack() as stack:
        proxies = [[stack.enter_context(FaultProxy(node.url)) for _ in range(2)] for _ in range(processes)]
        common = SETTINGS | {"DATABASE_URL": url}
        stage = set_stage(node, folder, stack, settings=common, policy=lambda _: "")
        stage.app.access_config.write_text(_access_yaml(stage, *proxies[0]), encoding="utf-8")
        others = made(node)
        stage.app.program = "tests.scenario.dying"
        members = [Member(stage.app, *proxies[0])]
        for number, own_proxies in enumerate(proxies[1:], 2):
            own = folder / f"process-{number}"
            own.mkdir()
            app = ApplicationProcess(
                stage.workspace, node, node.connector(), own, owners="",
                settings=common | {"INSTALLATION_ID": stage.app.environment["INSTALLATION_ID"]},
                access_config=_access_yaml(stage, *own_proxies), program="tests.scenario.dying",
            )  # fmt: skip
            members.append(Member(app, *own_proxies))
        for member in members:
            stack.callback(member.app.kill)
            member.app.start()
        engine = open_engine(database_url(url))
        stack.callback(engine.dispose)
        more = [stage.workspace.add_user(name) for name in ("erin", "frank")]
        yield World(stage, members, [stage.alice, stage.dave, *more], engine, url, folder, others)


def _access_yaml(stage: Stage, healthy: FaultProxy, hanging: FaultProxy) -> str:
    entries = [
        integrations(stage.node, stage.bob, name)
        .removeprefix("\nintegrations:\n")
        .replace(stage.node.url, f"{proxy.url}\n    public_url: {stage.node.url}")
        .replace(f"owner: {stage.bob.email}", f"owner: [{stage.bob.email}, '@data-owners']")
        for name, proxy in ((HEALTHY, healthy), (HANGING, hanging))
    ]
    return f"integrations:\n{''.join(entries)}{POLICY}"


def made(node: Node) -> set[str]:
    """All users, roles and live keys in a cluster whose metadata says that an es-access made them."""
    client = node.client()
    client.indices.refresh(index=".security*", ignore_unavailable=True, expand_wildcards="all")
    found = {"user": client.security.get_user().body, "role": client.security.get_role().body}
    keys = {each["id"]: each for each in client.security.get_api_key(active_only=True)["api_keys"]}
    return {
        f"the {kind} {name}"
        for kind, held in {**found, "key": keys}.items()
        for name, each in held.items()
        if mark_of(each) is not None
    }
