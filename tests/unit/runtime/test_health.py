"""The pages for probes, without a server."""

import json
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from bot.runtime.dependencies import Dependencies, Dependency
from bot.runtime.health import DATABASE, Health, at_most
from bot.runtime.http_server import StartResponse, WsgiApp


def get(app: WsgiApp, path: str, query: str = "") -> tuple[str, Any]:
    """Status and body of a page."""
    statuses = []
    body = b"".join(app({"PATH_INFO": path, "QUERY_STRING": query}, lambda status, _: statuses.append(status)))
    return statuses[0], json.loads(body)


def fail() -> None:
    raise ValueError


@pytest.fixture
def health() -> Health:
    """The database is well, the cluster is not."""
    checked = [Dependency(DATABASE, lambda: None), Dependency("elasticsearch one", fail)]
    for each in checked:
        each.start()
    all_of_them = Dependencies(checked)
    all_of_them.wait_for_first(5)
    all_of_them.stop()
    return Health(all_of_them, about=lambda: {"about": "x"})


def test_readiness_is_of_the_database_alone_unless_it_is_deep(health: Health) -> None:
    assert get(health, "/healthz") == ("200 OK", {"status": "ok"})
    assert get(health, "/readyz") == ("200 OK", {"database": "ok", "about": "x"})
    deep = ("503 Service Unavailable", {"database": "ok", "elasticsearch one": "ValueError", "about": "x"})
    assert get(health, "/readyz", "deep") == get(health, "/readyz", "a=b&deep=1") == deep
    assert get(health, "/readyz", "deeper")[0] == "200 OK"
    assert get(health, "/else")[0] == "404 Not Found"


def test_more_requests_than_are_allowed_are_refused_at_once() -> None:
    release, began = threading.Event(), threading.Event()

    def slow(_environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        began.set()
        release.wait(10)
        start_response("200 OK", [])
        return [b"{}"]

    app = at_most(1, slow)
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(get, app, "/")
        began.wait(10)
        assert get(app, "/")[0] == "503 Service Unavailable"
        release.set()
        assert first.result() == ("200 OK", {})
    assert get(app, "/")[0] == "200 OK"
