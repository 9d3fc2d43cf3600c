"""The live stream to a browser: Server-Sent Events with the changed parts, and with all parts at the start."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterable

from aiohttp import web

from bot.sandbox.page.cluster_objects import made_by_application
from bot.sandbox.page.snapshot import parts
from bot.sandbox.stage import Stage
from bot.sandbox.workspace import User
from bot.sandbox.workspace.model import JsonObject

BEAT_SECONDS = 5.0
"""Interval of keep-alives on a quiet stream: a browser reconnects when it hears nothing for long."""

GATHER_SECONDS = 0.05
"""Changes come in bursts: those within this time are sent together."""

LOOK_SECONDS = 0.5
"""Interval of polling the cluster while somebody watches."""

RETRY_MILLISECONDS = 500
"""Delay before a browser reconnects when the stream breaks."""


class LiveStream:
    """Tracks the connected browsers and wakes their streams at every change.

    Runs on the page's loop; threads watch the workspace and the cluster.
    """

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._watchers: set[asyncio.Event] = set()
        self._cluster: JsonObject = {"error": None, "users": [], "roles": [], "keys": []}
        self._end = threading.Event()
        self._threads: list[threading.Thread] = []

    @property
    def watched(self) -> bool:
        """Whether a browser is connected."""
        return bool(self._watchers)

    def start(self) -> None:
        """Starts to watch; called on the loop."""
        loop = asyncio.get_running_loop()
        for look in (self._watch_workspace, self._watch_cluster):
            thread = threading.Thread(target=look, args=(loop,), name=look.__name__, daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """Ends streams and threads; called on the loop."""
        self._end.set()
        self._wake()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serves one stream until either side ends it. `people` in the query names those whose views are wanted."""
        wanted = set(request.query.get("people", "").split(","))
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
        await response.prepare(request)
        changed = asyncio.Event()
        self._watchers.add(changed)
        try:
            await response.write(f"retry: {RETRY_MILLISECONDS}\n\n".encode())
            await self._send_changes(response, changed, wanted)
        except ConnectionError:
            pass  # the tab was closed
        finally:
            self._watchers.discard(changed)
        return response

    async def _send_changes(self, response: web.StreamResponse, changed: asyncio.Event, wanted: set[str]) -> None:
        told: dict[str, str] = {}
        while not self._end.is_set():
            changed.clear()
            now = {name: json.dumps(part) for name, part in self._parts(wanted)}
            news = [_event(name, part) for name, part in now.items() if told.get(name) != part]
            told = now
            await response.write("".join([*news, _event("all", "null") if news else ": alive\n\n"]).encode())
            try:
                await asyncio.wait_for(changed.wait(), BEAT_SECONDS)
                await asyncio.sleep(GATHER_SECONDS)
            except TimeoutError:
                continue

    def _parts(self, wanted: set[str]) -> Iterable[tuple[str, JsonObject]]:
        people: list[User] = [one for one in self._stage.workspace.people if one.name in wanted]
        yield from parts(self._stage, people)
        yield "cluster", self._cluster

    def _wake(self) -> None:
        for each in self._watchers:
            each.set()

    def _watch_workspace(self, loop: asyncio.AbstractEventLoop) -> None:
        seen = self._stage.workspace.changes
        while not self._end.is_set():
            now = self._stage.workspace.wait_for_change(seen, LOOK_SECONDS)
            if now != seen:
                seen = now
                _call(loop, self._wake)

    def _watch_cluster(self, loop: asyncio.AbstractEventLoop) -> None:
        while not self._end.wait(LOOK_SECONDS):
            if not self._watchers:
                continue
            found = made_by_application(self._stage.node.client())
            if found != self._cluster:
                self._cluster = found
                _call(loop, self._wake)


def _call(loop: asyncio.AbstractEventLoop, what: Callable[[], None]) -> None:
    try:
        loop.call_soon_threadsafe(what)
    except RuntimeError:
        return  # the page has ended


def _event(name: str, part: str) -> str:
    return f"event: part\ndata: {json.dumps([name])[1:-1]}\ndata: {part}\n\n"
