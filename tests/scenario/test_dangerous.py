"""Permissions that reach further than indices: refused, unless a flow says so, and then said in words."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from bot.sandbox.node import Node
from tests.scenario.kinds import password_of
from tests.stage import Stage, set_stage

OK, FORBIDDEN = 200, 403

Set = Callable[[str], Stage]

PERMISSIONS = """
permissions:
  - name: operate
    indices: [read]
    cluster: [monitor, manage_own_api_key]
    run_as: [kibana_system]
    restricted_indices: true
  - {name: watch, indices: [read], cluster: [monitor]}
"""

WARNING = (
    "Dangerous: besides indices this role holds the cluster privileges monitor, manage_own_api_key; "
    "may act as the users kibana_system; covers system indices. What is made with it is not taken away at the end."
)


@pytest.fixture
def with_flows(each_node: Node, tmp_path: Path) -> Iterator[Set]:
    """A stage with these access flows, not started."""
    with ExitStack() as stack:
        yield lambda flows: set_stage(
            each_node, tmp_path, stack, policy=lambda _: f"access_flows:\n{flows}{PERMISSIONS}"
        )


def test_a_dangerous_permission_works_where_its_flow_says_so_and_is_told_to_all(with_flows: Set) -> None:
    stage = with_flows("  - {name: ops, owners: integration, permissions: [read, operate], dangerous: true}\n")
    stage.app.start()
    assert WARNING in stage.say(stage.alice, "explain logs-* 1h operate")
    answer = stage.say(stage.alice, "logs-* 1h operate")
    assert WARNING in answer
    assert "Dangerous" not in stage.say(stage.alice, "explain logs-* 1h")
    request = next(word for word in answer.split() if word.startswith("REQ-"))
    assert WARNING in stage.read(stage.approval(stage.bob, request), stage.bob)
    stage.approve(request, stage.bob)
    given = password_of(stage, request)
    name = f"es-access-{request.removeprefix('REQ-').lower()}"
    with stage.node.client_of(name, given.secret) as person:
        assert person.cluster.health().meta.status == OK
        assert person.search(index=".security*", expand_wildcards="all").meta.status == OK
    role = stage.node.client().security.get_role(name=name)[name]
    assert sorted(role["cluster"]) == ["manage_own_api_key", "monitor"]
    assert role["run_as"] == ["kibana_system"]
    stage.say(stage.alice, f"revoke {request}")
    stage.wait(lambda: not given.works, "its end")
    stage.nothing_is_left()


def test_its_own_keys_end_with_it_all_the_same(with_flows: Set) -> None:
    """Keys that a person creates with `manage_own_api_key` are the only traces that can be found."""
    stage = with_flows("  - {name: ops, owners: integration, permissions: [operate], dangerous: true}\n")
    stage.app.start()
    request = stage.ask("logs-* 1h operate")
    stage.approve(request, stage.bob)
    given = password_of(stage, request)
    name = f"es-access-{request.removeprefix('REQ-').lower()}"
    with stage.node.client_of(name, given.secret) as person:
        person.security.create_api_key(name="mine", refresh="wait_for")
    stage.say(stage.alice, f"revoke {request}")
    stage.reads(stage.bob, "Access of @alice is over", "(1 key ended)")


@pytest.mark.parametrize(
    ("permission", "key"), [("operate", "restricted_indices"), ("watch", "cluster")], ids=["operate", "watch"]
)
def test_a_flow_that_does_not_say_so_is_refused_with_its_line(with_flows: Set, permission: str, key: str) -> None:
    stage = with_flows(f"  - name: ops\n    permissions:\n      - read\n      - {permission}\n")
    line = 1 + stage.app.access_config.read_text(encoding="utf-8").splitlines().index(f"      - {permission}")
    refused = subprocess.run(
        [sys.executable, "-m", "bot", "run"],
        env={"PATH": "", **stage.app.environment}, cwd=stage.app.directory,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert refused.returncode == 1
    assert f"access.yaml:{line}: permissions: one of them has {key}" in refused.stderr
    assert "If that is meant, write dangerous: true" in refused.stderr
