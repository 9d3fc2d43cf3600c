"""Fault injection: observes every call of the application, and can kill it at any of them."""

import json
import os
import re
import signal
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self

from elasticsearch import Elasticsearch

from bot.access.ids import attempt_username
from bot.sandbox.fault_proxy import CutConnection, FaultProxy, Phase, ProxyRequest, Verdict
from bot.sandbox.node import Node
from bot.sandbox.workspace import User
from tests.stage import Secret, Stage, set_stage

KILL_SECONDS = 20.0
"""The longest wait for the call at which the application dies."""

LONGEST_SKIP_SECONDS = 5.0
"""Longer than a thread gathers its lines and than the first pauses between attempts; the end of a grant is later."""

# How the application makes passwords: 32 letters and digits.
_PASSWORD = re.compile(r"(?<![A-Za-z0-9])[A-Za-z0-9]{32}(?![A-Za-z0-9])")


_UNASKED = ("/_nodes/", "/_security/_query/")
"""Periodic calls, independent of the test: the cluster's clock, and the inventory of reconciliation."""


class Step(NamedTuple):
    """One call of the application, numbered within its kind since the watch began."""

    kind: str
    nth: int


@dataclass
class Broken:
    """A stage whose application reaches Elasticsearch through a proxy. It was started if `app` has a pid."""

    stage: Stage
    proxy: FaultProxy

    def restart(self) -> float:
        """Restarts the application, and returns the start time in Unix seconds."""
        began = time.time()
        self.stage.app.start()
        return began

    # --- what the application remembers ---

    def rows(self, query: str, *values: Any) -> list[Any]:
        """The rows of a query in the application's database."""
        with closing(sqlite3.connect(self.stage.app.directory / "es-access.db")) as connection:
            return connection.execute(query, values).fetchall()

    def state(self, grant: str) -> str | None:
        """The state of a grant; `None` without a grant."""
        found = self.rows("SELECT state FROM access_grant WHERE id = ?", grant)
        return found[0][0] if found else None

    def settled(self, grant: str, state: str) -> None:
        """Waits until the grant is in that state and every message is sent. Pauses are skipped by moving the clock."""

        def look() -> bool:
            if self.state(grant) != state:
                self._skip_to_retry(grant)
                return False
            # Not before: the lines that are written while a grant changes are gathered in one message of a thread.
            [[due_at]] = self.rows("SELECT min(due_at) FROM message WHERE due_at IS NOT NULL")
            self._skip_to(due_at)
            return due_at is None

        self.stage.wait(look, f"{grant} {state}, all told")

    def done(self, grant: str) -> None:
        """Waits until there is nothing more to do for an active grant and every message is sent."""
        self.settled(grant, "active")
        query = "SELECT id FROM access_grant WHERE id = ? AND task IS NULL AND claimed_by IS NULL"

        def look() -> bool:
            if self.rows(query, grant):
                return True
            self._skip_to_retry(grant)
            return False

        self.stage.wait(look, f"nothing left to do for {grant}")

    def _skip_to_retry(self, grant: str) -> None:
        for [due_at] in self.rows("SELECT due_at FROM access_grant WHERE id = ? AND claimed_by IS NULL", grant):
            self._skip_to(due_at)

    def _skip_to(self, due_at: str | None) -> None:
        """Moves the application's clock to that time, if it is soon."""
        if due_at is None:
            return
        at = datetime.fromisoformat(due_at).replace(tzinfo=UTC).timestamp()
        left = at - time.time() - self.stage.app.moved
        if 0 < left <= LONGEST_SKIP_SECONDS:
            self.stage.app.move_clock(left)

    def events(self, grant: str) -> list[str]:
        """The audit of a request and its grant, oldest first."""
        return [row[0] for row in self.rows("SELECT event FROM audit_event WHERE request_id = ? ORDER BY id", grant)]

    # --- credentials of people ---

    def passwords(self, person: User, *, ever: bool = False) -> list[str]:
        """The passwords in the person's direct message; `ever` includes earlier versions and deleted messages."""
        found: list[str] = []
        for message in self.stage.workspace.messages(person, deleted=ever):
            shown = [message.blocks, *(version.blocks for version in message.history if ever)]
            for blocks in shown:
                # Twice in one message: by itself, and in the line to paste.
                found += dict.fromkeys(_PASSWORD.findall(json.dumps(blocks)))
        return found

    def messages(self, person: User, title: str) -> list[str]:
        """The messages to that person under that title."""
        return [text for text in self.stage.texts(person) if text.split("\n", 1)[0] == title]

    def posts(self, person: User, text: str, before: float) -> int:
        """The number of posts to that person, beginning with that text, that Slack accepted before that time."""
        # A thread reply is posted to the channel of its parent message.
        places = {person.id, self.stage.workspace.direct_message(person).id}
        return sum(
            1
            for call in self.stage.workspace.calls("chat.postMessage")
            if call.started < before
            and call.payload["channel"] in places
            and call.payload["text"].startswith(text)
            and (call.answer or {}).get("ok")
        )

    # --- what the cluster takes ---

    def works(self, password: str, grant: str) -> bool:
        """Whether the cluster accepts that password of that grant, with the name of any attempt."""
        return any(self.stage.search(Secret(name, password), "logs-web") == 200 for name in self.usernames(grant))

    def key(self, grant: str, password: str) -> str:
        """An API key that an administrator makes for the user of a grant."""
        granted = self.stage.node.client().security.grant_api_key(
            grant_type="password", username=self.usernames(grant)[0], password=password,
            api_key={"name": "by an admin"}, refresh=True,
        )  # fmt: skip
        return str(granted["encoded"])

    def key_works(self, key: str) -> bool:
        """Whether the cluster accepts that API key."""
        with Elasticsearch(self.stage.node.url, api_key=key) as client:
            return client.options(ignore_status=401).security.authenticate().meta.status == 200

    def in_cluster(self, grant: str) -> tuple[bool, bool]:
        """Whether users and roles of a grant are there, of any attempt, read by an administrator."""
        security, names = self.stage.node.client().options(ignore_status=404).security, self.usernames(grant)
        return bool(security.get_user(username=names).body), bool(security.get_role(name=names).body)

    def usernames(self, grant: str) -> list[str]:
        """All names of a grant's users and roles: the one in use, then those of other attempts."""
        [[attempt, used]] = self.rows("SELECT attempt, attempt_in_use FROM access_grant WHERE id = ?", grant)
        others = (number for number in range(1, attempt + 1) if number != used)
        return [attempt_username(username(grant), number) for number in (used, *others)]


def username(grant: str) -> str:
    """The name of a grant's user and role in the first attempt."""
    return f"es-access-{grant.removeprefix('REQ-').lower()}"


@dataclass
class Watch:
    """Observes every call, and kills the application before or after one of them.

    A killed application gets no answer. Killed `before`, the call has no effect either.
    """

    broken: Broken
    die_at: Step | None = None
    phase: Phase = "after"
    steps: list[Step] = field(default_factory=list)
    dead: threading.Event = field(default_factory=threading.Event)
    _seen: Counter[str] = field(default_factory=Counter)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> Self:
        self.broken.proxy.hook = self._elasticsearch
        self._off = self.broken.stage.workspace.on_call(self._slack)
        return self

    def __exit__(self, *_error: object) -> None:
        self.broken.proxy.hook = None
        self._off()

    def wait_dead(self) -> None:
        """Waits until the application has died at its step."""
        assert self.dead.wait(KILL_SECONDS), f"{self.die_at} did not come: {self.steps}"
        self.broken.stage.app.kill()

    def _elasticsearch(self, request: ProxyRequest, phase: Phase) -> Verdict:
        if request.path.startswith(_UNASKED):
            return CutConnection() if self.dead.is_set() else None
        return CutConnection() if self._dies(f"{request.method} {_place(request.path)}", phase) else None

    def _slack(self, method: str, payload: dict[str, Any], phase: Phase) -> Literal["drop"] | None:
        if "The clock of the cluster" in payload.get("text", ""):  # a periodic check
            return "drop" if self.dead.is_set() else None
        return "drop" if self._dies(f"{method} {self._reader(payload)}".strip(), phase) else None

    def _reader(self, payload: dict[str, Any]) -> str:
        stage, channel = self.broken.stage, payload.get("channel")
        people = (stage.alice, stage.bob, stage.carol, stage.dave)
        return next((each.name for each in people if channel in {each.id, stage.workspace.direct_message(each).id}), "")

    def _dies(self, kind: str, phase: Phase) -> bool:
        with self._guard:
            if self.dead.is_set():
                return True  # a dead process gets no answer, not even to calls under way
            # Concurrent calls of one kind would be miscounted: there are none.
            self._seen[kind] += phase == "before"
            step = Step(kind, self._seen[kind])
            if phase == "before":
                self.steps.append(step)
            if (step, phase) != (self.die_at, self.phase):
                return False
            os.kill(self.broken.stage.app.pid, signal.SIGKILL)
            self.dead.set()
            return True


def _place(path: str) -> str:
    """A path without the name at its end: `/_security/user`."""
    return "/".join(path.split("/")[:3])


@contextmanager
def broken_stage(node: Node, directory: Path, **settings: str) -> Iterator[Broken]:
    """A stage with a proxy, its application not started yet."""
    with ExitStack() as stack:
        proxy = stack.enter_context(FaultProxy(node.url))
        stage = set_stage(node, directory, stack, settings={"ELASTICSEARCH_URL": proxy.url, **settings})
        yield Broken(stage, proxy)
