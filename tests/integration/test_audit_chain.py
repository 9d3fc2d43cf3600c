"""The audit chain on both databases: concurrent writers, and every kind of tampering."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, text

from bot.access.audit.trail import AuditTrail
from bot.access.errors import LostRace
from bot.access.models.audit import AuditEvent
from bot.access.models.requests import Approval
from bot.access.states import GrantState
from bot.access.store.chain import Head
from bot.access.store.store import Store
from bot.storage import migrate as migration
from bot.storage.migrate import migrate
from tests.databases import NewStore
from tests.rows import MINUTE, NOW, OWNER, WHO, events, new_grant, new_request
from tests.trails import broken_at, tamper, verified, write_trail

PLACES = "SELECT count(*), max(sequence), count(DISTINCT sequence) FROM audit_event"

ALTERATIONS = {
    "at": "'2026-11-24 12:00:00.123457'",
    "event": "'request.denied'",
    "request_id": "NULL",
    "actor": "'U0SOMEBODY'",
    "detail": "'{}'",
    "hash": f"'{'0' * 64}'",
}


def test_an_untouched_chain_holds_and_says_its_head(store: Store, engine: Engine) -> None:
    write_trail(store, 5)
    found = verified(engine)
    assert (found.broken, found.head.sequence) == (None, 5)
    assert AuditTrail(engine).head() == 5


def test_nothing_written_is_a_chain_too(engine: Engine) -> None:
    assert verified(engine).broken is None


@pytest.mark.parametrize("column", ALTERATIONS)
def test_an_altered_event_is_named(store: Store, engine: Engine, column: str) -> None:
    write_trail(store, 5)
    tamper(engine, f"UPDATE audit_event SET {column} = {ALTERATIONS[column]} WHERE sequence = 3")  # noqa: S608
    assert broken_at(engine) == 3


@pytest.mark.parametrize("gone", [1, 3, 5])
def test_a_removed_event_is_named_the_newest_as_well(store: Store, engine: Engine, gone: int) -> None:
    write_trail(store, 5)
    tamper(engine, "DELETE FROM audit_event WHERE sequence = :gone", {"gone": gone})
    found = verified(engine)
    assert found.broken is not None
    assert (found.broken.sequence, "missing" in found.broken.why) == (gone, True)
    assert found.head.sequence == gone - 1


def test_all_events_removed_is_noticed(store: Store, engine: Engine) -> None:
    write_trail(store, 5)
    tamper(engine, "DELETE FROM audit_event")
    assert broken_at(engine) == 1


def test_two_events_that_changed_places_are_noticed_at_the_first(store: Store, engine: Engine) -> None:
    write_trail(store, 5)
    for old, new in ((2, 99), (4, 2), (99, 4)):
        tamper(engine, "UPDATE audit_event SET sequence = :new WHERE sequence = :old", {"old": old, "new": new})
    assert broken_at(engine) == 2


def test_an_event_from_outside_is_noticed_with_and_without_a_place(store: Store, engine: Engine) -> None:
    write_trail(store, 2)
    add = "INSERT INTO audit_event (at, event, actor, detail, sequence) VALUES ('2026-11-24 12:00:00', 'e', 'a', '{}', "
    tamper(engine, f"{add} NULL)")
    assert "without a place" in str(verified(engine).broken)
    tamper(engine, "DELETE FROM audit_event WHERE sequence IS NULL")
    tamper(engine, f"{add} 3)")
    assert broken_at(engine) == 3


def test_a_missing_head_is_noticed_and_the_application_goes_on(store: Store, engine: Engine) -> None:
    write_trail(store, 3)
    tamper(engine, "DELETE FROM audit_head")
    assert "head of the chain is missing" in str(verified(engine).broken)
    write_trail(store, 1)
    assert (broken_at(engine), verified(engine).head.sequence) == (None, 4)


def test_a_head_kept_elsewhere_finds_what_was_rewritten_as_a_whole(store: Store, engine: Engine) -> None:
    write_trail(store, 4)
    kept = verified(engine).head
    tamper(engine, "DELETE FROM audit_event")
    tamper(engine, "DELETE FROM audit_head")
    write_trail(store, 3)
    assert verified(engine).broken is None, "whoever rewrites both tables is not found by the database alone"
    short = AuditTrail(engine).verify(kept).broken
    assert short is not None
    assert "had 4 events" in short.why
    write_trail(store, 2)
    other = AuditTrail(engine).verify(Head(4, "f" * 64)).broken
    assert other is not None
    assert other.sequence == 4
    assert AuditTrail(engine).verify(Head.read(str(verified(engine).head))).broken is None


def test_many_processes_that_write_at_once_make_one_chain(new_store: NewStore, engine: Engine) -> None:
    stores = [new_store(f"process-{number}") for number in range(6)]
    with ThreadPoolExecutor(6) as pool:
        for done in [pool.submit(write_trail, each, 20) for each in stores]:
            done.result()
    with engine.connect() as connection:
        assert tuple(connection.execute(text(PLACES)).one()) == (120, 120, 120)
        ordered = text("SELECT count(*) FROM audit_event a JOIN audit_event b ON b.sequence = a.sequence + 1 "
                       "WHERE b.id < a.id")  # fmt: skip
        assert connection.scalar(ordered) == 0, "the order of ids is that of the chain"
    assert verified(engine).broken is None


def test_processes_that_start_without_a_head_agree_on_one(new_store: NewStore, engine: Engine) -> None:
    tamper(engine, "DELETE FROM audit_head")
    with ThreadPoolExecutor(6) as pool:
        for done in [pool.submit(write_trail, new_store(str(number)), 3) for number in range(6)]:
            done.result()
    assert (broken_at(engine), verified(engine).head.sequence) == (None, 18)


def test_what_is_rolled_back_leaves_no_gap(store: Store, engine: Engine) -> None:
    write_trail(store, 1)
    request = new_request(store)
    tamper(engine, "UPDATE access_request SET state = 'denied'")
    with pytest.raises(LostRace), store.writing() as write:  # noqa: PT012
        write.audit("request.submitted", WHO, NOW, None)
        write.lock_request(request)
    write_trail(store, 1)
    assert (broken_at(engine), verified(engine).head.sequence) == (None, 2)


def test_rows_locked_in_any_order_and_the_head_never_wait_in_a_circle(new_store: NewStore, engine: Engine) -> None:
    """Each transaction audits before it locks its rows: the head is still locked last."""
    first = new_store("first")
    grants = [new_grant(first, None) for _ in range(2)]
    requests = [new_request(first) for _ in range(2)]

    def work(number: int) -> None:
        store = new_store(str(number))
        for turn in range(10):
            with store.writing() as write:
                write.audit("request.reminded", WHO, NOW, None)
                write.lock_grant(grants[(number + turn) % 2].id)
                write.lock_request(requests[(number + turn) % 2])
                write.audit("request.reminded", WHO, NOW, None)

    with ThreadPoolExecutor(6) as pool:
        for done in [pool.submit(work, number) for number in range(6)]:
            done.result(60)
    assert (broken_at(engine), verified(engine).head.sequence) == (None, 120)


def test_a_thousand_revocations_in_one_transaction_are_one_move_of_the_head(store: Store, engine: Engine) -> None:
    grants = [new_grant(store, None) for _ in range(1000)]
    began = time.monotonic()
    with store.writing() as write:
        for grant in grants:
            write.move(grant, GrantState.REVOKING, WHO, NOW)
        moved = time.monotonic()
    assert time.monotonic() - moved < 5, "the chain of a thousand events takes a small part of a second"
    print(f"1,000 moves {moved - began:.3f} s, chained and committed {time.monotonic() - moved:.3f} s")
    assert (broken_at(engine), verified(engine).head.sequence) == (None, 1000)


def test_details_come_back_as_they_were_hashed(store: Store, engine: Engine) -> None:
    nested: Any = {2: {"ключ": None}}  # a key that JSON turns into text
    with store.writing() as write:
        write.audit("x", WHO, NOW, None, tuple=("a", 1), number=0.1, nested=nested, odd="\u2028😀")
    assert broken_at(engine) is None


def test_a_decision_and_its_event_are_one_commit(store: Store, engine: Engine) -> None:
    request = new_request(store)
    with store.writing() as write:
        write.audit("request.approved", OWNER, NOW, request.id)
        write.add(Approval(request_id=request.id, approver=OWNER, approved=True, at=NOW + MINUTE))
    assert events(engine) == ["request.approved"]


def test_events_of_before_the_chain_are_chained_in_the_order_of_their_ids(empty_engine: Engine) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migration.__file__).parent / "migrations"))
    with empty_engine.execution_options(writes=True).begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
        add = text(
            "INSERT INTO audit_event (id, at, event, request_id, actor, detail) "
            "VALUES (:id, '2026-11-24 12:00:00.000001+00:00', 'request.submitted', NULL, 'U0WHO', :detail)"
            if connection.dialect.name == "postgresql"
            else "INSERT INTO audit_event (id, at, event, request_id, actor, detail) "
            "VALUES (:id, '2026-11-24 12:00:00.000001', 'request.submitted', NULL, 'U0WHO', :detail)"
        )
        for number in range(1, 2501):
            connection.execute(add, {"id": number * 2, "detail": '{"b": ["größe", 1.5], "a": null}'})
    migrate(empty_engine)
    assert (broken_at(empty_engine), verified(empty_engine).head.sequence) == (None, 2500)
    store = Store(empty_engine, "first")
    if empty_engine.dialect.name == "postgresql":
        tamper(empty_engine, "SELECT setval('audit_event_id_seq', 5000)")
    write_trail(store, 2)
    assert (broken_at(empty_engine), verified(empty_engine).head.sequence) == (None, 2502)
    tamper(empty_engine, "UPDATE audit_event SET actor = 'U0X' WHERE id = 2000")
    assert broken_at(empty_engine) == 1000


def test_the_fields_of_an_event_are_all_hashed_or_left_out_on_purpose() -> None:
    assert set(AuditEvent.model_fields) - {"id", "hash"} == {
        "sequence", "previous", "at", "event", "request_id", "actor", "detail"
    }  # fmt: skip
