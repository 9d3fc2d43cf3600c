"""Access that ends while its `_bulk` is open, as requester and owner see it."""

import json
import re
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from bot.access.grants.unfinished_tasks import LOOK_AGAIN
from bot.sandbox.fault_proxy import PRODUCT, Phase, ProxyAnswer, ProxyRequest, Verdict
from bot.sandbox.node import Node
from tests.open_bulk import OpenBulk, stored
from tests.scenario.breaking import broken_stage
from tests.scenario.kinds import granted_key
from tests.stage import Stage, running_stage

FLOWS = "access_flows:\n  - name: all\n    permissions: [read, write]\n"
JSON = {"accept": "application/json"}
JSON_ANSWER = ("Content-Type", "application/json")

HANG_SECONDS = 30
"""Longer than the look waits."""


@pytest.fixture
def writing(each_node: Node, tmp_path: Path) -> Iterator[Stage]:
    """A stage where data may be written, on a node of each version."""
    with running_stage(each_node, tmp_path, FLOWS) as stage:
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
        ended = f"ACCESS {request} HAS ENDED"
        writing.reads(writing.alice, ended, "The key has ended, read back from the cluster.", left)
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
        writing.reads(writing.alice, ended, "1 task that may be of it went on")
        node.client().perform_request("POST", found.group(1), headers=JSON)
        assert 201 not in bulk.end()
    assert stored(node, index) == 0


def _waits(stage: Stage, request: str) -> bool:
    """Whether the look is still due."""
    with closing(sqlite3.connect(stage.app.directory / "es-access.db")) as database:
        (at,) = database.execute("SELECT look_at FROM access_grant WHERE id = ?", (request,)).fetchone()
    return at is not None


def test_a_cluster_that_hangs_at_the_look_delays_no_end_and_a_killed_process_looks_after_its_restart(
    node: Node, tmp_path: Path
) -> None:
    with broken_stage(node, tmp_path) as broken:
        broken.restart()
        stage, released, looks = broken.stage, threading.Event(), threading.Event()

        def hang(request: ProxyRequest, phase: Phase) -> Verdict:
            if request.path.startswith("/_tasks") and phase == "before":
                looks.set()
                released.wait(HANG_SECONDS)
            return None

        broken.proxy.hook = hang
        request, _ = stage.granted()
        began = time.monotonic()
        stage.say(stage.alice, f"revoke {request}")
        stage.reads(stage.alice, f"ACCESS {request} HAS ENDED", "read back from the cluster")
        stage.wait(looks.is_set, "the look that hangs")
        second, _ = stage.granted("metrics-* 1h")
        stage.say(stage.alice, f"revoke {second}")
        stage.reads(stage.alice, f"ACCESS {second} HAS ENDED", "read back from the cluster")
        stage.app.kill()
        released.set()

        def answer(request: ProxyRequest, phase: Phase) -> Verdict:
            if request.path.startswith("/_tasks") and phase == "before":
                return ProxyAnswer(200, _one_task(time.monotonic() - began + stage.app.moved), (JSON_ANSWER, PRODUCT))
            return None

        broken.proxy.hook = answer
        stage.app.start()
        stage.app.move_clock(int(LOOK_AGAIN.total_seconds()))
        stage.reads(stage.bob, f"ACCESS {request} HAS ENDED: 1 TASK WENT ON", "POST /_tasks/n0de:7/_cancel")
        assert len(stage.audit("grant.tasks_found")) == 1, "the other access had other names"


def _one_task(seconds: float) -> bytes:
    """The answer to `_tasks` with a search that began that long ago."""
    task = {
        "node": "n0de", "id": 7, "action": "indices:data/read/search", "description": "indices[logs-web], source[x]",
        "running_time_in_nanos": int(seconds * 1e9), "cancellable": True, "headers": {},
    }  # fmt: skip
    return json.dumps({"tasks": [task]}).encode()
