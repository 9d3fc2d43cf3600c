"""A database that is lost, or restored from an older copy: the audit index on a real node loses nothing."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlmodel import SQLModel

from bot.access.audit.chain_identity import BEGUN, begin_chain, chain_id
from bot.access.audit.shipping import BATCH, Shipping
from bot.access.audit.trail import AuditTrail
from bot.access.store.chain import hash_of
from bot.access.store.store import Store
from bot.cluster.audit_index import AuditIndex
from bot.cluster.client import connect
from bot.sandbox.node import Node
from tests.audit_index import Box, audit_index, shipping, stored
from tests.databases import NewStore, emptied
from tests.rows import NOW, WHO
from tests.trails import tamper, verified, write_trail


@contextmanager
def shipped_to(node: Node, *, readable: bool = True) -> Iterator[tuple[str, AuditIndex]]:
    privileges = ("create_doc", "auto_configure", "read")[: 3 if readable else 2]
    with audit_index(node, privileges) as (name, connection):
        destination = AuditIndex(connect(connection), str(connection.url), name)
        yield name, destination
        destination.close()


def copy_of(engine: Engine) -> Callable[[], None]:
    """Takes a copy of every table, and returns what restores it."""
    with engine.connect() as connection:
        rows = {table: connection.execute(table.select()).mappings().all() for table in SQLModel.metadata.sorted_tables}

    def restore() -> None:
        emptied(engine)
        with engine.execution_options(writes=True).begin() as connection:
            for table, found in rows.items():
                if found:
                    connection.execute(table.insert(), [dict(each) for each in found])
            if connection.dialect.name == "postgresql":
                last = max(
                    [each["id"] for table, found in rows.items() if table.name == "audit_event" for each in found]
                )
                connection.execute(text("SELECT setval('audit_event_id_seq', :last)"), {"last": last})

    return restore


def started(store: Store, engine: Engine, destination: Any) -> Shipping:
    """Starts as the application does: it compares itself with the index before it writes its first event."""
    shipper = shipping(store, engine, destination)
    shipper.recognise_copy()
    chain_id(store, NOW)
    with store.writing() as write:
        write.audit("settings.loaded", WHO, NOW, None)
    return shipper


def hashes(node: Node, index: str) -> set[str]:
    return {each["event"]["hash"] for each in stored(node, index)}


def hashes_here(engine: Engine) -> set[str]:
    return {str(each.hash) for each in AuditTrail(engine).after(0, 10_000)}


def beginnings(engine: Engine) -> list[tuple[int | None, Any, Any]]:
    return [(each.sequence, each.detail["chain_id"], each.detail["before"]) for each in AuditTrail(engine).beginnings()]


def test_a_database_that_is_lost_keeps_every_event_of_both_in_the_index(
    store: Store, engine: Engine, node: Node
) -> None:
    with shipped_to(node) as (name, destination):
        shipper = started(store, engine, destination)
        write_trail(store, 5)
        shipper.ship()
        first, chain = hashes_here(engine), chain_id(store, NOW)
        emptied(engine)
        shipper = started(store, engine, destination)
        write_trail(store, 3)
        shipper.ship()
        new = chain_id(store, NOW)
        assert (chain != new, beginnings(engine)) == (True, [(1, new, None)])
        found = stored(node, name)
        assert {each["event"]["hash"] for each in found} == first | hashes_here(engine)
        assert len(found) == len(first) + 5
        assert {each["labels"]["chain"] for each in found} == {chain, new}
        assert all(each["_id"].startswith(each["labels"]["chain"]) for each in found)
        assert verified(engine).broken is None


def test_a_database_restored_from_an_older_copy_begins_a_new_chain_that_names_the_old_one(
    new_store: NewStore, engine: Engine, node: Node, capsys: pytest.CaptureFixture[str]
) -> None:
    with shipped_to(node) as (name, destination):
        store = new_store("first")
        shipper = started(store, engine, destination)
        write_trail(store, 3)
        shipper.ship()
        restore = copy_of(engine)
        write_trail(store, 4)
        shipper.ship()
        lived, chain = hashes_here(engine), chain_id(store, NOW)
        stored(node, name)  # makes all of it visible to searches
        restore()
        shipper = started(store, engine, destination)
        new = chain_id(store, NOW)
        assert beginnings(engine) == [(1, chain, None), (6, new, chain)], "the first event after the restoration"
        write_trail(store, 6)
        shipper.ship()
        found = stored(node, name)
        assert {each["event"]["hash"] for each in found} == lived | hashes_here(engine), "nothing is lost"
        after = [each["event"] for each in found if each["labels"]["chain"] == new]
        assert (after[0]["action"], after[0]["sequence"]) == (BEGUN, 6)
        assert [each["sequence"] for each in after] == list(range(6, 14))
        assert verified(engine).broken is None
        assert "restored from an older copy" in capsys.readouterr().out
        again = started(store, engine, destination)
        again.ship()
        assert chain_id(store, NOW) == new, "a restart of the same database begins no chain"


def test_a_copy_with_events_that_were_on_their_way_is_recognised_after_them(
    store: Store, engine: Engine, node: Node
) -> None:
    with shipped_to(node) as (name, destination):
        shipper = started(store, engine, destination)
        shipper.ship()
        write_trail(store, 2)
        restore = copy_of(engine)  # two events wait to be sent
        write_trail(store, 2)
        shipper.ship()
        lived, chain = hashes_here(engine), chain_id(store, NOW)
        stored(node, name)
        restore()
        shipper = started(store, engine, destination)
        assert [each[2] for each in beginnings(engine)] == [None, chain]
        shipper.ship()
        assert hashes(node, name) == lived | hashes_here(engine)


def test_an_account_that_cannot_read_recognises_no_copy_and_loses_nothing(
    store: Store, engine: Engine, node: Node
) -> None:
    with shipped_to(node, readable=False) as (name, destination):
        shipper = started(store, engine, destination)
        write_trail(store, 2)
        restore = copy_of(engine)
        write_trail(store, 4)
        shipper.ship()
        lived, chain = hashes_here(engine), chain_id(store, NOW)
        restore()
        shipper = started(store, engine, destination)
        write_trail(store, 5)
        shipper.ship()
        assert chain_id(store, NOW) == chain
        assert hashes(node, name) == lived | hashes_here(engine)


def test_two_installations_may_share_an_index(store: Store, engine: Engine) -> None:
    box = Box()
    for _ in range(2):
        emptied(engine)
        started(store, engine, box).ship()
    assert box.order == [1, 2, 1, 2]


def test_a_receipt_that_was_lost_is_no_copy(store: Store, engine: Engine) -> None:
    box = Box()
    shipper = started(store, engine, box)
    write_trail(store, BATCH + 20)
    shipper.ship()
    tamper(engine, "DELETE FROM audit_shipping")
    started(store, engine, box).ship()
    assert len(beginnings(engine)) == 1
    assert box.order == list(range(1, BATCH + 24))


def test_a_copy_that_is_recognised_only_in_a_later_batch_is_recognised(store: Store, engine: Engine) -> None:
    box = Box()
    shipper = started(store, engine, box)
    with store.writing() as write:
        for number in range(BATCH + 10):
            write.audit("request.reminded", WHO, NOW, None, number=number)
    restore = copy_of(engine)
    write_trail(store, 5)
    shipper.ship()
    lived = hashes_here(engine)
    restore()
    shipper = started(store, engine, box)
    shipper.ship()
    assert len(beginnings(engine)) == 2
    assert {each["event"]["hash"] for each in box.taken.values()} == lived | hashes_here(engine)


def test_a_database_from_before_chains_had_ids_goes_on_where_it_was(store: Store, engine: Engine) -> None:
    write_trail(store, 3)
    with store.writing() as write:
        write.record_shipped("box", 0, 3)  # under their numbers alone
    box = Box()
    started(store, engine, box).ship()
    assert box.order == [4, 5]
    assert beginnings(engine) == [(4, chain_id(store, NOW), None)]
    assert verified(engine).broken is None


def test_processes_that_begin_a_chain_together_agree_on_one(new_store: NewStore, engine: Engine) -> None:
    first, second = new_store("first"), new_store("second")
    old = chain_id(first, NOW)
    assert begin_chain(first, old, NOW) == begin_chain(second, old, NOW)
    assert len(beginnings(engine)) == 2


def test_an_id_names_one_event_of_all_databases(store: Store, engine: Engine) -> None:
    box = Box()
    started(store, engine, box).ship()
    for name, document in box.taken.items():
        chain, number, digest = name.split("-")
        event = next(iter(AuditTrail(engine).after(int(number) - 1, 1)))
        assert (chain, digest) == (document["labels"]["chain"], hash_of(event))


def test_a_document_of_somebody_else_that_looks_like_ours_stops_nothing(
    store: Store, engine: Engine, node: Node
) -> None:
    with shipped_to(node) as (name, destination):
        started(store, engine, destination).ship()
        chain = {"labels": {"chain": chain_id(store, NOW)}}
        for odd in ({"event.sequence": 3}, {"event": {"sequence": "3"}}, {"event": [{"sequence": 3}]}):
            node.client().index(index=name, document=chain | odd, refresh=True)
        started(store, engine, destination).ship()
        assert len(beginnings(engine)) == 1
        node.client().index(index=name, document=chain | {"event": {"sequence": 9}}, refresh=True)
        started(store, engine, destination).ship()
        assert len(beginnings(engine)) == 2, "it says so, and goes on"
        assert hashes_here(engine) <= {each["event"]["hash"] for each in stored(node, name) if "message" in each}


def test_an_index_that_is_not_there_yet_has_nothing(store: Store, node: Node) -> None:
    with shipped_to(node) as (_, destination):
        assert destination.held(chain_id(store, NOW), 0, 10) == {}
