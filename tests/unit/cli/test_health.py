"""`bot health` asks the process on this machine, and its exit code is the answer."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.cli.main import app
from bot.runtime.dependencies import Dependencies, Dependency
from bot.runtime.health import DATABASE, Health
from bot.runtime.http_server import WebServer


def bot(*arguments: str) -> tuple[int, str]:
    answer = CliRunner().invoke(app, ["health", *arguments])
    return answer.exit_code, answer.output


def fail() -> None:
    raise ValueError


@contextmanager
def served(*, database_is_well: bool) -> Iterator[int]:
    """The real pages on a free port, of a process whose cluster is away."""
    checked = [Dependency(DATABASE, (lambda: None) if database_is_well else fail), Dependency("elasticsearch", fail)]
    for each in checked:
        each.start()
    dependencies = Dependencies(checked)
    dependencies.wait_for_first(5)
    server = WebServer(Health(dependencies), "127.0.0.1", 0, 1, "health")
    server.start()
    try:
        yield server.port
    finally:
        server.stop()
        dependencies.stop()


def test_a_process_whose_database_answers_is_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    with served(database_is_well=True) as port:
        monkeypatch.setenv("HEALTH_PORT", str(port))
        assert bot() == (0, '{"database": "ok"}\n')
        code, said = bot("--deep")
    assert code == 1
    assert '"elasticsearch": "ValueError"' in said


@pytest.mark.parametrize("host", ["0.0.0.0", "127.0.0.1"])  # noqa: S104
def test_a_process_without_its_database_is_not(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("HOST", host)
    with served(database_is_well=False) as port:
        monkeypatch.setenv("HEALTH_PORT", str(port))
        assert bot()[0] == 1


def test_nothing_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("HEALTH_PORT", str(free.getsockname()[1]))
        code, said = bot()
    assert code == 1
    assert "Is bot run running?" in said


def test_the_port_may_stand_in_the_file_of_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with served(database_is_well=True) as port:
        (tmp_path / ".env").write_text(f"HEALTH_PORT={port}\n")
        assert bot()[0] == 0


def test_a_port_that_is_no_number_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEALTH_PORT", "eight")
    assert bot() == (1, "HEALTH_PORT is no number.\n")
