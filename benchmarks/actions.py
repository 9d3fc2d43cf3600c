"""People's actions and messages in a benchmark, without rendering."""

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from bot.sandbox.stage import Stage
from bot.sandbox.workspace import SlackMessage, User

WAIT_SECONDS = 60.0
"""Timeout of every step: anything slower counts as a failure, not as a figure."""

QUIET_SECONDS = 0.1
"""Time without a call by the application after which it counts as idle."""

_REQUEST = re.compile(r"REQ-[0-9A-Z]{6}")

_SECRET = re.compile(
    r"curl (?:-u '(?P<user>[^':]+):(?P<password>[^']+)'|-H 'Authorization: ApiKey (?P<key>[A-Za-z0-9+/=]+)')"
)
"""Matches the credential in the `curl` line of a message."""


class DeliveredAccount(NamedTuple):
    """A delivered credential: a user's password, or an API key, which has no user."""

    username: str
    secret: str


def ask(stage: Stage, text: str = "logs-* 1h a benchmark", person: User | None = None) -> SlackMessage:
    """Files a request by `person`, by default Alice. Waits for Bob's message about it and returns it."""
    workspace, who = stage.workspace, person or stage.alice
    before = len(workspace.ephemerals(who))
    workspace.command(who, "/es-access", f"{text} --again")  # which allows repeating an earlier request
    workspace.wait_for(lambda: len(workspace.ephemerals(who)) > before, WAIT_SECONDS)
    answer = workspace.ephemerals(who)[-1].text
    found = _REQUEST.search(answer)
    if found is None:
        raise RuntimeError(f"not filed: {answer}")

    def look() -> SlackMessage | None:
        return next((each for each in reversed(workspace.messages(stage.bob)) if found.group() in each.text), None)

    return workspace.wait_for(look, WAIT_SECONDS, f"Bob's message about {found.group()}")


def settle(stage: Stage, quiet: float = QUIET_SECONDS) -> None:
    """Waits until the application is idle: it has called nobody for `quiet` seconds."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        before = len(stage.workspace.traffic)
        time.sleep(quiet)
        if len(stage.workspace.traffic) == before:
            return
    raise RuntimeError("the application never comes to rest")


class Arrivals:
    """Records when credentials appear in direct messages, in the workspace's own threads."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._all = threading.Event()
        self._guard = threading.Lock()
        self._found: dict[DeliveredAccount, float] = {}

    def hook(self, _method: str, payload: dict[str, object], phase: str) -> None:
        """The hook for `Workspace.on_call`."""
        if phase != "after":
            return
        at = time.perf_counter()
        found = _SECRET.search(str(payload.get("blocks", "")).replace("\\'", "'"))
        if found is None:
            return
        account = DeliveredAccount(found["user"] or "", found["password"] or found["key"])
        with self._guard:
            self._found.setdefault(account, at)
            if len(self._found) >= self._count:
                self._all.set()

    def wait(self) -> tuple[float, DeliveredAccount]:
        """The time of the last arrival, by `time.perf_counter`, and its credential."""
        if not self._all.wait(WAIT_SECONDS):
            raise RuntimeError(f"{len(self._found)} of {self._count} credentials came")
        account, at = list(self._found.items())[-1]
        return at, account


@contextmanager
def arrivals(stage: Stage, count: int = 1) -> Iterator[Arrivals]:
    """Watches for the next `count` credentials."""
    watching = Arrivals(count)
    off = stage.workspace.on_call(watching.hook)
    try:
        yield watching
    finally:
        off()


def approve(stage: Stage, message: SlackMessage) -> tuple[float, DeliveredAccount]:
    """Clicks Approve as Bob. Returns the seconds from the click to the credential, and the credential."""
    with arrivals(stage) as watching:
        clicked = time.perf_counter()
        stage.workspace.click(stage.bob, message, "Approve")
        at, account = watching.wait()
    return at - clicked, account
