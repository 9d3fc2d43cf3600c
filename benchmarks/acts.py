"""What people do and see in a benchmark, without drawing any of it."""

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from bot.sandbox.stage import Stage
from bot.sandbox.workspace import Message

WAIT_SECONDS = 60.0
"""For anything: what is slower than that has failed, and is no figure."""

QUIET_SECONDS = 0.1
"""Without a call by the application: it has nothing left in hand."""

_REQUEST = re.compile(r"REQ-[0-9A-Z]{6}")


class Account(NamedTuple):
    """A delivered credential."""

    username: str
    password: str


def ask(stage: Stage, text: str = "logs-* 1h a benchmark") -> Message:
    """Alice asks. Returns Bob's message about it, once it is there."""
    workspace = stage.workspace
    before = len(workspace.ephemerals(stage.alice))
    workspace.command(stage.alice, "/es-access", text)
    workspace.wait_for(lambda: len(workspace.ephemerals(stage.alice)) > before, WAIT_SECONDS)
    found = _REQUEST.search(workspace.ephemerals(stage.alice)[-1].text)
    if found is None:
        raise RuntimeError(f"not filed: {workspace.ephemerals(stage.alice)[-1].text}")

    def look() -> Message | None:
        return next((each for each in workspace.messages(stage.bob) if found.group() in each.text), None)

    return workspace.wait_for(look, WAIT_SECONDS, f"Bob's message about {found.group()}")


def settle(stage: Stage) -> None:
    """Waits until the application has nothing left in hand."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        before = len(stage.workspace.traffic)
        time.sleep(QUIET_SECONDS)
        if len(stage.workspace.traffic) == before:
            return
    raise RuntimeError("the application never comes to rest")


class Arrival:
    """Notes when a credential stands in a direct message, in the workspace's own thread."""

    def __init__(self) -> None:
        self._there = threading.Event()
        self._at = 0.0
        self._account: Account | None = None

    def hook(self, _method: str, payload: dict[str, object], phase: str) -> None:
        """For `Workspace.on_call`."""
        if phase != "after" or self._there.is_set():
            return
        found = re.search(r"curl -u '([^:']+):([^']+)'", str(payload.get("blocks", "")).replace("\\'", "'"))
        if found is not None:
            self._at, self._account = time.perf_counter(), Account(*found.groups())
            self._there.set()

    def wait(self) -> tuple[float, Account]:
        """The moment, on the clock of `time.perf_counter`, and the credential."""
        if not self._there.wait(WAIT_SECONDS) or self._account is None:
            raise RuntimeError("no credential came")
        return self._at, self._account


@contextmanager
def arrival(stage: Stage) -> Iterator[Arrival]:
    """Watches for the next credential."""
    watching = Arrival()
    off = stage.workspace.on_call(watching.hook)
    try:
        yield watching
    finally:
        off()


def approve(stage: Stage, message: Message) -> tuple[float, Account]:
    """Bob clicks Approve. Returns the seconds from his click to the credential, and the credential."""
    with arrival(stage) as watching:
        clicked = time.perf_counter()
        stage.workspace.click(stage.bob, message, "Approve")
        at, account = watching.wait()
    return at - clicked, account
