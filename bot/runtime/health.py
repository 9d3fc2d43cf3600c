"""The pages for probes and for Prometheus. A probe is answered from the last checks, without a new one."""

import json
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import parse_qs

from prometheus_client import CONTENT_TYPE_LATEST

from bot.runtime.dependencies import OK, Dependencies
from bot.runtime.http_server import StartResponse, WsgiApp

DATABASE = "database"
"""The only dependency without which this process cannot do its own part."""


class Health:
    """Answers whether the process runs, whether it is ready, and with its metrics."""

    def __init__(
        self,
        dependencies: Dependencies,
        metrics: Callable[[], bytes] = bytes,
        about: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        """`metrics` makes the page for Prometheus. `about` adds to `/readyz` without changing its status."""
        self._dependencies = dependencies
        self._metrics = metrics
        self._about = about

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Serves `/healthz`, `/readyz` (this process and its database), `/readyz?deep` (all of it) and `/metrics`."""
        if environ["PATH_INFO"] == "/healthz":
            return _json(start_response, "200 OK", {"status": "ok"})
        if environ["PATH_INFO"] == "/readyz":
            deep = "deep" in parse_qs(environ["QUERY_STRING"], keep_blank_values=True)
            answers = self._dependencies.answers(*(() if deep else (DATABASE,)))
            ready = all(answer == OK for answer in answers.values())
            return _json(start_response, "200 OK" if ready else UNAVAILABLE, {**answers, **self._about()})
        if environ["PATH_INFO"] == "/metrics":
            start_response("200 OK", [("Content-Type", CONTENT_TYPE_LATEST), ("Cache-Control", "no-store")])
            return [self._metrics()]
        return _json(start_response, "404 Not Found", {"error": "not found"})


UNAVAILABLE = "503 Service Unavailable"


def at_most(count: int, app: WsgiApp) -> WsgiApp:
    """Lets the app answer so many requests at the same time, and refuses the others with 503 at once."""
    free = threading.BoundedSemaphore(count)

    def limited(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if not free.acquire(blocking=False):
            return _json(start_response, UNAVAILABLE, {"error": "too many requests at the same time"})
        try:
            return app(environ, start_response)
        finally:
            free.release()

    return limited


def _json(start_response: StartResponse, status: str, body: Mapping[str, str]) -> Iterable[bytes]:
    start_response(status, [("Content-Type", "application/json"), ("Cache-Control", "no-store")])
    return [json.dumps(dict(body)).encode()]
