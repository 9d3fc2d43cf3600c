"""The audit trail in an index of a real node, by an account that can add to it and nothing else."""

import secrets
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from elasticsearch import ApiError
from pydantic import SecretStr
from sqlalchemy import Engine

from bot.access.audit.chain_identity import chain_id
from bot.access.audit.formats import as_ecs, document_id
from bot.access.audit.shipping import BATCH
from bot.access.audit.trail import AuditTrail
from bot.access.backoff import LONGEST_PAUSE_OF_SHIPPING
from bot.access.claims import SHIPPING_CLAIM
from bot.access.errors import Outage, Refusal
from bot.access.store.store import Store
from bot.cluster.audit_index import AuditIndex
from bot.cluster.client import ClusterConnection, connect
from bot.sandbox.fault_proxy import CutConnection, FaultProxy, Phase, ProxyRequest, Verdict
from bot.sandbox.node import Node
from tests.audit_index import Box, audit_index, shipping, stored
from tests.databases import NewStore
from tests.fakes import FakeClock
from tests.rows import NOW, WHO
from tests.trails import write_trail

FORBIDDEN = 403


@pytest.fixture(autouse=True)
def chain(store: Store) -> str:
    """The id of the chain. Its beginning is event 1."""
    return chain_id(store, NOW)


@pytest.fixture
def index(each_node: Node) -> Iterator[tuple[str, ClusterConnection]]:
    """A name for an index, and how its writer reaches it."""
    with audit_index(each_node) as found:
        yield found


def test_every_event_arrives_once_and_a_repeat_changes_nothing(
    store: Store, engine: Engine, index: tuple[str, ClusterConnection], each_node: Node, chain: str
) -> None:
    name, connection = index
    write_trail(store, 4)
    client = connect(connection)
    destination = AuditIndex(client, str(connection.url), name)
    try:
        shipper = shipping(store, engine, destination)
        shipper.ship()
        assert AuditTrail(engine).shipped(destination.name) == 5
        # Events whose receipt was lost are sent again.
        events = AuditTrail(engine).after(0, 10)
        destination.send([(document_id(each, chain), {"event": {"sequence": 0}}) for each in events])
        write_trail(store, 2)
        shipper.ship()
        found = stored(each_node, name)
        assert [each["event"]["sequence"] for each in found] == list(range(1, 8))
        expected = [as_ecs(each, chain) | {"_id": document_id(each, chain)} for each in AuditTrail(engine).after(0, 10)]
        assert found == expected
        mapping = each_node.client().indices.get_mapping(index=name)[name]["mappings"]["properties"]
        assert mapping["@timestamp"]["type"] == "date"
        assert mapping["event"]["properties"]["sequence"]["type"] == "long"
        forbidden_calls: tuple[Callable[[], object], ...] = (
            lambda: client.delete(index=name, id=found[0]["_id"]),
            lambda: client.index(index=name, id=found[0]["_id"], document={"forged": True}),
            lambda: client.update(index=name, id=found[0]["_id"], doc={"forged": True}),
            lambda: client.indices.delete(index=name),
        )
        for forbidden in forbidden_calls:
            with pytest.raises(ApiError, match=str(FORBIDDEN)):
                forbidden()
        elsewhere = client.bulk(index="another-index", operations=[{"create": {}}, {"a": 1}])
        assert elsewhere["items"][0]["create"]["status"] == FORBIDDEN
        assert stored(each_node, name) == expected, "its writer cannot change what it wrote"
    finally:
        destination.close()


def test_an_answer_that_is_lost_sends_again_what_is_there(
    store: Store, engine: Engine, index: tuple[str, ClusterConnection], each_node: Node
) -> None:
    name, connection = index
    write_trail(store, 2)

    def lose(request: ProxyRequest, phase: Phase) -> Verdict:
        return CutConnection() if phase == "after" and request.path.endswith("_bulk") else None

    with FaultProxy(each_node.url) as proxy:
        through = ClusterConnection(connection.username, connection.password, url=proxy.url)
        destination = AuditIndex(connect(through), str(connection.url), name)
        proxy.hook = lose
        clock = FakeClock()
        shipper = shipping(store, engine, destination, clock)
        shipper.ship()
        assert AuditTrail(engine).shipped(destination.name) == 0
        assert len(stored(each_node, name)) == 3
        proxy.hook = None
        clock.advance(2 * LONGEST_PAUSE_OF_SHIPPING)
        shipper.ship()
        destination.close()
    assert AuditTrail(engine).shipped(destination.name) == 3
    assert [each["event"]["sequence"] for each in stored(each_node, name)] == [1, 2, 3]


def test_an_account_without_the_privileges_is_a_refusal_and_waits(
    store: Store, engine: Engine, each_node: Node
) -> None:
    password = secrets.token_urlsafe(24)
    each_node.client().security.put_user(username="es-access-nothing", password=password, roles=[])
    write_trail(store, 1)
    plain = ClusterConnection("es-access-nothing", SecretStr(password), url=each_node.url, ca_certs=each_node.ca_certs)
    destination = AuditIndex(connect(plain), each_node.url, "es-access-audit-x")
    try:
        with pytest.raises(Refusal, match="403"):
            destination.send([("1", {"a": 1})])
        shipping(store, engine, destination).ship()
        assert AuditTrail(engine).shipped(destination.name) == 0
    finally:
        destination.close()
        each_node.client().security.delete_user(username="es-access-nothing")


def test_a_long_trail_goes_in_order_and_in_batches(store: Store, engine: Engine) -> None:
    with store.writing() as write:
        for number in range(2 * BATCH + 9):
            write.audit("request.reminded", WHO, NOW, None, number=number)
    box = Box()
    shipping(store, engine, box).ship()
    assert box.order == list(range(1, 2 * BATCH + 11))


def test_an_outage_is_waited_for_and_nothing_is_skipped(store: Store, engine: Engine) -> None:
    with store.writing() as write:
        for number in range(BATCH):
            write.audit("request.reminded", WHO, NOW, None, number=number)
    box, clock = Box(errors=[None, Outage("away"), Refusal("a field of another type")]), FakeClock()
    shipper = shipping(store, engine, box, clock)
    shipper.ship()
    assert (len(box.order), AuditTrail(engine).shipped("box")) == (BATCH, BATCH)
    shipper.ship()
    assert len(box.errors) == 1, "it is left alone for a while"
    for _ in range(2):
        clock.advance(timedelta(minutes=2))
        shipper.ship()
    assert box.order == list(range(1, BATCH + 2))
    assert shipper.shipped == BATCH + 1


def test_one_process_ships_at_a_time_and_another_takes_over(new_store: NewStore, engine: Engine) -> None:
    first, second, box, clock = new_store("first"), new_store("second"), Box(), FakeClock()
    write_trail(first, 1)
    shipping(first, engine, box, clock).ship()
    write_trail(first, 1)
    other = shipping(second, engine, box, clock)
    other.ship()
    assert box.order == [1, 2]
    clock.advance(SHIPPING_CLAIM)
    other.ship()
    assert box.order == [1, 2, 3]


def test_another_index_gets_the_whole_trail(store: Store, engine: Engine) -> None:
    write_trail(store, 2)
    for name in ("one", "another"):
        box = Box(name=name)
        shipping(store, engine, box).ship()
        assert box.order == [1, 2, 3]
