"""The real application in its own process, connected to a node and a workspace."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Protocol, Self
from urllib.error import URLError

import bot
from bot.sandbox.workspace import Workspace

READY_SECONDS = 30.0
"""Start timeout: ten times the usual start time on two cores."""

STOP_SECONDS = 30.0
"""Timeout for an orderly stop: the grace period of Kubernetes before it kills."""

_POLL_SECONDS = 0.02

PROJECT = Path(bot.__file__).parents[1]
"""The folder that the package is in."""


class ElasticsearchAddress(Protocol):
    """The URL and CA certificate of the Elasticsearch to use."""

    @property
    def url(self) -> str: ...

    @property
    def ca_certs(self) -> Path | None: ...


class ProcessHandle(Protocol):
    """A process, as in `subprocess.Popen`. `close` tells it that its parent is gone."""

    @property
    def pid(self) -> int: ...

    def poll(self) -> int | None: ...

    def wait(self, timeout: float | None = None) -> int: ...

    def send_signal(self, sig: int) -> None: ...

    def kill(self) -> None: ...

    def close(self) -> None: ...


class ProcessLauncher(Protocol):
    """Starts a Python module with its arguments, in `directory`, with only the given environment."""

    def __call__(
        self, command: Sequence[str], environment: Mapping[str, str], directory: Path, log: Path
    ) -> ProcessHandle: ...


class FreshProcess(subprocess.Popen[bytes]):
    """A process with its own new interpreter."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], directory: Path, log: Path) -> None:
        with log.open("ab") as written:
            super().__init__(
                [sys.executable, "-m", *command],
                # In a plain checkout the package is found by its folder alone.
                env={**environment, "PYTHONPATH": str(PROJECT)}, cwd=directory,
                stdin=subprocess.PIPE, stdout=written, stderr=written,
            )  # fmt: skip

    def close(self) -> None:
        """Closes its standard input, which makes it exit."""
        if self.stdin is not None:
            self.stdin.close()


class ApplicationProcess:
    """`bot run` with only its settings in its environment. A context manager that stops it on exit.

    `access_config` is the text of an `access.yaml`; its connector's password is `env:CONNECTOR_PASSWORD`. `program` is
    the module to run; its argument is the file with the clock's offset.
    """

    launch: ClassVar[ProcessLauncher] = FreshProcess
    """Starts the process; tests replace it."""

    def __init__(
        self,
        workspace: Workspace,
        cluster: ElasticsearchAddress,
        connector: tuple[str, str],
        directory: Path,
        *,
        owners: str,
        http: bool = False,
        settings: dict[str, str] | None = None,
        access_config: str | None = None,
        program: str = "bot.sandbox.moved_clock",
    ) -> None:
        self.directory = directory
        self.log = directory / "application.log"
        self.port, self.health_port = _free_port(), _free_port()
        self._offset = directory / "clock"
        self._offset.write_text("0", encoding="ascii")
        self._workspace = workspace
        self._http = http
        self._process: ProcessHandle | None = None
        self.program = program
        self.access_config = directory / "access.yaml"
        self._has_config = access_config is not None
        if access_config is not None:
            self.access_config.write_text(access_config, encoding="utf-8")
        self.environment = self._settings(cluster, connector, owners) | (settings or {})

    def _settings(self, cluster: ElasticsearchAddress, connector: tuple[str, str], owners: str) -> dict[str, str]:
        workspace = self._workspace
        way_in = (
            {
                "SLACK_SIGNING_SECRET": workspace.signing_secret,
                "PORT": str(self.port),
                "HEALTH_PORT": str(self.health_port),
            }
            if self._http
            else {"SLACK_APP_TOKEN": workspace.app_token, "HEALTH_PORT": str(self.port)}
        )
        ca_certs = {"ELASTICSEARCH_CA_CERTS": str(cluster.ca_certs)} if cluster.ca_certs else {}
        by_variables = {
            "ELASTICSEARCH_URL": cluster.url,
            "ELASTICSEARCH_USERNAME": connector[0],
            "ELASTICSEARCH_PASSWORD": connector[1],
            "INTEGRATION_OWNER": owners,
            **ca_certs,
        }
        by_file = {"ACCESS_CONFIG": str(self.access_config), "CONNECTOR_PASSWORD": connector[1]}
        return {
            "SLACK_BOT_TOKEN": workspace.bot_token,
            "SLACK_API_URL": workspace.api_url,
            "DATABASE_URL": f"sqlite:///{self.directory}/es-access.db",
            "HOST": "127.0.0.1",
            **way_in,
            **(by_file if self._has_config else by_variables),
        }

    @property
    def url(self) -> str:
        """Its HTTP server: health checks and, in HTTP mode, Slack's requests."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The id of the running process. Raises `RuntimeError` when it is not running."""
        if self._process is None:
            raise RuntimeError("the application is not running")
        return self._process.pid

    def start(self, *, ready: bool = True) -> Self:
        """Starts it and, with `ready`, waits until it is ready. Raises `RuntimeError` with its log."""
        environment = {"PATH": os.environ.get("PATH", ""), "PYTHONUNBUFFERED": "1"} | self.environment
        self._process = type(self).launch([self.program, str(self._offset)], environment, self.directory, self.log)
        if self._http:
            self._workspace.deliver_by_http(f"{self.url}/slack/events")
        if ready:
            self.wait_ready()
        return self

    def wait_ready(self) -> None:
        """Waits until `/readyz?deep` answers 200. Raises `RuntimeError` on timeout or when the process has ended."""
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline and self.returncode is None:
            if self._says_ready():
                return
            time.sleep(_POLL_SECONDS)
        raise RuntimeError(f"the application is not ready:\n{self.log.read_text(encoding='utf-8')[-4000:]}")

    def _says_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/readyz?deep", timeout=READY_SECONDS) as answer:  # noqa: S310 (our own)
                return bool(answer.status == 200)
        except (URLError, OSError):
            return False

    @property
    def returncode(self) -> int | None:
        """The exit code; `None` while it runs."""
        return self._process.poll() if self._process else None

    def reload(self) -> None:
        """Tells it to reload `access.yaml`."""
        if self._process is not None:
            self._process.send_signal(signal.SIGHUP)

    @property
    def moved(self) -> float:
        """How far its clock is ahead, in seconds."""
        return float(self._offset.read_text(encoding="ascii"))

    def move_clock(self, seconds: float) -> None:
        """Moves the application's clock forward by `seconds`."""
        moved = self.moved + seconds
        whole = self._offset.with_suffix(".new")
        whole.write_text(str(moved), encoding="ascii")
        whole.replace(self._offset)

    def stop(self) -> int:
        """Stops it with SIGTERM, as a supervisor does, and returns its exit code."""
        return self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Kills it without warning, like a power cut."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        process.send_signal(how)
        try:
            code = process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        finally:
            process.close()
        return code

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
