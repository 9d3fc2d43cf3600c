"""The connector account's password in a secret store: rotated on time and by command, while people work."""

import json
import os
import secrets
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from bot.cluster.connector.privileges import ROLE
from bot.sandbox.fault_proxy import CutConnection, FaultProxy, Phase, ProxyRequest, Verdict
from bot.sandbox.node import Node
from tests.forked import run_forked
from tests.stage import Stage, set_stage

DAY = 24 * 3600
OK = 200
NEVER = 10_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "secrets"
    made.mkdir()
    return made


@pytest.fixture
def stage(node: Node, tmp_path: Path, folder: Path) -> Iterator[Stage]:
    """A stage, not started, with its own connector account whose password is in a file."""
    name, first = f"connector-{secrets.token_hex(4)}", secrets.token_urlsafe(16)
    security = node.client().security
    security.put_role(name=name, **ROLE)
    security.put_user(username=name, password=first, roles=[name])
    (folder / "es").write_text(first, encoding="utf-8")
    with ExitStack() as stack:
        ready = set_stage(node, tmp_path, stack)
        (folder / "slack").write_text(f"{ready.app.environment['SLACK_BOT_TOKEN']}\n", encoding="utf-8")
        ready.app.environment |= {
            "ELASTICSEARCH_USERNAME": name,
            "ELASTICSEARCH_PASSWORD": f"file:{folder}/es",
            "SLACK_BOT_TOKEN": f"file:{folder}/slack",
            "CREDENTIAL_ROTATION_DAYS": "30",
        }
        yield ready
    security.delete_user(username=name)
    security.delete_role(name=name)


def bot(stage: Stage, *arguments: str, **changed: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], **stage.app.environment, **changed}
    return run_forked(arguments, environment, stage.app.directory, timeout=60)


def rotated(stage: Stage) -> list[bool]:
    """For each rotation whether it finished one that was interrupted."""
    return [json.loads(each)["after_interruption"] for each in stage.audit("connector.rotated")]


def test_it_is_rotated_on_time_and_a_grant_before_it_ends_as_it_should(stage: Stage, folder: Path) -> None:
    stage.app.start()
    first = (folder / "es").read_text(encoding="utf-8")
    stage.wait(lambda: remembers(stage), "the beginning of its time")
    _, secret = stage.granted("logs-* 7d")
    assert stage.search(secret, "logs-web") == OK
    stage.app.move_clock(30 * DAY)
    stage.refused(secret)
    stage.app.stop()
    stage.app.start()
    stage.wait(lambda: rotated(stage), "the rotation")
    assert (folder / "es").read_text(encoding="utf-8") != first
    assert (folder / "es.previous").read_text(encoding="utf-8") == first
    _, secret = stage.granted("logs-* 1h")
    assert stage.search(secret, "logs-web") == OK
    assert first not in stage.app.log.read_text(encoding="utf-8")


def remembers(stage: Stage) -> bool:
    with closing(sqlite3.connect(stage.app.directory / "es-access.db")) as database:
        return bool(database.execute("SELECT value FROM setting WHERE name LIKE 'rotation of %'").fetchall())


def test_the_command_rotates_beside_the_running_application(stage: Stage, folder: Path) -> None:
    stage.app.start()
    _, secret = stage.granted()
    first = (folder / "es").read_text(encoding="utf-8")
    for _ in range(2):
        ended = bot(stage, "rotate")
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert ended.stdout == (
            f"elasticsearch: the connector account has a new password, which is in the file {folder}/es\n"
        )
        stage.say(stage.alice, "explain logs-* 1h")
        request, fresh = stage.granted("metrics-* 1h")
        assert stage.search(fresh, "metrics-cpu") == OK
        stage.say(stage.alice, f"revoke {request}")
        stage.refused(fresh)
    assert stage.search(secret, "logs-web") == OK
    assert rotated(stage) == [False, False]
    assert (folder / "es").read_text(encoding="utf-8") not in (first, (folder / "es.previous").read_text("utf-8"))


def test_a_crash_before_the_cluster_was_changed_is_mended_at_the_start(stage: Stage, folder: Path) -> None:
    first = (folder / "es").read_text(encoding="utf-8")
    (folder / "es.previous").write_text(first, encoding="utf-8")
    (folder / "es").write_text("written-and-not-changed-yet", encoding="utf-8")
    stage.app.start()
    _, secret = stage.granted()
    assert stage.search(secret, "logs-web") == OK
    stage.wait(lambda: rotated(stage) == [True], "the end of the interrupted rotation")
    assert bot(stage, "check", CREDENTIAL_ROTATION_DAYS="30").returncode == 0


@pytest.mark.parametrize("phase", ["before", "after"])
def test_killed_at_any_call_it_leaves_a_password_that_works_and_the_next_one_finishes_it(
    stage: Stage, folder: Path, phase: Phase
) -> None:
    stage.app.start()
    stage.app.stop()
    with FaultProxy(stage.node.url) as proxy:
        stage.app.environment["ELASTICSEARCH_URL"] = proxy.url
        assert bot(stage, "rotate").returncode == 0
        calls = _killed_at(stage, proxy, NEVER, phase)
        assert f"PUT /_security/user/{stage.app.environment['ELASTICSEARCH_USERNAME']}/_password" in calls
        for number in range(1, len(calls) + 1):
            _killed_at(stage, proxy, number, phase)
            kept = {each.read_text(encoding="utf-8") for each in (folder / "es", folder / "es.previous")}
            assert any(_takes(stage, each) for each in kept), f"{phase} call {number}: nobody knows the password"
            _minutes_pass(stage)
            ended = bot(stage, "rotate")
            assert ended.returncode == 0, ended.stdout + ended.stderr
            assert _takes(stage, (folder / "es").read_text(encoding="utf-8"))
    stage.app.environment["ELASTICSEARCH_URL"] = stage.node.url
    stage.app.start()
    _, secret = stage.granted()
    assert stage.search(secret, "logs-web") == OK


def _killed_at(stage: Stage, proxy: FaultProxy, number: int, phase: Phase) -> list[str]:
    """Runs `bot rotate`, kills it at that call, before its effect or its answer, and returns the calls made."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bot", "rotate"], cwd=stage.app.directory,
        env={"PATH": os.environ["PATH"], **stage.app.environment}, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    calls: list[str] = []

    def kill(request: ProxyRequest, at: Phase) -> Verdict:
        if at == "before":
            calls.append(f"{request.method} {request.path}")
        if at != phase or len(calls) < number:
            return None
        process.kill()
        return CutConnection()

    proxy.hook = kill
    try:
        ended = process.wait(60)
    finally:
        process.kill()
        proxy.hook = None
    assert ended == (0 if number == NEVER else -signal.SIGKILL)
    return calls


def _minutes_pass(stage: Stage) -> None:
    """Lets the dead process's claim lapse, so that another may rotate. The command has no clock to move."""
    with closing(sqlite3.connect(stage.app.directory / "es-access.db")) as database:
        database.execute("DELETE FROM lease")
        database.commit()


def _takes(stage: Stage, password: str) -> bool:
    """Whether the cluster accepts that password of the connector account."""
    with stage.node.client_of(stage.app.environment["ELASTICSEARCH_USERNAME"], password) as client:
        return client.options(ignore_status=401).security.authenticate().meta.status == OK


def test_what_cannot_be_rotated_is_said_and_ends_the_command_and_the_start(stage: Stage, folder: Path) -> None:
    plain = (folder / "es").read_text(encoding="utf-8")
    stage.app.start()
    ended = bot(stage, "rotate", ELASTICSEARCH_PASSWORD=plain, CREDENTIAL_ROTATION_DAYS="")
    assert ended.returncode == 1
    assert "elasticsearch: not rotated: the variable ELASTICSEARCH_PASSWORD cannot be written. Keep " in ended.stdout
    ended = bot(stage, "rotate", "--cluster", "nothing")
    assert (ended.returncode, ended.stdout) == (1, "nothing: there is no such cluster. There is elasticsearch.\n")
    stage.app.stop()
    ended = bot(stage, "run", ELASTICSEARCH_PASSWORD=plain)
    assert ended.returncode == 1
    assert ended.stderr.splitlines() == [
        "es-access cannot start:",
        "  - credential_rotation_days of elasticsearch: the password cannot be rotated: "
        "the variable ELASTICSEARCH_PASSWORD cannot be written. Keep the password in a file or another secret store, "
        "or change it by hand: in the cluster, then there, and start es-access again",
    ]


@pytest.mark.parametrize("command", [("run",), ("explain", "U0123456", "logs-*", "1h"), ("discover",), ("rotate",)])
def test_a_store_that_is_down_ends_every_command_with_a_sentence(
    stage: Stage, folder: Path, command: tuple[str, ...]
) -> None:
    (folder / "es").rename(folder / "away")
    ended = bot(stage, *command, CREDENTIAL_ROTATION_DAYS="")
    assert ended.returncode == 1
    assert f"  - ELASTICSEARCH_PASSWORD: the file {folder}/es cannot be read: No such file" in ended.stderr
    assert "Traceback" not in ended.stderr
