"""The real application as a process of its own, between a node and a workspace."""

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

from bot.sandbox.workspace import Workspace

READY_SECONDS = 30.0
"""Longest wait for a start: ten times what it takes on two cores."""

STOP_SECONDS = 30.0
"""Longest wait for an orderly stop: what Kubernetes gives before it kills."""

_POLL_SECONDS = 0.02


class ElasticsearchAddress(Protocol):
    """Where the application finds Elasticsearch."""

    @property
    def url(self) -> str: ...

    @property
    def ca_certs(self) -> Path | None: ...


class ProcessHandle(Protocol):
    """A process, as `subprocess.Popen` has it. `close` tells it that whoever started it is gone."""

    @property
    def pid(self) -> int: ...

    def poll(self) -> int | None: ...

    def wait(self, timeout: float | None = None) -> int: ...

    def send_signal(self, sig: int) -> None: ...

    def kill(self) -> None: ...

    def close(self) -> None: ...


class ProcessLauncher(Protocol):
    """Starts a Python module, given with its arguments, in that folder with that environment and nothing else."""

    def __call__(
        self, command: Sequence[str], environment: Mapping[str, str], directory: Path, log: Path
    ) -> ProcessHandle: ...


class FreshProcess(subprocess.Popen[bytes]):
    """A process with an interpreter of its own."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], directory: Path, log: Path) -> None:
        with log.open("ab") as written:
            super().__init__(
                [sys.executable, "-m", *command],
                env=environment, cwd=directory, stdin=subprocess.PIPE, stdout=written, stderr=written,
            )  # fmt: skip

    def close(self) -> None:
        """Ends its standard input, at which it ends."""
        if self.stdin is not None:
            self.stdin.close()


class ApplicationProcess:
    """`bot run` with nothing in its environment but its settings. A context manager: it is stopped at the end.

    `access_config` is the text of an `access.yaml`; its connector's password is `env:CONNECTOR_PASSWORD`. `program` is
    the module that runs it, given the file of its clock.
    """

    launch: ClassVar[ProcessLauncher] = FreshProcess
    """How the process is started."""

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
        self.port = _free_port()
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
            {"SLACK_SIGNING_SECRET": workspace.signing_secret, "PORT": str(self.port)}
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
        """Its own HTTP side: health, and in HTTP mode Slack's requests."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """Of the running process. Raises `RuntimeError` when there is none."""
        if self._process is None:
            raise RuntimeError("the application is not running")
        return self._process.pid

    def start(self, *, ready: bool = True) -> Self:
        """Starts it, and waits until all that it depends on answers. Raises `RuntimeError` with its log."""
        environment = {"PATH": os.environ.get("PATH", ""), "PYTHONUNBUFFERED": "1"} | self.environment
        self._process = type(self).launch([self.program, str(self._offset)], environment, self.directory, self.log)
        if self._http:
            self._workspace.deliver_by_http(f"{self.url}/slack/events")
        if ready:
            self.wait_ready()
        return self

    def wait_ready(self) -> None:
        """Returns when `/readyz` says yes. Raises `RuntimeError` when it does not in time."""
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline and self.returncode is None:
            if self._says_ready():
                return
            time.sleep(_POLL_SECONDS)
        raise RuntimeError(f"the application is not ready:\n{self.log.read_text(encoding='utf-8')[-4000:]}")

    def _says_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=READY_SECONDS) as answer:  # noqa: S310 (our own)
                return bool(answer.status == 200)
        except (URLError, OSError):
            return False

    @property
    def returncode(self) -> int | None:
        """What the process ended with; `None` while it runs."""
        return self._process.poll() if self._process else None

    def reload(self) -> None:
        """Asks it to read `access.yaml` again."""
        if self._process is not None:
            self._process.send_signal(signal.SIGHUP)

    @property
    def moved(self) -> float:
        """By how many seconds its clock is ahead."""
        return float(self._offset.read_text(encoding="ascii"))

    def move_clock(self, seconds: float) -> None:
        """Lets the application see a time that many seconds later than it does now."""
        moved = self.moved + seconds
        whole = self._offset.with_suffix(".new")
        whole.write_text(str(moved), encoding="ascii")
        whole.replace(self._offset)

    def stop(self) -> int:
        """Asks it to stop, as a supervisor does, and returns its exit code."""
        return self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Ends it as a power cut would."""
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
