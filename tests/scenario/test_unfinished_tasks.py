"""Access that ends while its `_bulk` is open, as requester and owner see it."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from bot.sandbox.node import Node
from tests.open_bulk import OpenBulk, stored
from tests.scenario.kinds import granted_key
from tests.stage import Stage, set_stage

FLOWS = "access_flows:\n  - name: all\n    permissions: [read, write]\n"
JSON = {"accept": "application/json"}


@pytest.fixture
def writing(each_node: Node, tmp_path: Path) -> Iterator[Stage]:
    """A stage where data may be written, on a node of each version."""
    with ExitStack() as stack:
        stage = set_stage(each_node, tmp_path, stack, policy=lambda _: FLOWS)
        stage.app.start()
        yield stage


def test_people_read_what_the_end_of_a_key_leaves_and_how_to_stop_it(writing: Stage) -> None:
    index = "logs-imported"
    node = writing.node
    node.client().options(ignore_status=404).indices.delete(index=index)
    node.client().indices.create(index=index, settings={"number_of_replicas": 0})
    request, key = granted_key(writing, f"{index} 1h write --key")
    left = "It does not stop a request that is still open: a _bulk is stored as long as it is sent."
    writing.reads(writing.bob, f"REQUEST {request}", f"The end of an API key: {left}")
    with OpenBulk(node, f"ApiKey {key.secret}", index) as bulk:
        bulk.send()
        assert "is being ended" in writing.say(writing.alice, f"revoke {request}")
        writing.reads(writing.alice, "Access of @alice is over", "The key has ended, read back from the cluster.", left)
        bulk.send()
        if node.version.startswith("8."):
            writing.wait(lambda: not _waits(writing, request), "the look for tasks")
            assert bulk.end() == {201: bulk.sent}
            assert stored(node, index) == bulk.sent
            return
        text = writing.reads(writing.bob, f"ACCESS {request} HAS ENDED: 1 TASK WENT ON", "client nightly-import")
        assert "Elasticsearch does not say who began a task: they may be of somebody else." in text
        found = re.search(r"^POST (/_tasks/\S+/_cancel)$", text, re.MULTILINE)
        assert found is not None, text
        writing.reads(writing.alice, "Access of @alice is over", "1 task that may be of it went on")
        node.client().perform_request("POST", found.group(1), headers=JSON)
        assert 201 not in bulk.end()
    assert stored(node, index) == 0


def _waits(stage: Stage, request: str) -> bool:
    """Whether the look is still due."""
    with closing(sqlite3.connect(stage.app.directory / "es-access.db")) as database:
        (at,) = database.execute("SELECT look_at FROM access_grant WHERE id = ?", (request,)).fetchone()
    return at is not None
