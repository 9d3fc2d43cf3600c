"""`monitor: true`: a permission that shows the state of the cluster, which approvers read in words."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.sandbox.node import Node
from tests.scenario.kinds import password_of, username
from tests.stage import Stage, running_stage

OK, FORBIDDEN = 200, 403
HELD = ["read", "view_index_metadata", "monitor"]

POLICY = """
access_flows:
  - {name: all, owners: integration, permissions: [read, support]}
permissions:
  - {name: support, indices: [read, view_index_metadata], monitor: true}
"""

WORDS = (
    "It also shows the state of the cluster (monitor): health, licence, settings, names and fields of all indices, "
    "and running searches. No documents."
)


@pytest.fixture
def stage(each_node: Node, tmp_path: Path) -> Iterator[Stage]:
    with running_stage(each_node, tmp_path, POLICY) as ready:
        yield ready


def test_the_state_of_the_cluster_is_shown_and_no_data_beyond_the_patterns(stage: Stage) -> None:
    assert WORDS in stage.say(stage.alice, "explain logs-* 1h support")
    assert WORDS not in stage.say(stage.alice, "explain logs-* 1h")
    request = stage.ask("logs-* 1h support")
    assert WORDS in stage.read(stage.approval(stage.bob, request), stage.bob)
    stage.approve(request, stage.bob)
    given = password_of(stage, request)
    with stage.node.client_of(username(request), given.secret) as person:
        watching = person.options(ignore_status=[FORBIDDEN])
        assert watching.cluster.health().meta.status == OK
        assert watching.license.get().meta.status == OK
        listed = watching.cat.indices(format="json")
        assert {each["index"] for each in json.loads(json.dumps(listed.body))} == {"logs-app", "logs-web"}
        assert watching.search(index="metrics-cpu").meta.status == FORBIDDEN
        assert watching.cluster.put_settings(persistent={"cluster.max_shards_per_node": 2000}).meta.status == FORBIDDEN
    role = stage.node.client().security.get_role(name=username(request))[username(request)]
    assert (role["cluster"], role["indices"][0]["privileges"]) == (["monitor"], HELD)
    assert request in stage.say(stage.alice, "logs-web 30m"), "it has all that read has"


def test_without_it_the_state_is_not_shown(stage: Stage) -> None:
    request, secret = stage.granted()
    with stage.node.client_of(secret.username, secret.password) as person:
        watching = person.options(ignore_status=[FORBIDDEN])
        assert watching.cluster.health().meta.status == FORBIDDEN
        assert watching.cat.indices(format="json").meta.status == FORBIDDEN
        assert watching.license.get().meta.status == FORBIDDEN
    assert request
