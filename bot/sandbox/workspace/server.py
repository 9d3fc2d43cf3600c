"""The workspace's HTTP server: one thread, one event loop, 127.0.0.1 only."""

import asyncio
import threading
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

from aiohttp import web

from bot.sandbox.workspace.delivery.deliveries import Deliveries
from bot.sandbox.workspace.delivery.payloads import Payloads
from bot.sandbox.workspace.faults import Faults
from bot.sandbox.workspace.state import State
from bot.sandbox.workspace.webapi.endpoint import WebApi
from bot.sandbox.workspace.webapi.response_url import ResponseUrls

Result = TypeVar("Result")
HOST = "127.0.0.1"
# The largest accepted body: a view may be 250 kB, and Slack itself refuses larger ones.
BODY_BYTES = 4 * 1024 * 1024
# Handlers that a fault leaves hanging are cut off after this.
SHUTDOWN_SECONDS = 0.5
START_SECONDS = 10.0


class WorkspaceServer:
    """Serves one State until `stop`."""

    def __init__(self, state: State, faults: Faults, port: int, retry_seconds: Sequence[float]) -> None:
        self.state = state
        self.faults = faults
        self.web_api = WebApi(state, faults)
        self.urls = ResponseUrls(state, self.web_api)
        self.payloads = Payloads(state, self.urls)
        self.deliveries = Deliveries(state, retry_seconds)
        self.port = port
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, name="slack-workspace", daemon=True)

    @property
    def root(self) -> str:
        return f"http://{HOST}:{self.port}"

    def start(self) -> None:
        """Start and wait until the port answers; OSError when it is taken."""
        self._thread.start()
        if not self._ready.wait(START_SECONDS):
            raise TimeoutError("the workspace did not start")
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """Close every connection and end the thread. Safe to call twice."""
        self.faults.clear()
        if self._loop is not None and self._stop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Run a coroutine on the server's loop from another thread, and wait for it."""
        if self._loop is None or self._loop.is_closed():
            work.close()
            raise RuntimeError("the workspace has ended")
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits in start()
            self._failure = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)
        await runner.setup()
        try:
            await web.TCPSite(runner, HOST, self.port, backlog=1024).start()
            self.port = runner.addresses[0][1]
            self.urls.root, self.state.socket_root = self.root, f"ws://{HOST}:{self.port}"
            self._ready.set()
            await self._stop.wait()
        finally:
            await self.deliveries.close()
            await runner.cleanup()

    def _application(self) -> web.Application:
        application = web.Application(client_max_size=BODY_BYTES)
        application.router.add_route("*", "/api/{method}", self.web_api.handle)
        application.router.add_post("/actions/{key:.+}", self.urls.handle)
        application.router.add_get("/link/", self.deliveries.sockets.handle)
        return application
