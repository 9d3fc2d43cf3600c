"""What goes on in real clusters after access has ended: an open `_bulk`, by each kind of credential."""

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from elasticsearch import Elasticsearch
from pydantic import SecretStr

from bot.access.errors import Outage
from bot.access.grants.revocation import LOOK_AFTER
from bot.access.grants.unfinished_tasks import UnfinishedTasks
from bot.access.models.messages import MessageKind
from bot.access.models.running_tasks import RunningTask
from bot.access.ports import CredentialSpec, Privileges
from bot.cluster.cluster import ElasticsearchCluster
from bot.cluster.ends.running_tasks import LOOK_SECONDS
from bot.sandbox.fault_proxy import FaultProxy, ProxyAnswer
from bot.sandbox.node import Node
from tests.fakes import OWNER, World
from tests.open_bulk import OpenBulk, basic, stored

PATIENCE_SECONDS = 20
JSON = {"accept": "application/json"}


def spec(index: str) -> CredentialSpec:
    name, until = f"es-access-{secrets.token_hex(4)}", datetime.now(UTC) + timedelta(hours=1)
    return CredentialSpec("REQ-7K3F9Q", name, "U0ALICE", (index,), Privileges(("write", "create_index")), until)


def index_on(node: Node) -> str:
    name = f"bulk-{secrets.token_hex(4)}"
    node.client().indices.create(index=name, settings={"number_of_replicas": 0})
    return name


def eventually(look: Callable[[], list[RunningTask]]) -> list[RunningTask]:
    """The first tasks that are found."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (found := look()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


def streams(cluster: ElasticsearchCluster) -> list[RunningTask]:
    return [each for each in cluster.running_tasks() if each.action == "_bulk"]


def both(tasks: list[RunningTask]) -> list[RunningTask]:
    return tasks if {each.client for each in tasks} >= {"a", "b"} else []


def test_the_end_of_a_key_leaves_an_open_bulk_and_9_shows_it_with_a_call_that_stops_it(
    each_node: Node, cluster: ElasticsearchCluster
) -> None:
    index = index_on(each_node)
    made = spec(index)
    key = cluster.grant_key(made, SecretStr(secrets.token_urlsafe(24)))
    header = f"ApiKey {key.secret.get_secret_value()}"
    with OpenBulk(each_node, header, index, "a") as left, OpenBulk(each_node, header, index, "b") as cancelled:
        left.send()
        cancelled.send()
        visible = not each_node.version.startswith("8.")
        found = eventually(lambda: both(streams(cluster))) if visible else streams(cluster)
        tasks = {each.client: each for each in found}
        (receipt,) = cluster.remove([made.username])
        assert receipt.complete
        left.send()
        cancelled.send()
        if visible:
            assert all(each.cancellable and each.names == () for each in tasks.values())
            each_node.client().perform_request("POST", f"/_tasks/{tasks['b'].id}/_cancel", headers=JSON)
            assert 201 not in cancelled.end()
        else:
            assert tasks == {}, "8.19 has no task for it"
            assert cancelled.end() == {201: cancelled.sent}
        assert left.end() == {201: left.sent}
    assert stored(each_node, index) == left.sent + (0 if visible else cancelled.sent)


@pytest.mark.parametrize("disable", [False, True], ids=["deleted", "disabled"])
def test_the_end_of_a_password_stops_an_open_bulk(
    each_node: Node, cluster: ElasticsearchCluster, disable: bool
) -> None:
    index = index_on(each_node)
    made, password = spec(index), secrets.token_urlsafe(24)
    cluster.create(made, SecretStr(password))
    with OpenBulk(each_node, basic(made.username, password), index) as bulk:
        bulk.send()
        time.sleep(0.2)  # its head has arrived, and is accepted
        (receipt,) = cluster.remove([made.username], disable=disable)
        assert receipt.complete
        bulk.send()
        assert 403 in bulk.end()
    assert stored(each_node, index) == 0


def test_a_search_that_runs_is_found_with_its_indices_and_goes_on_after_its_user_is_gone(
    each_node: Node, cluster: ElasticsearchCluster
) -> None:
    index = index_on(each_node)
    words = [{"word": secrets.token_hex(1500)} for _ in range(2000)]
    lines: list[dict[str, Any]] = [{"index": {}}, {}] * len(words)
    lines[1::2] = words
    each_node.client().bulk(index=index, operations=lines, refresh=True)
    made, password = replace(spec(index), privileges=Privileges(("read",))), secrets.token_urlsafe(24)
    cluster.create(made, SecretStr(password))
    pattern = ".*" + ".*".join("0123456789abcdef" * 2) + ".*"
    slow = {"bool": {"should": [{"regexp": {"word.keyword": f"{pattern}{each}"}} for each in range(60)]}}
    done: list[int] = []

    def search() -> None:
        with Elasticsearch(each_node.url, basic_auth=(made.username, password), request_timeout=60) as client:
            done.append(client.search(index=index, query=slow, size=0).meta.status)

    running = threading.Thread(target=search)
    running.start()
    found = eventually(lambda: [each for each in cluster.running_tasks() if index in each.names])
    running.join()
    assert found
    assert (found[0].action, found[0].cancellable) == ("indices:data/read/search", True)
    assert done == [200]


def test_a_look_at_a_cluster_that_hangs_ends_after_seconds(cluster: ElasticsearchCluster, proxy: FaultProxy) -> None:
    released = threading.Event()

    def hang(request: object, _phase: str) -> ProxyAnswer | None:
        if "/_tasks" in str(request):
            released.wait(PATIENCE_SECONDS)
        return None

    proxy.hook = hang
    begun = time.monotonic()
    try:
        with pytest.raises(Outage):
            cluster.running_tasks()
    finally:
        took = time.monotonic() - begun
        released.set()
    assert took < LOOK_SECONDS + 2


def test_two_processes_tell_of_a_task_once(world: World, other: World) -> None:
    request_id = world.granted()
    world.work()
    world.clock.advance(timedelta(minutes=1))
    world.cluster.tasks = [
        RunningTask("node:1", "indices:data/read/search", ("logs-a",), world.clock.now(), cancellable=True)
    ]
    world.grants.revoke(request_id, OWNER)
    world.work()
    world.clock.advance(LOOK_AFTER)
    (integration,) = world.unfinished_tasks.integrations()
    both = (world.unfinished_tasks, other.unfinished_tasks)
    looks = [threading.Thread(target=UnfinishedTasks.run_once, args=(each, integration)) for each in both]
    for look in looks:
        look.start()
    for look in looks:
        look.join()
    world.work()
    assert len(world.notifier.sent(MessageKind.UNFINISHED)) == len(world.request_details(request_id).request.owners)
    assert world.audit(request_id).count("grant.tasks_found") == 1
