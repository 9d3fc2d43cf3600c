"""Hidden indices are asked for and given by their own name, and nothing of them is told under other flows."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from bot.sandbox.node import Node
from tests.stage import Stage, set_stage

FLOWS = """
access_flows:
  - {name: alerts, requesters: ["@security"], patterns: [".alerts-*"]}
  - {name: rest, patterns: ["*"]}
"""


@pytest.fixture
def stage(node: Node, tmp_path: Path) -> Iterator[Stage]:
    """Alice is in security, Dave is not. Carol owns the index behind the alerts."""
    client = node.client()
    name = ".internal.alerts-logs-000001"
    mappings = {"_meta": {"owner": "@keepers"}}
    client.indices.create(index=name, settings={"index.hidden": True, "number_of_replicas": 0}, mappings=mappings)
    client.index(index=name, document={"message": "an alert"}, refresh=True)
    client.indices.put_alias(index=name, name=".alerts-logs")
    node.create_index("alerts-open", owner="@keepers", docs=[{"message": "open"}])
    with ExitStack() as stack:
        ready = set_stage(node, tmp_path, stack, policy=lambda _: FLOWS)
        ready.workspace.add_group("security", [ready.alice])
        ready.workspace.add_group("keepers", [ready.carol])
        ready.app.start()
        yield ready
        client.indices.delete(index=[name, "alerts-open"])


def test_a_hidden_name_is_approved_by_its_owner_and_works(stage: Stage) -> None:
    assert ".alerts-logs alias" in stage.say(stage.alice, "resources alerts")
    request = stage.ask(".alerts-* 1h")
    assert ".alerts-logs" in stage.read(stage.approval(stage.carol, request), stage.carol)
    stage.approve(request, stage.carol)
    secret = stage.secret(request)
    assert stage.search(secret, ".alerts-logs") == 200


def test_nobody_else_reads_of_it_or_gets_it_under_a_star(stage: Stage) -> None:
    assert ".alerts" not in stage.say(stage.dave, "resources alerts")
    assert "more than you may ask for" in stage.say(stage.alice, ".internal.alerts-* 1h")
    answer = stage.say(stage.dave, ".alerts-* 1h")
    assert "such names are given only where an access flow names them" in answer
    assert "Matches now: 1 index" in stage.say(stage.alice, "explain *alerts* 1h")
