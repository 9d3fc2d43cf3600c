"""`bot write-off` on a real node that nobody can reach any more, beside another cluster that is well."""

import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.sandbox.fault_proxy import CutConnection, FaultProxy
from bot.sandbox.node import Node
from tests.nodes import make_visible
from tests.scenario.test_metrics import samples, value
from tests.scenario.test_reconcile import command
from tests.stage import Secret, Stage, integrations, request_id, set_stage

OK, UNAUTHORIZED = 200, 401
FLOWS = "access_flows:\n  - {name: all, owners: integration, max_duration: 2h}\n"


@dataclass
class TwoClusters:
    """`elasticsearch`, and `gone`, which is the same node through a proxy."""

    stage: Stage
    proxy: FaultProxy
    live: tuple[str, Secret]
    """A grant of `elasticsearch`."""
    lost: tuple[str, Secret]
    """A grant of `gone`."""

    def give(self, request: str) -> tuple[str, Secret]:
        """Approves a request, and returns it with its credential."""
        self.stage.approve(request)
        secret = self.stage.secret(request)
        self.stage.is_active(request)
        return request, secret

    def is_stuck(self) -> None:
        """Cuts the cluster off, and waits until the end of its grant has failed."""
        self.proxy.hook = lambda _request, _phase: CutConnection()
        self.stage.say(self.stage.alice, f"revoke {self.lost[0]}")
        self.stage.reads(self.stage.bob, self.lost[0], "could not be ended".upper())

    def forget(self) -> None:
        """Takes the cluster out of the policy, and starts the application again."""
        config = self.stage.app.access_config
        config.write_text(integrations(self.stage.node, self.stage.bob) + FLOWS, encoding="utf-8")
        self.stage.app.stop()
        self.stage.app.start()


@pytest.fixture
def two(node: Node, tmp_path: Path) -> Iterator[TwoClusters]:
    with ExitStack() as stack:
        proxy = stack.enter_context(FaultProxy(node.url))
        stage = set_stage(node, tmp_path, stack, policy=lambda _: FLOWS)
        second = integrations(node, stage.bob, "gone").replace(node.url, proxy.url).replace("\nintegrations:\n", "")
        config = integrations(node, stage.bob) + second + FLOWS
        stage.app.access_config.write_text(config, encoding="utf-8")
        stage.app.start()
        ready = TwoClusters(stage, proxy, ("", Secret("", "")), ("", Secret("", "")))
        ready.live = ready.give(stage.ask("logs-* 1h --cluster elasticsearch"))
        ready.lost = ready.give(stage.ask("logs-* 1h --cluster gone"))
        make_visible(node)
        yield ready


def test_a_cluster_that_is_gone_for_good_is_written_off(two: TwoClusters) -> None:
    stage, (request, secret) = two.stage, two.lost
    also, other = two.give(stage.ask("metrics-* 1h --cluster gone"))
    waiting = request_id(stage.say(stage.alice, "logs-web 1h --cluster gone --again"))
    two.is_stuck()

    refused = command(stage, "write-off", "gone", "--yes", "gone")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "gone is still in the policy" in refused.stderr
    two.forget()
    for words, says in (
        (["gone"], "add --yes gone"),
        (["gone", "--yes", "elasticsearch"], "“elasticsearch” is not gone. Nothing was changed."),
        (["goen", "--yes", "goen"], "no grant of goen is open. Clusters with such grants: elasticsearch, gone."),
    ):
        done = command(stage, "write-off", *words)
        assert (done.returncode, done.stdout) == (1, ""), done
        assert says in done.stderr
    assert stage.audit("integration.written_off") == []

    done = command(stage, "write-off", "gone", "--yes", "gone")
    assert done.returncode == 0, done.stderr
    assert "gone is written off: 2 grants. Never confirmed to be gone:" in done.stdout
    assert all(name in done.stdout for name in (request, also))
    assert two.live[0] not in done.stdout
    for name in (request, also):
        for person in (stage.alice, stage.bob):
            stage.reads(person, f"ACCESS {name} WAS WRITTEN OFF", "Not confirmed: the user", "DELETE /_security/user/")
        assert "never confirmed" in stage.say(stage.alice, f"status {name}")
    stage.reads(stage.alice, waiting, "The cluster gone is gone for good.")
    assert not any(secret.password in text for text in stage.texts(stage.alice)), "removed from its message"
    assert len(stage.audit("grant.written_off")) == 2

    found = samples(stage)
    assert value(found, "es_access_grants", state="revocation_failed") == 0
    assert value(found, "es_access_grants", state="active") == 1
    assert stage.search(two.live[1], "logs-web") == OK
    assert "There is nothing to write off" in command(stage, "write-off", "gone", "--yes", "gone").stderr
    assert f"{request} was written off (revoked). NEVER CONFIRMED" in command(stage, "revoke", request).stderr
    assert f"{also} was written off with its cluster" in stage.say(stage.alice, f"revoke {also}")

    # Should it come back, the calls that were printed end it.
    assert {stage.search(secret, "logs-web"), stage.search(other, "metrics-cpu")} == {OK}
    for path, body in re.findall(r"^DELETE (\S+)(?:\n(\{.*\}))?$", done.stdout, re.MULTILINE):
        headers = {"accept": "application/json", "content-type": "application/json"}
        client = stage.node.client().options(ignore_status=[403, 404])  # 403: no licence for tokens
        client.perform_request("DELETE", path, headers=headers, body=body or None)
    assert {stage.search(secret, "logs-web"), stage.search(other, "metrics-cpu")} == {UNAUTHORIZED}
    stage.search(two.live[1], "logs-web")


def test_a_person_types_the_name_again(two: TwoClusters) -> None:
    stage = two.stage
    two.is_stuck()
    two.forget()
    assert "“Gone” is not gone. Nothing was changed." in typed(stage, "Gone")
    assert stage.audit("integration.written_off") == []
    assert "gone is written off: 1 grant." in typed(stage, "gone")
    stage.reads(stage.bob, f"ACCESS {two.lost[0]} WAS WRITTEN OFF")


def typed(stage: Stage, answer: str) -> str:
    """Runs the command on a terminal, where a person types that answer, and returns its output."""
    ours, theirs = pty.openpty()
    done = subprocess.Popen(
        [sys.executable, "-m", "bot", "write-off", "gone"],
        env={"PATH": os.environ.get("PATH", ""), **stage.app.environment}, cwd=stage.app.directory,
        stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    os.write(ours, f"{answer}\n".encode())
    said, _ = done.communicate(timeout=60)
    os.close(ours)
    os.close(theirs)
    return said
