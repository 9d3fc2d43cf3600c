"""A real, secured Elasticsearch node on this machine, for tests and the demo."""

from __future__ import annotations

import os
import secrets
import signal
import socket
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from elasticsearch import Elasticsearch
from rich.console import Console

from bot.cluster.connector.privileges import ROLE as CONNECTOR_ROLE
from bot.sandbox.node.artifacts import DEFAULT_VERSION
from bot.sandbox.node.assembly import NodeInstallation, assemble
from bot.sandbox.node.errors import NodeError, PortTakenError
from bot.sandbox.node.node_home import ADMINISTRATOR, HOST, PASSWORD_BYTES, Membership, NodeHome
from bot.sandbox.node.server import NodeServer

HEAP_MB = 512

PORT_ATTEMPTS = 3
"""Another process may take the free port before the node starts."""

CONNECTOR_NAME = "es-access-connector"
"""Name of the application's user here, and of its role."""

OWNER_KEY = "owner"
"""The key in the mapping's `_meta` under which `create_index` writes the owner."""


class NodeAccount(NamedTuple):
    username: str
    password: str


class Connector(NodeAccount):
    """The application's own account."""


class Node:
    """One running node, its data, and the operations that tests and the demo need.

    A context manager: on exit it stops the process and deletes the data.
    """

    def __init__(self, version: str, home: NodeHome, installation: NodeInstallation, heap_mb: int) -> None:
        self.version = version
        self._home = home
        self._installation = installation
        self._heap_mb = heap_mb
        self._server: NodeServer | None = None
        self._client: Elasticsearch | None = None
        self._connector: Connector | None = None
        self._port = 0

    @classmethod
    def start(
        cls,
        version: str = DEFAULT_VERSION,
        *,
        console: Console | None = None,
        tls: bool = False,
        heap_mb: int = HEAP_MB,
        settings: Mapping[str, object] | None = None,
        membership: Membership | None = None,
    ) -> Self:
        """Starts a node of `version`, assembled first if it is not in the cache (progress on `console`).

        `heap_mb` is the JVM's largest heap in megabytes; `settings` go into `elasticsearch.yml`. With a `membership`
        it waits for the other nodes of its cluster. Raises NodeError when it cannot be fetched, built or started.
        """
        installation = assemble(version, console)
        home = NodeHome.create(tls=tls, settings=settings or {}, membership=membership)
        node = cls(version, home, installation, heap_mb)
        try:
            node._start_on_free_port()
        except BaseException:
            home.delete()
            raise
        return node

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def url(self) -> str:
        return f"{'https' if self.ca_certs else 'http'}://{HOST}:{self._port}"

    @property
    def ca_certs(self) -> Path | None:
        return self._home.ca_certs

    @property
    def client_certificate(self) -> Path | None:
        """With its private key, for a node that asks for one."""
        return self._home.client_certificate

    @property
    def log(self) -> Path:
        """The node's log file; `close` deletes it with the data."""
        return self._home.log

    @property
    def home(self) -> Path:
        return self._home.root

    @property
    def admin(self) -> NodeAccount:
        """A superuser of the file realm, for the sandbox and the tests, never for the application."""
        return NodeAccount(ADMINISTRATOR, self._home.admin_password)

    @property
    def pid(self) -> int | None:
        """The id of the server's process, None while it is stopped."""
        return None if self._server is None else self._server.process.pid

    def client(self) -> Elasticsearch:
        """The administrator's client, to create and inspect test data; closed with the node."""
        if self._client is None:
            self._client = self.client_of(*self.admin)
        return self._client

    def client_of(self, username: str, password: str) -> Elasticsearch:
        """A client of that user; the caller closes it."""
        certificates: dict[str, Any] = {}
        if self.ca_certs is not None:
            certificates = {"ca_certs": str(self.ca_certs), "client_cert": str(self.client_certificate)}
        return Elasticsearch(self.url, basic_auth=(username, password), **certificates)

    def connector(self) -> Connector:
        """The application's account; the first call creates its role and user."""
        if self._connector is None:
            connector = Connector(CONNECTOR_NAME, secrets.token_urlsafe(PASSWORD_BYTES))
            security = self.client().security
            security.put_role(name=CONNECTOR_NAME, **CONNECTOR_ROLE)
            security.put_user(**connector._asdict(), roles=[CONNECTOR_NAME])
            self._connector = connector
        return self._connector

    def create_index(self, name: str, owner: str | None = None, docs: Iterable[Mapping[str, object]] = ()) -> None:
        """Creates an index with `docs`, searchable at once; `owner` goes into its `_meta`."""
        mappings = {} if owner is None else {"_meta": {OWNER_KEY: owner}}
        self.client().indices.create(index=name, settings={"number_of_replicas": 0}, mappings=mappings)
        operations = [line for doc in docs for line in ({"index": {}}, doc)]
        if operations:
            answer = self.client().bulk(index=name, operations=operations, refresh=True)
            if answer["errors"]:
                raise NodeError(f"{name}: not every document was indexed: {answer['items']}")

    def freeze(self) -> None:
        """Suspends the process: its connections stay open, and nothing is answered."""
        if self.pid is not None:
            os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Lets a frozen process go on."""
        if self.pid is not None:
            os.kill(self.pid, signal.SIGCONT)

    def stop(self) -> None:
        """Shuts the process down in order; the data stays until `close`."""
        if self._server is not None:
            self.thaw()
            self._server.stop()
            self._server = None

    def kill(self) -> None:
        """Kills the process, like a crash; the data stays until `close`."""
        if self._server is not None:
            self._server.kill()
            self._server = None

    def restart(self) -> None:
        """Stops the node if it runs, and starts it on the same data and port; raises NodeError."""
        self.stop()
        self._server = NodeServer.start(self._installation, self._home, self._port, self._heap_mb)

    def close(self) -> None:
        """Stops the process and deletes the data."""
        if self._client is not None:
            self._client.close()
        self.stop()
        self._home.delete()

    def _start_on_free_port(self) -> None:
        for attempt in range(1, PORT_ATTEMPTS + 1):
            self._port = free_port()
            try:
                self._server = NodeServer.start(self._installation, self._home, self._port, self._heap_mb)
            except PortTakenError:
                if attempt == PORT_ATTEMPTS:
                    raise
            else:
                return


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
