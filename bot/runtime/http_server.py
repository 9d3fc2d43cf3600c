"""The HTTP server: health checks, metrics, and Slack's requests in HTTP mode."""

import json
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST
from waitress import wasyncore
from waitress.server import create_server

from bot.access.errors import Outage, Refusal

THREADS = 32
"""Requests served at the same time. In HTTP mode each of Slack's requests holds a thread until it is acknowledged."""

STOP_SECONDS = 10.0
"""How long a stop waits for requests in progress. Each is acknowledged within three seconds."""

SLACK_PATH = "/slack/events"

StartResponse = Callable[..., Any]
WsgiApp = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]


class Health:
    """Answers health checks: does the process run, and do its dependencies answer?"""

    def __init__(
        self,
        checks: Mapping[str, Callable[[], object]],
        metrics: Callable[[], bytes] = bytes,
        about: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        """`metrics` makes the page for Prometheus. `about` adds to `/readyz` without changing its status."""
        self._checks = checks
        self._metrics = metrics
        self._about = about

    def ready(self) -> dict[str, str]:
        """The state of each dependency: `ok`, or the problem."""
        return {name: _answer_of(check) for name, check in self._checks.items()}

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Serves `/healthz` (the process answers), `/readyz` (its dependencies do) and `/metrics` (for Prometheus)."""
        if environ["PATH_INFO"] == "/healthz":
            return _json(start_response, "200 OK", {"status": "ok"})
        if environ["PATH_INFO"] == "/readyz":
            answers = self.ready()
            ready = all(answer == "ok" for answer in answers.values())
            return _json(start_response, "200 OK" if ready else "503 Service Unavailable", {**answers, **self._about()})
        if environ["PATH_INFO"] == "/metrics":
            start_response("200 OK", [("Content-Type", CONTENT_TYPE_LATEST), ("Cache-Control", "no-store")])
            return [self._metrics()]
        return _json(start_response, "404 Not Found", {"error": "not found"})


def _answer_of(check: Callable[[], object]) -> str:
    try:
        check()
    except (Outage, Refusal) as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 (any error means that it is not ready)
        return type(error).__name__
    return "ok"


def _json(start_response: StartResponse, status: str, body: Mapping[str, str]) -> Iterable[bytes]:
    start_response(status, [("Content-Type", "application/json"), ("Cache-Control", "no-store")])
    return [json.dumps(dict(body)).encode()]


def with_slack(slack: WsgiApp, otherwise: WsgiApp, around: Callable[[], AbstractContextManager[None]]) -> WsgiApp:
    """Sends Slack's path to Bolt, and all others to `otherwise`. Each of Slack's requests runs within `around()`."""

    def app(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] != SLACK_PATH:
            return otherwise(environ, start_response)
        with around():
            return slack(environ, start_response)

    return app


class WebServer:
    """Serves a WSGI app in threads. The constructor binds the port, and raises `OSError` when it is in use."""

    def __init__(self, app: WsgiApp, host: str, port: int) -> None:
        self._connections: dict[int, Any] = {}
        self._server = create_server(
            app, self._connections, host=host, port=port, threads=THREADS,
            ident=None, clear_untrusted_proxy_headers=True,
        )  # fmt: skip
        self._thread = threading.Thread(target=self._server.run, name="web", daemon=True)

    @property
    def port(self) -> int:
        """The port that the server listens on; useful when port 0 asked for any free one."""
        return int(self._server.effective_port)

    def start(self) -> None:
        """Starts serving."""
        self._thread.start()

    def stop(self) -> None:
        """Accepts no more requests, and finishes those in progress."""
        self._server.task_dispatcher.shutdown(timeout=STOP_SECONDS)
        # Runs in the server's own thread, between two polls. Otherwise keep-alive connections block for minutes.
        self._server.trigger.pull_trigger(lambda: wasyncore.close_all(self._connections))
        self._thread.join()
