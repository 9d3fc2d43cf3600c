"""The whole product on this machine: a node with sample data, a workspace with people, and the application."""

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console

from bot.cluster.ownership import METADATA_KEY
from bot.sandbox.application import ApplicationProcess
from bot.sandbox.node import Node
from bot.sandbox.node.assembly import assemble
from bot.sandbox.node.cluster import running_nodes
from bot.sandbox.node.node import OWNER_KEY
from bot.sandbox.workspace import User, Workspace
from bot.setup.texts import path_of

MANIFEST = path_of("manifest.yml")
"""The manifest that installs the app in a real workspace."""

INDICES: dict[str, tuple[str | None, tuple[str, ...]]] = {
    "logs-web": ("@web-team", ("GET / 200 in 12 ms", "GET /cart 200 in 31 ms", "GET /pay 502 in 3012 ms")),
    "logs-shop": ("@web-team", ("card accepted", "card refused: limit", "gateway timed out after 3 s")),
    "orders": ("@payments-team", ("order 1041 paid", "order 1042 waits for its payment")),
    "metrics-hosts": ("@platform-team", ("web-1 cpu 31 %", "web-2 cpu 97 %")),
    "scratch": (None, ("nobody remembers what this was for",)),
}
"""Sample data: each index with the owner in its `_meta` and its lines. One has no owner, as in every real cluster."""

TEAMS = {"web-team": ("bob",), "payments-team": ("carol",), "platform-team": ("bob",)}
"""The members of the teams that own the sample data."""

ACCESS_DETAILS = "Questions? Ask in #data-help."

OWN_MACHINE = "127.0.0.1,localhost"


@dataclass(frozen=True)
class Stage:
    """The running parts. `alice` asks; `bob` owns the integration and most of the data, `carol` owns the orders.

    The application is connected to the first of `nodes`, which is `node`.
    """

    nodes: tuple[Node, ...]
    workspace: Workspace
    app: ApplicationProcess
    alice: User
    bob: User
    carol: User

    @property
    def node(self) -> Node:
        """The node that the application is connected to."""
        return self.nodes[0]

    def left_behind(self) -> list[str]:
        """The application's objects that are still in the cluster: `user NAME`, `role NAME`, `key ID`.

        A user or role may be listed for a second after its removal, since Elasticsearch lists them by a search.
        """
        security = self.node.client().security
        users, roles = security.get_user().body, security.get_role().body
        keys = security.get_api_key(active_only=True)["api_keys"]
        return [
            *(f"user {name}" for name, user in users.items() if METADATA_KEY in user.get("metadata", {})),
            *(f"role {name}" for name, role in roles.items() if METADATA_KEY in role.get("metadata", {})),
            *(f"key {key['id']}" for key in keys),
        ]


@contextmanager
def running(version: str, console: Console, nodes: int = 1) -> Iterator[Stage]:
    """Starts a stage on a cluster of that many nodes, and stops its parts in reverse order on exit.

    Progress goes to `console`. Raises NodeError, ManifestError, OSError, or RuntimeError with the application's log.
    """
    _reach_own_machine_directly()
    with ExitStack() as stack:
        installing = time.monotonic()
        assemble(version, console)  # it shows a progress bar, which cannot be shown beside a spinner
        what = f"Elasticsearch {version}" + (f" on {nodes} nodes" if nodes > 1 else "")
        with _progress(console, what, since=installing):
            cluster = stack.enter_context(running_nodes(version, nodes))
            node = cluster[0]
            fill(node)
        with _progress(console, "Slack workspace"):
            workspace = stack.enter_context(Workspace.start(MANIFEST))
            alice = workspace.add_user("alice", tz="Europe/Paris")
            bob = workspace.add_user("bob", tz="America/New_York")
            carol = workspace.add_user("carol", tz="Asia/Tokyo")
            people = {one.name: one for one in (alice, bob, carol)}
            for team, members in TEAMS.items():
                workspace.add_group(team, [people[name] for name in members])
            workspace.add_channel("data-help", people.values())
        with _progress(console, "es-access"):
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="es-access-sandbox-")))
            settings = {"CUSTOM_ACCESS_DETAILS": ACCESS_DETAILS, "RESOURCE_OWNER_KEY": OWNER_KEY}
            app = ApplicationProcess(workspace, node, node.connector(), directory, owners=bob.email, settings=settings)
            stack.callback(app.stop)
            app.start()
        yield Stage(cluster, workspace, app, alice, bob, carol)


def fill(node: Node) -> None:
    """Creates the sample data."""
    now = datetime.now(UTC)
    for name, (owner, lines) in INDICES.items():
        docs: list[dict[str, Any]] = [
            {"@timestamp": (now - timedelta(minutes=ago)).isoformat(), "message": line}
            for ago, line in enumerate(reversed(lines))
        ]
        node.create_index(name, owner, docs)


def _reach_own_machine_directly() -> None:
    """Bypasses the user's HTTP proxy for this machine; downloads still use it."""
    for name in ("no_proxy", "NO_PROXY"):
        already = os.environ.get(name)
        os.environ[name] = f"{already},{OWN_MACHINE}" if already else OWN_MACHINE


@contextmanager
def _progress(console: Console, what: str, since: float | None = None) -> Iterator[None]:
    """A spinner on a terminal during the start, then one line with the seconds since `since`, by default since now."""
    began = time.monotonic() if since is None else since
    with console.status(f"Starting {what} …"):
        yield
    console.print(f"[green]✓[/] {what} [dim]is up after {time.monotonic() - began:.1f} s[/]", highlight=False)
