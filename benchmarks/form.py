"""Time to open the form, to search in it and to show its preview, with 10,000 indices in the catalogue.

The application and the workspace are real; the cluster answers only the calls that read a catalogue.

python -m benchmarks.form
"""

import json
import random
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from benchmarks.catalogue import INDICES, state_of
from benchmarks.report import ms, percentile
from bot.sandbox.application import ApplicationProcess
from bot.sandbox.fault_proxy import PRODUCT
from bot.sandbox.stage import MANIFEST
from bot.sandbox.workspace import User, View, Workspace

RUNS = 100

WAIT_SECONDS = 30.0

QUERIES = ("", "l", "logs-", "team042", "app0999", "*app0*", "logs-team4*", "zzz", "9", "logs-team123-app00123")
"""Typed searches: empty, a prefix, an infix, a wildcard, no match, a full name."""


@dataclass(frozen=True)
class ClusterAddress:
    """The address of a cluster."""

    url: str
    ca_certs: Path | None = None


@contextmanager
def ten_thousand() -> Iterator[ClusterAddress]:
    """A stand-in for a cluster of 10,000 indices that serves only its catalogue."""
    state = state_of(INDICES, mapped=True)
    names = state["metadata"]["indices"]
    sizes = {"indices": {name: {"total": {"store": {"size_in_bytes": 1000}}} for name in names}}
    answers = {"/_cluster": json.dumps(state).encode(), "/_stats": json.dumps(sizes).encode()}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = next((each for part, each in answers.items() if part in self.path), b"{}")
            self.send_response(200)
            self.send_header(*PRODUCT)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Logs nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield ClusterAddress(f"http://127.0.0.1:{server.server_port}")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def figures(label: str, seconds: list[float]) -> None:
    taken = ms(seconds)
    p50, p95, p99 = (percentile(taken, each) for each in (50, 95, 99))
    print(f"{label}: p50 {p50:.0f} ms, p95 {p95:.0f} ms, p99 {p99:.0f} ms, max {max(taken):.0f} ms ({len(taken)})")


def opened(workspace: Workspace, person: User, text: str) -> tuple[float, View]:
    """Seconds from the command until the form is open, and the form."""
    began = time.perf_counter()
    workspace.command(person, "/es-access", text)
    view = workspace.wait_for(lambda: workspace.views(person), WAIT_SECONDS)[-1]
    return time.perf_counter() - began, view


def closed(workspace: Workspace, person: User) -> None:
    workspace.close_view(person, workspace.views(person)[-1])


def previewed(workspace: Workspace, person: User, view: View, act: Callable[[], object]) -> float:
    """Seconds from `act` to its preview."""
    began = time.perf_counter()
    act()
    workspace.wait_for(lambda: workspace.views(person)[-1].hash != view.hash, WAIT_SECONDS)
    return time.perf_counter() - began


def measure(workspace: Workspace, person: User) -> None:
    cold, view = opened(workspace, person, "")
    print(f"the first form, before anything was read: {1000 * cold:.0f} ms")
    began = time.perf_counter()
    workspace.suggest(person, view, "patterns", "logs-team")
    print(f"the first search, while the cluster is read: {1000 * (time.perf_counter() - began):.0f} ms")
    closed(workspace, person)
    for label, text in {"/es-access": "", "/es-access logs-team042-* 1h (no reason)": "logs-team042-* 1h"}.items():
        taken = []
        for _ in range(RUNS):
            seconds, view = opened(workspace, person, text)
            taken.append(seconds)
            closed(workspace, person)
        figures(f"{label}: to the form", taken)
    _, view = opened(workspace, person, "")
    searches, previews = [], []
    for run in range(RUNS // 5):
        for typed in random.sample(QUERIES, len(QUERIES)):
            workspace.suggest(person, view, "patterns", typed)
            searches.append(workspace.deliveries[-1].ack_seconds or WAIT_SECONDS)
        now = workspace.views(person)[-1]
        (first, *_) = workspace.suggest(person, view, "patterns", QUERIES[run % 2 + 3])

        def choose(now: View = now, first: Any = first) -> None:
            workspace.click(person, now, "patterns", [first])

        previews.append(previewed(workspace, person, now, choose))
    figures("search-as-you-type: to the options", searches)
    figures("a pattern chosen: to its preview", previews)
    closed(workspace, person)
    homes = []
    for _ in range(RUNS):
        before = workspace.home(person)
        began = time.perf_counter()
        workspace.open_home(person)
        workspace.wait_for(lambda before=before: workspace.home(person) != before, WAIT_SECONDS)  # type: ignore[misc]
        homes.append(time.perf_counter() - began)
    figures("Home opened: to what is shown", homes)


def main() -> None:
    """The command."""
    flows = "access_flows:\n  - {name: all, owners: integration, reason: required, default_duration: 1h}\n"
    with tempfile.TemporaryDirectory() as folder, ten_thousand() as cluster, Workspace.start(MANIFEST) as workspace:
        alice, bob = workspace.add_user("alice"), workspace.add_user("bob")
        top = f"""
integrations:
  - name: prod
    url: {cluster.url}
    username: es-access-connector
    password: env:CONNECTOR_PASSWORD
    owner: {bob.email}
    resource_owner: owner
"""
        with ApplicationProcess(
            workspace,
            cluster,
            ("es-access-connector", "none"),
            Path(folder),
            owners=bob.email,
            access_config=top + flows,
        ) as app:
            app.start()
            measure(workspace, alice)


if __name__ == "__main__":
    main()
