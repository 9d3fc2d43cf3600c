"""Rotation on a real node of each version, the password in a file: nobody is interrupted, no crash locks us out."""

import secrets
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from elasticsearch import Elasticsearch
from pydantic import SecretStr

from bot.access.errors import Outage, Refusal
from bot.access.rotation import Rotation
from bot.access.store.store import Store
from bot.cluster.client import ClusterConnection, ask, connect
from bot.cluster.connector import password as module
from bot.cluster.connector.account import ElasticsearchAccount
from bot.cluster.connector.password import ConnectorPassword
from bot.cluster.connector.privileges import ROLE
from bot.sandbox.fault_proxy import CutConnection, FaultProxy, Phase, ProxyRequest, Verdict
from bot.sandbox.node import Node
from bot.secret_stores.file import FileStore
from tests.fakes import FakeClock
from tests.rotations import events, names


class Crash(BaseException):
    """The process is gone."""


@dataclass
class Process:
    """One process of the application, as it is after its start."""

    client: Elasticsearch
    password: ConnectorPassword
    account: ElasticsearchAccount
    rotation: Rotation

    def ping(self) -> str:
        return str(ask(self.client, self.client.security.authenticate)["username"])


@dataclass
class World:
    """A connector account of this test alone, its password in a file, and processes that share them."""

    node: Node
    url: str
    path: Path
    name: str
    stack: ExitStack
    store: Store
    clock: FakeClock = field(default_factory=FakeClock)

    @property
    def file(self) -> FileStore:
        return FileStore(self.path)

    def start(self) -> Process:
        connection = ClusterConnection(self.name, SecretStr(""), url=self.url, store=self.file)
        password = connection.sign_in()
        client = self.stack.enter_context(closing(connect(connection, password)))
        account = ElasticsearchAccount(client, password)
        rotation = Rotation(self.store, {"es": account}, {"es": timedelta(days=30)}, self.clock)
        return Process(client, password, account, rotation)

    def taken(self, password: SecretStr) -> bool:
        """Whether the node takes that password."""
        with closing(self.node.client_of(self.name, password.get_secret_value())) as client:
            return int(client.options(ignore_status=401).security.authenticate().meta.status) == 200

    def well(self) -> None:
        """The file has the password that works, and the one before works no more."""
        before = self.file.previous()
        assert self.taken(self.file.read())
        assert before is None or before == self.file.read() or not self.taken(before)


@pytest.fixture
def proxy(each_node: Node) -> Iterator[FaultProxy]:
    with FaultProxy(each_node.url) as running:
        yield running


@pytest.fixture
def world(each_node: Node, proxy: FaultProxy, tmp_path: Path, sqlite_store: Store) -> Iterator[World]:
    name, first = f"connector-{secrets.token_hex(4)}", secrets.token_urlsafe(16)
    security = each_node.client().security
    security.put_role(name=name, **ROLE)
    security.put_user(username=name, password=first, roles=[name])
    path = tmp_path / "password"
    path.write_text(f"{first}\n", encoding="utf-8")
    with ExitStack() as stack:
        yield World(each_node, proxy.url, path, name, stack, sqlite_store)
    security.delete_user(username=name)
    security.delete_role(name=name)


def test_the_new_password_is_in_the_store_and_in_the_cluster_and_in_use(world: World) -> None:
    process, before = world.start(), world.file.read()
    process.rotation.rotate("es", "bot rotate")
    assert world.file.read() != before
    assert world.file.previous() == before
    assert process.password.current == world.file.read()
    assert process.ping() == world.name
    world.well()
    assert world.start().ping() == world.name


@pytest.mark.parametrize(("step", "late"), [("keep", False), ("keep", True), ("change", True), ("use", True)])
def test_a_crash_after_any_step_is_mended_at_the_next_start(world: World, step: str, late: bool) -> None:
    process = world.start()
    real = getattr(process.account, step)

    def die(new: SecretStr) -> None:
        if late:
            real(new)
        raise Crash

    with patch.object(process.account, step, die), pytest.raises(Crash):
        process.rotation.rotate("es", "es-access")
    again = world.start()
    # Already the first call works, whichever password the cluster takes.
    assert again.ping() == world.name
    again.rotation.run_once()
    world.well()
    assert names(world.store) == (["connector.rotated"] if (step, late) == ("keep", True) else [])
    assert again.password.current == world.file.read()


def test_another_process_follows_by_itself_without_a_failed_call(world: World) -> None:
    first, second = world.start(), world.start()
    assert second.ping() == world.name
    for _ in range(2):
        first.rotation.rotate("es", "es-access")
        second.password._asked_at = None  # as some seconds later
        assert second.ping() == world.name
        assert second.password.current == world.file.read()


def test_a_password_that_was_changed_by_hand_does_not_wear_the_store_out(world: World) -> None:
    process = world.start()
    world.node.client().security.change_password(username=world.name, password="something-else")
    reads = 0
    real = FileStore.read

    def counted(store: FileStore) -> SecretStr:
        nonlocal reads
        reads += 1
        return real(store)

    with patch.object(FileStore, "read", counted), patch.object(module, "ASK_AGAIN_SECONDS", 1000.0):
        for _ in range(5):
            with pytest.raises(Outage, match="401"):
                process.ping()
    assert reads == 1
    with pytest.raises(Refusal, match="takes neither the password in the file"):
        process.account.settle()
    world.path.write_text("something-else", encoding="utf-8")
    process.password._asked_at = None
    assert process.ping() == world.name, "whoever writes it into the store mends it, without a restart"


def test_grants_are_made_and_ended_meanwhile_and_none_is_interrupted(world: World) -> None:
    rotating, other = world.start(), world.start()
    failed: list[Exception] = []
    stop = threading.Event()
    counts: list[int] = []

    def grant_and_end(client: Elasticsearch, name: str) -> None:
        body: dict[str, Any] = {"password": secrets.token_urlsafe(16), "roles": [name], "refresh": False}
        ask(client, lambda: client.security.put_role(name=name, indices=[], refresh=False))
        ask(client, lambda: client.security.put_user(username=name, **body))
        ask(client, lambda: client.security.delete_user(username=name, refresh=False))
        ask(client, lambda: client.security.delete_role(name=name, refresh=False))

    def work(client: Elasticsearch) -> None:
        done = 0
        while not stop.is_set():
            try:
                grant_and_end(client, f"{world.name}-{threading.get_ident()}-{done}")
            except (Outage, Refusal) as error:
                failed.append(error)
            done += 1
        counts.append(done)

    threads = [threading.Thread(target=work, args=(each.client,)) for each in (rotating, rotating, other, other)]
    with patch.object(module, "ASK_AGAIN_SECONDS", 0.0):  # five rotations in a second are no ones of days
        for each in threads:
            each.start()
        for _ in range(5):
            rotating.rotation.rotate("es", "bot rotate")
        stop.set()
        for each in threads:
            each.join()
    assert failed == []
    assert len(counts) == 4
    assert min(counts) > 0
    world.well()


def test_a_lost_answer_of_the_cluster_is_found_out(world: World, proxy: FaultProxy) -> None:
    process = world.start()

    def cut(request: ProxyRequest, now: Phase) -> Verdict:
        return CutConnection() if ("/_password" in request.path and now == "after") else None

    proxy.hook = cut
    with pytest.raises(Outage):
        process.rotation.rotate("es", "bot rotate")
    proxy.hook = None
    assert process.ping() == world.name
    process.rotation.rotate("es", "bot rotate")
    world.well()
    assert names(world.store) == ["connector.rotation_failed", "connector.rotated"]


def test_a_store_that_is_down_is_kept_told_and_tried_again(world: World) -> None:
    process, away = world.start(), world.path.with_name("away")
    process.rotation.run_once()
    world.clock.advance(timedelta(days=30))
    world.path.rename(away)
    process.rotation.run_once()
    assert process.ping() == world.name
    assert names(world.store) == ["connector.rotation_failed"]
    assert "cannot be read: No such file" in events(world.store)[0][1]["error"]
    with pytest.raises(Outage, match="No such file"):
        world.start()  # nothing of it is remembered anywhere
    away.rename(world.path)
    process.rotation.run_once()
    assert len(events(world.store)) == 1, "not at once"
    world.clock.advance(timedelta(minutes=2))
    process.rotation.run_once()
    assert names(world.store) == ["connector.rotation_failed", "connector.rotated"]
    world.well()


def test_an_account_that_the_cluster_cannot_change_keeps_its_password(world: World) -> None:
    # An administrator of the file realm: no such user is in the index that passwords are changed in.
    world.name, password = world.node.admin
    world.path.write_text(password, encoding="utf-8")
    process = world.start()
    with pytest.raises(Refusal):
        process.rotation.rotate("es", "bot rotate")
    assert world.file.read().get_secret_value() == password
    assert world.start().ping() == world.name


def test_no_password_is_in_what_is_logged_or_audited(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    process = world.start()
    process.rotation.rotate("es", "bot rotate")
    for each in (world.file.read(), world.file.previous()):
        assert each is not None
        assert each.get_secret_value() not in caplog.text + repr(world.store) + repr(process.password.__dict__)
