"""`bot explain`, `bot discover` and `bot schema`, as a person runs them."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from bot.sandbox.node import Node
from tests.stage import Stage, set_stage

FLOWS = """
access_flows:
  - name: everyone
    permissions: [read, write]
    max_duration: 3h
"""


@pytest.fixture
def asked(node: Node, tmp_path: Path) -> Iterator[Stage]:
    """A workspace and a cluster with an owned index, and no application running."""
    node.create_index("tools-drill", owner="@data-owners", docs=[{"message": "x"}])
    with ExitStack() as stack:
        yield set_stage(node, tmp_path, stack, policy=lambda _: FLOWS)
        node.client().indices.delete(index="tools-drill")


def bot(stage: Stage, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the command with only the settings of that stage."""
    return subprocess.run(
        [sys.executable, "-m", "bot", *arguments],
        env={"PATH": "", **stage.app.environment}, cwd=stage.app.directory,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_explain_says_what_would_become_of_a_request_and_files_nothing(asked: Stage) -> None:
    done = bot(asked, "explain", asked.alice.email, "tools-*", "1h")
    assert done.returncode == 0, done.stderr
    assert "read on tools-* in elasticsearch: 1h" in done.stdout
    assert "access flow: everyone, the first that fits (up to 3h)" in done.stdout
    assert "matches now: 1 index, " in done.stdout
    assert f"asks @data-owners: 1 of 1 ({asked.carol.id})" in done.stdout
    assert not asked.workspace.messages(asked.carol)


def test_explain_takes_a_permission_and_a_reason(asked: Stage) -> None:
    written = bot(asked, "explain", asked.alice.id, "tools-*", "1h", "--permission", "write", "--reason", "INC-42")
    assert written.stdout.startswith("write on tools-* in elasticsearch: 1h\n"), written.stderr
    managed = bot(asked, "explain", asked.alice.id, "tools-*", "1h", "--permission", "manage")
    assert (managed.returncode, managed.stdout) == (1, "")


def test_a_question_without_settings_is_not_answered_and_starts_nothing(asked: Stage) -> None:
    asked.app.environment.pop("SLACK_BOT_TOKEN")
    done = bot(asked, "discover")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("cannot answer:\n  - SLACK_BOT_TOKEN is not set")


def test_an_outage_is_told_on_standard_error_alone(asked: Stage) -> None:
    asked.app.environment["SLACK_API_URL"] = "http://127.0.0.1:1/api/"
    done = bot(asked, "explain", asked.alice.email, "tools-*", "1h")
    assert (done.returncode, done.stdout) == (1, "")
    assert "Traceback" not in done.stderr


def test_the_version_is_told(asked: Stage) -> None:
    assert re.fullmatch(r"es-access \d+\.\d+\.\d+\n", bot(asked, "--version").stdout)


def test_explain_says_why_not(asked: Stage) -> None:
    too_long = bot(asked, "explain", asked.alice.id, "tools-*", "4h")
    assert too_long.returncode == 1
    assert "the longest access is 3h" in too_long.stderr
    nobody = bot(asked, "explain", "nobody@example.com", "tools-*", "1h")
    assert nobody.returncode == 1
    assert "Give a Slack user id or an e-mail" in nobody.stderr
    assert "Traceback" not in too_long.stderr + nobody.stderr


def test_discover_lists_everything_with_owners_and_names_what_has_none(asked: Stage) -> None:
    done = bot(asked, "discover")
    assert done.returncode == 0, done.stderr
    assert "  tools-drill  index  " in done.stdout
    assert "@data-owners" in done.stdout
    assert "without an owner: bob@example.com decides about them" in done.stdout
    assert "tools-drill" not in bot(asked, "discover", "logs-").stdout


def test_schema_is_json_that_editors_read(asked: Stage) -> None:
    schema = json.loads(bot(asked, "schema").stdout)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert "access_flows" in schema["properties"]
