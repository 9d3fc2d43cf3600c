"""The page's HTTP server on this machine: its files, the live stream and the actions."""

import asyncio
import errno
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from importlib.resources import files
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from bot.sandbox.page.api import PageApi, RefusedError
from bot.sandbox.page.guard import guard, harden
from bot.sandbox.page.live_stream import LiveStream
from bot.sandbox.stage import Stage

HOST = "127.0.0.1"

PORT = 4180
"""The default port, if it is free: the same at every start, so that an open tab reconnects."""

WORKERS = 16
"""Concurrent actions. Each may wait for the application, up to Slack's 3 s."""

BODY_BYTES = 512 * 1024
"""Largest body of an action: a form with every field full is far smaller."""

START_SECONDS = 10.0

SHUTDOWN_SECONDS = 0.5
"""Streams are told to end; those that do not are cut off after this."""

_KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".html": "text/html"}


class PageServer:
    """Serves the page of one stage at `url`. A context manager.

    When `port` is taken, a free one is used instead. Raises OSError when there is none.
    """

    def __init__(self, stage: Stage, port: int = PORT) -> None:
        self.port = port
        self._live, self._page_api = LiveStream(stage), PageApi(stage)
        self._assets = _read_assets()
        self._workers = ThreadPoolExecutor(WORKERS, thread_name_prefix="page")
        self._ready, self._stopping = threading.Event(), asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="page", daemon=True)

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}/"

    @property
    def watched(self) -> bool:
        """Whether a browser is connected now."""
        return self._live.watched

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(START_SECONDS):
            raise TimeoutError("the page did not start")
        if self._failure is not None:
            raise self._failure
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._loop is not None:
            with suppress(RuntimeError):  # it has ended already
                self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()
        self._workers.shutdown(wait=False, cancel_futures=True)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits for the start
            self._failure = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        application = web.Application(client_max_size=BODY_BYTES, middlewares=[guard(lambda: self.port)])
        application.on_response_prepare.append(harden)
        application.router.add_get("/", self._index)
        application.router.add_get("/assets/{name}", self._asset)
        application.router.add_get("/api/live", self._live.handle)
        application.router.add_post("/api/{action}", self._do)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)
        await runner.setup()
        try:
            await self._listen(runner)
            self._live.start()
            self._ready.set()
            await self._stopping.wait()
        finally:
            self._live.stop()
            await runner.cleanup()

    async def _listen(self, runner: web.AppRunner) -> None:
        try:
            await web.TCPSite(runner, HOST, self.port).start()
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
            await web.TCPSite(runner, HOST, 0).start()
        self.port = runner.addresses[0][1]

    async def _index(self, _request: web.Request) -> web.Response:
        return self._file("index.html")

    async def _asset(self, request: web.Request) -> web.Response:
        return self._file(request.match_info["name"])

    def _file(self, name: str) -> web.Response:
        """One of the page's files. All were read at the start, so no path of a request reaches the disk."""
        if name not in self._assets:
            return web.Response(status=404, text="There is no such file.")
        kind = _KINDS[name[name.rindex(".") :]]
        return web.Response(body=self._assets[name], content_type=kind, charset="utf-8")

    async def _do(self, request: web.Request) -> web.Response:
        body = await _json_object(request)
        if body is None:
            return web.json_response({"ok": False, "shown": "A deed is told as a JSON object."}, status=400)
        loop = asyncio.get_running_loop()
        try:
            answer = await loop.run_in_executor(self._workers, self._page_api.do, request.match_info["action"], body)
        except RefusedError as error:
            return web.json_response({"ok": False, "shown": str(error)}, status=409)
        return web.json_response(answer)


def _read_assets() -> dict[str, bytes]:
    folder = files("bot.sandbox.page") / "assets"
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.name.endswith(tuple(_KINDS))}


async def _json_object(request: web.Request) -> dict[str, Any] | None:
    if request.content_type != "application/json":
        return None
    try:
        body = json.loads(await request.text())
    except ValueError:
        return None
    return body if isinstance(body, dict) else None
