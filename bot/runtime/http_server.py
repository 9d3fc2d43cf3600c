"""The HTTP side: health for whoever runs the application, and Slack's requests in HTTP mode."""

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
"""Requests at once: in HTTP mode each of Slack's requests holds one until it is acknowledged."""

STOP_SECONDS = 10.0
"""For the requests in hand at a stop: each is acknowledged within three."""

SLACK_PATH = "/slack/events"

StartResponse = Callable[..., Any]
WsgiApp = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]


class Health:
    """Whether the process lives, and whether all that it depends on answers."""

    def __init__(
        self,
        checks: Mapping[str, Callable[[], object]],
        metrics: Callable[[], bytes] = bytes,
        about: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        """`metrics` is the page for Prometheus; `about` is said beside the answers, and changes none."""
        self._checks = checks
        self._metrics = metrics
        self._about = about

    def ready(self) -> dict[str, str]:
        """What each dependency answers: `ok`, or what is wrong with it."""
        return {name: _answer_of(check) for name, check in self._checks.items()}

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """`/healthz`: the process answers. `/readyz`: its dependencies do. `/metrics`: for Prometheus."""
        if environ["PATH_INFO"] == "/healthz":
            return _json(start_response, "200 OK", {"status": "ok"})
        if environ["PATH_INFO"] == "/readyz":
            answers = self.ready()
            well = all(answer == "ok" for answer in answers.values())
            return _json(start_response, "200 OK" if well else "503 Service Unavailable", {**answers, **self._about()})
        if environ["PATH_INFO"] == "/metrics":
            start_response("200 OK", [("Content-Type", CONTENT_TYPE_LATEST), ("Cache-Control", "no-store")])
            return [self._metrics()]
        return _json(start_response, "404 Not Found", {"error": "not found"})


def _answer_of(check: Callable[[], object]) -> str:
    try:
        check()
    except (Outage, Refusal) as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 (whatever is wrong with it, it is not ready)
        return type(error).__name__
    return "ok"


def _json(start_response: StartResponse, status: str, body: Mapping[str, str]) -> Iterable[bytes]:
    start_response(status, [("Content-Type", "application/json"), ("Cache-Control", "no-store")])
    return [json.dumps(dict(body)).encode()]


def with_slack(slack: WsgiApp, otherwise: WsgiApp, around: Callable[[], AbstractContextManager[None]]) -> WsgiApp:
    """Slack's path to Bolt, every other to `otherwise`. `around` is entered for each of Slack's requests."""

    def app(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] != SLACK_PATH:
            return otherwise(environ, start_response)
        with around():
            return slack(environ, start_response)

    return app


class WebServer:
    """Serves a WSGI app in threads. Binds at once: a port in use is an `OSError` of the constructor."""

    def __init__(self, app: WsgiApp, host: str, port: int) -> None:
        self._connections: dict[int, Any] = {}
        self._server = create_server(
            app, self._connections, host=host, port=port, threads=THREADS,
            ident=None, clear_untrusted_proxy_headers=True,
        )  # fmt: skip
        self._thread = threading.Thread(target=self._server.run, name="web", daemon=True)

    @property
    def port(self) -> int:
        """The port that is listened on, also when any free one was asked for (0)."""
        return int(self._server.effective_port)

    def start(self) -> None:
        """Begins to serve."""
        self._thread.start()

    def stop(self) -> None:
        """Takes no more requests, and finishes those in hand."""
        self._server.task_dispatcher.shutdown(timeout=STOP_SECONDS)
        # In the server's own thread, between two looks at its sockets; those kept alive would hold it for minutes.
        self._server.trigger.pull_trigger(lambda: wasyncore.close_all(self._connections))
        self._thread.join()
