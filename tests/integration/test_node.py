"""The embedded node: it enforces security, keeps its data over a restart, and leaves nothing behind."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from elasticsearch import AuthenticationException, AuthorizationException, Elasticsearch

from bot.sandbox.node import Node, NodeError
from bot.sandbox.node.artifacts import Artifact
from bot.sandbox.node.assembly import assemble, cache_root
from bot.sandbox.node.errors import PortTakenError
from bot.sandbox.node.fetch import fetch
from bot.sandbox.node.node import HEAP_MB
from bot.sandbox.node.node_home import NodeHome
from bot.sandbox.node.server import NodeServer
from tests.http_servers import serving

DEADLINE_SECONDS = 30
"""The longest wait for something that takes a second on an idle machine."""

JAR = b"a jar, as far as the fetcher can tell"

PARENT = """
import sys
from bot.sandbox.node import Node
node = Node.start(sys.argv[1])
print(node.pid, node.home, flush=True)
sys.stdin.read()
"""


def test_node_refuses_who_has_no_credentials(each_node: Node) -> None:
    with Elasticsearch(each_node.url) as nobody, pytest.raises(AuthenticationException):
        nobody.cluster.health()


def test_node_refuses_a_wrong_password(each_node: Node) -> None:
    with each_node.client_of("admin", "wrong-password") as stranger, pytest.raises(AuthenticationException):
        stranger.cluster.health()


def test_node_lets_a_limited_user_into_its_own_index_alone(each_node: Node) -> None:
    each_node.create_index("limits-a", docs=[{"line": "one"}, {"line": "two"}])
    each_node.create_index("limits-b", docs=[{"line": "three"}])
    security = each_node.client().security
    security.put_role(name="limited", indices=[{"names": ["limits-a"], "privileges": ["read"]}])
    security.put_user(username="limited", password="limited-password", roles=["limited"])

    with each_node.client_of("limited", "limited-password") as limited:
        assert limited.count(index="limits-a")["count"] == 2
        with pytest.raises(AuthorizationException):
            limited.count(index="limits-b")


def test_connector_has_the_role_of_the_documentation_and_no_more(each_node: Node) -> None:
    username, password = each_node.connector()
    security = each_node.client().security

    (role,) = security.get_user(username=username)[username]["roles"]
    body = security.get_role(name=role)[role]
    assert sorted(body["cluster"]) == ["manage_security", "monitor"]
    assert [(index["names"], index["privileges"]) for index in body["indices"]] == [(["*"], ["monitor"])]
    assert body["applications"] == body["run_as"] == []
    assert each_node.connector() == (username, password)


def test_connector_cannot_read_documents(each_node: Node) -> None:
    each_node.create_index("connector-blind", docs=[{"line": "one"}])
    with each_node.client_of(*each_node.connector()) as connector:
        assert connector.indices.stats(index="connector-blind")["_all"]["primaries"]["docs"]["count"] == 1
        with pytest.raises(AuthorizationException):
            connector.search(index="connector-blind")


def test_owner_of_an_index_is_in_its_mapping(node: Node) -> None:
    node.create_index("owned", owner="payments")
    assert node.client().indices.get_mapping(index="owned")["owned"]["mappings"]["_meta"] == {"owner": "payments"}


def test_node_with_tls_survives_a_crash_and_leaves_nothing_when_closed() -> None:
    with Node.start(tls=True) as node:
        node.create_index("kept", docs=[{"line": "one"}])
        url, home, killed = node.url, node.home, node.pid
        assert url.startswith("https://")
        node.kill()
        assert node.pid is None
        node.restart()
        assert node.url == url
        assert node.client().count(index="kept")["count"] == 1
        pids = [pid for pid in (killed, node.pid) if pid]
    assert len(pids) == 2
    assert [pid for pid in pids if is_alive(pid)] == []
    assert not home.exists()


def test_node_ends_with_its_parent_even_when_that_is_killed(node: Node) -> None:
    command = [sys.executable, "-c", PARENT, node.version]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        try:
            assert parent.stdout
            pid, home = parent.stdout.readline().split()
        finally:
            parent.kill()
    with killed_at_the_end(int(pid)):
        assert eventually(lambda: not is_alive(int(pid)))
        assert not Path(home).exists()


def test_failed_start_shows_the_end_of_the_log() -> None:
    with pytest.raises(NodeError, match=r"unknown setting \[no\.such\.setting\]"):
        Node.start(settings={"no.such.setting": True})


def test_taken_port_is_told_apart_from_other_failures(node: Node) -> None:
    home = NodeHome.create(tls=False, settings={})
    port = int(node.url.rpartition(":")[2])
    try:
        with pytest.raises(PortTakenError):
            NodeServer.start(assemble(node.version), home, port, HEAP_MB)
    finally:
        home.delete()


def test_unknown_version_is_refused_with_those_there_are() -> None:
    with pytest.raises(NodeError, match=r"1\.0\.0 is not one of 9\.5\.3, 8\.19\.21"):
        Node.start("1.0.0")


def test_damaged_cache_is_noticed_and_built_again(node: Node, tmp_path: Path) -> None:
    whole = assemble(node.version)
    (tmp_path / "artifacts").symlink_to(cache_root() / "artifacts")
    damaged = tmp_path / whole.root.name
    shutil.copytree(whole.root, damaged)
    victim = next((damaged / "lib").glob("elasticsearch-core-*.jar"))
    victim.write_bytes(b"")

    again = assemble(node.version, cache=tmp_path)

    assert again.root == damaged
    assert victim.stat().st_size > 0
    assert [path.name for path in tmp_path.glob(".building-*")] == []


def test_download_with_the_wrong_hash_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    artifact = artifact_of(b"what was locked")
    with repository(JAR) as url, pytest.raises(NodeError, match="not the file that was locked"):
        fetch([artifact], tmp_path, repositories=[url])
    assert list(tmp_path.iterdir()) == []


def test_download_that_breaks_off_is_tried_again(tmp_path: Path) -> None:
    artifact = artifact_of(JAR)
    with repository(JAR, broken=1) as url:
        files = fetch([artifact], tmp_path, repositories=[url])
    assert files[artifact].read_bytes() == JAR
    assert list(tmp_path.iterdir()) == [files[artifact]]


def test_damaged_artifact_in_the_cache_is_fetched_again(tmp_path: Path) -> None:
    artifact = artifact_of(JAR)
    with repository(JAR) as url:
        place = fetch([artifact], tmp_path, repositories=[url])[artifact]
        place.write_bytes(JAR[:-1])
        fetch([artifact], tmp_path, repositories=[url])
    assert place.read_bytes() == JAR


def artifact_of(content: bytes) -> Artifact:
    return Artifact("org.example", "part", "1.0", hashlib.sha256(content).hexdigest(), len(content), ("lib",))


@contextmanager
def repository(content: bytes, *, broken: int = 0) -> Iterator[str]:
    """A Maven repository with one artifact; its first `broken` answers are cut in half."""
    breaks = iter(range(broken))

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path != "/org/example/part/1.0/part-1.0.jar":
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content if next(breaks, None) is None else content[: len(content) // 2])

        def log_message(self, *_args: object) -> None:
            """Keeps the test's output clean."""

    with serving(Answers) as url:
        yield url


def is_alive(pid: int) -> bool:
    """Whether that process runs; a zombie does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path("/proc") / str(pid) / "stat"
    return not (status.is_file() and status.read_text().rpartition(")")[2].split()[0] == "Z")


def eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@contextmanager
def killed_at_the_end(pid: int) -> Iterator[None]:
    """Kills the process, so that a failed test leaves no server."""
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
