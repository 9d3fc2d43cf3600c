"""Claims and unsent messages: one process at a time works on a row, and no message is lost."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier

import pytest
from sqlalchemy import Engine
from sqlmodel import Session, col, select

from bot.access.models.messages import Message, MessageKind
from bot.access.ports import MessagePosition
from bot.access.states import GrantState, RequestState
from bot.access.store.session import Room
from bot.access.store.store import Store
from tests.databases import NewStore
from tests.rows import (
    MINUTE,
    NOW,
    OTHER,
    OWNER,
    WHO,
    claim_grants,
    claim_messages,
    grant_in,
    message_in,
    new_grant,
    new_request,
    owe,
)

# --- claims ---


def test_a_claimed_row_is_nobody_elses_until_the_claim_lapses(store: Store, new_store: NewStore) -> None:
    other, grant = new_store("second"), new_grant(store)
    (mine,) = claim_grants(store)
    assert (mine.claimed_by, mine.claimed_until) == ("first", NOW + MINUTE)
    assert claim_grants(other, NOW + MINUTE) == []
    (theirs,) = claim_grants(other, NOW + MINUTE + timedelta(microseconds=1))
    assert (theirs.id, theirs.claimed_by) == (grant.id, "second")


def test_a_renewed_claim_does_not_lapse_and_nobody_elses_is_renewed(store: Store, new_store: NewStore) -> None:
    other = new_store("second")
    new_grant(store)
    (mine,) = claim_grants(store)
    with other.writing() as write:
        write.renew_claims([mine], NOW + 9 * MINUTE)
    assert grant_in(store, mine.id).claimed_until == NOW + MINUTE
    with store.writing() as write:
        write.renew_claims([mine], NOW + 3 * MINUTE)
    assert claim_grants(other, NOW + 2 * MINUTE) == []


def test_only_what_is_due_is_claimed_the_longest_due_first_and_no_more_than_asked(store: Store) -> None:
    late, later, _, _ = (new_grant(store, due) for due in (NOW - MINUTE, NOW, NOW + MINUTE, None))
    assert [row.id for row in claim_grants(store, most=1)] == [late.id]
    assert [row.id for row in claim_grants(store)] == [later.id]
    assert claim_grants(store) == []


@pytest.mark.parametrize("kind", ["grants", "messages"])
def test_threads_of_several_processes_never_claim_the_same_row(store: Store, new_store: NewStore, kind: str) -> None:
    stores = [store, new_store("second"), new_store("third"), new_store("fourth")]
    for number in range(60):
        if kind == "grants":
            new_grant(store)
        else:
            owe(store, f"U{number}")
    together = Barrier(8)

    def take(mine: Store) -> list[str]:
        together.wait()
        taken: list[str] = []
        while rows := claim_grants(mine, most=3) if kind == "grants" else claim_messages(mine):
            taken += [str(row.id) for row in rows]
        return taken

    with ThreadPoolExecutor(8) as pool:
        taken = [each for ids in pool.map(take, stores * 2) for each in ids]
    assert len(taken) == len(set(taken))
    # A process may find all remaining rows locked by others, which then claim them: in the end none is left.
    assert len(taken) + len(claim_grants(store, most=60) or claim_messages(store)) == 60


def test_put_off_ends_the_claim_and_names_the_time(store: Store, new_store: NewStore) -> None:
    new_grant(store)
    (row,) = claim_grants(store)
    with store.writing() as write:
        write.postpone(row, NOW + MINUTE)
    assert claim_grants(store) == []
    assert len(claim_grants(new_store("second"), NOW + MINUTE)) == 1


def test_put_off_does_not_overwrite_what_became_due_meanwhile(store: Store) -> None:
    grant = new_grant(store)
    (row,) = claim_grants(store)
    with store.writing() as write:
        current = write.grant(grant.id)
        assert current is not None
        write.move(current, GrantState.REVOKING, OWNER, NOW, due_at=NOW)
    with store.writing() as write:
        write.postpone(row, NOW + timedelta(hours=1))
    found = grant_in(store, grant.id)
    assert (found.due_at, found.claimed_by) == (NOW, None)


def test_put_off_by_who_has_lost_the_claim_changes_nothing(store: Store, new_store: NewStore) -> None:
    new_grant(store)
    (row,) = claim_grants(store)
    claim_grants(new_store("second"), NOW + 2 * MINUTE)
    with store.writing() as write:
        write.postpone(row, NOW + timedelta(hours=1))
    found = grant_in(store, row.id)
    assert (found.due_at, found.claimed_by) == (NOW, "second")


def test_each_integration_has_a_share_and_one_that_is_full_hides_no_other(store: Store) -> None:
    hangs = [new_grant(store, NOW - MINUTE, integration="hangs").id for _ in range(3)]
    other = new_grant(store, NOW, integration="other").id
    with store.writing() as write:
        claimed = write.claim_grants(NOW, NOW + MINUTE, Room(2), ending=True)
    assert {name: [row.id for row in rows] for name, rows in claimed.items()} == {"hangs": hangs[:2], "other": [other]}
    later = new_grant(store, NOW + MINUTE / 2, integration="other").id
    busy = Room(2, {"hangs": 2})
    with store.writing() as write:
        assert write.next_grant_due(NOW + MINUTE, Room(2), ending=True) == NOW - MINUTE
        assert write.next_grant_due(NOW + MINUTE, busy, ending=True) == NOW + MINUTE / 2
        found = write.claim_grants(NOW + MINUTE / 2, NOW + 2 * MINUTE, busy, ending=True)
    assert {name: [row.id for row in rows] for name, rows in found.items()} == {"other": [later]}


def test_one_message_at_a_time_is_under_way_to_each_recipient(store: Store) -> None:
    request, other = owe(store), owe(store, OTHER)
    with store.writing() as write:
        write.add_to_timeline({request: "happened", other: "happened"}, NOW)
    claimed = claim_messages(store)
    assert {row.recipient: row.kind for row in claimed} == dict.fromkeys((OWNER, OTHER), MessageKind.APPROVAL)
    assert claim_messages(store) == []
    with store.writing() as write:
        write.mark_sent(claimed[0], MessagePosition("D1", "1"))
    (reply,) = claim_messages(store)
    assert (reply.recipient, reply.kind) == (claimed[0].recipient, MessageKind.THREAD)
    assert len(claim_messages(store, NOW + 2 * MINUTE)) == 2, "the claims have lapsed"


def test_what_is_in_hand_does_not_hide_what_is_due_next(store: Store) -> None:
    new_grant(store, NOW)
    claim_grants(store)
    with store.reading() as read:
        assert read.next_grant_due(NOW + 9 * MINUTE, Room(1), ending=True) == NOW + MINUTE  # when the claim lapses
    new_grant(store, NOW + MINUTE / 2)
    with store.reading() as read:
        assert read.next_grant_due(NOW + 9 * MINUTE, Room(1), ending=True) == NOW + MINUTE / 2


def test_nothing_is_due_when_nothing_is_there(store: Store) -> None:
    with store.reading() as read:
        for ending in (True, False):
            assert read.next_grant_due(NOW + MINUTE, Room(1), ending=ending) is None
        assert read.next_message_due(NOW + MINUTE) is None


def test_a_pending_request_is_due_when_its_time_to_be_decided_ends(store: Store) -> None:
    request = new_request(store)
    with store.reading() as read:
        assert read.overdue_requests(NOW + timedelta(hours=8) - timedelta(microseconds=1), 10) == []
        assert [row.id for row in read.overdue_requests(NOW + timedelta(hours=8), 10)] == [request.id]
    with store.writing() as write:
        write.move(request, RequestState.DENIED, OWNER, NOW)
    with store.reading() as read:
        assert read.overdue_requests(NOW + timedelta(hours=8), 10) == []


def test_only_who_has_the_claim_holds_the_grant(store: Store, new_store: NewStore) -> None:
    new_grant(store)
    other = new_store("second")
    (row,) = claim_grants(store)
    with store.reading() as read, other.reading() as theirs:
        assert (read.holds(row), theirs.holds(row)) == (True, False)
    claim_grants(other, NOW + 2 * MINUTE)
    with store.reading() as read, other.reading() as theirs:
        assert (read.holds(row), theirs.holds(row)) == (False, True)


# --- duties ---


def leased(store: Store, now: datetime = NOW, name: str = "duty") -> bool:
    with store.writing() as write:
        return write.claim_duty(name, now, now + MINUTE)


def test_a_duty_is_one_process_s_until_it_is_not_heard_of_again(store: Store, new_store: NewStore) -> None:
    other = new_store("second")
    assert leased(store)
    assert not leased(other, NOW + MINUTE - timedelta(microseconds=1))
    assert leased(store, NOW + MINUTE / 2)  # heard of again
    assert not leased(other, NOW + MINUTE)
    assert leased(other, NOW + MINUTE * 3 / 2)
    assert not leased(store, NOW + MINUTE * 3 / 2)
    assert leased(store, NOW + MINUTE * 3 / 2, "another duty")


def test_of_processes_that_want_a_new_duty_at_once_one_has_it(store: Store, new_store: NewStore) -> None:
    stores = [store, *(new_store(name) for name in ("second", "third", "fourth"))]
    together = Barrier(len(stores))

    def take(mine: Store, number: int) -> bool:
        together.wait()
        return leased(mine, name=f"duty {number}")

    with ThreadPoolExecutor(len(stores)) as pool:
        for number in range(10):
            taken = [pool.submit(take, mine, number) for mine in stores]
            assert sorted(each.result() for each in taken) == [False, False, False, True]


# --- messages ---


def test_of_each_recipient_the_oldest_message_is_claimed_alone(store: Store) -> None:
    first, second = owe(store), owe(store)
    other = owe(store, OTHER)
    assert [row.request_id for row in claim_messages(store)] == [first, other]
    assert claim_messages(store) == []
    with store.writing() as write:
        write.mark_sent(message_in(store, first), MessagePosition("D1", "1.0"))
    assert [row.request_id for row in claim_messages(store)] == [second]


def test_a_message_that_was_put_off_holds_back_the_later_ones_of_the_same_person(store: Store) -> None:
    first, second = owe(store), owe(store)
    (row,) = claim_messages(store)
    with store.writing() as write:
        write.postpone(row, NOW + MINUTE)
    assert claim_messages(store) == []
    with store.reading() as read:
        assert read.next_message_due(NOW + 9 * MINUTE) == NOW + MINUTE
    (row,) = claim_messages(store, NOW + MINUTE)
    assert (row.request_id, row.attempts) == (first, 1)
    with store.writing() as write:
        write.drop(row)
    assert [row.request_id for row in claim_messages(store, NOW + MINUTE)] == [second]


def test_sent_remembers_where_it_stands_and_owes_nothing_more(store: Store) -> None:
    request_id = owe(store)
    (row,) = claim_messages(store)
    with store.writing() as write:
        write.mark_sent(row, MessagePosition("D1", "1.0"))
    found = message_in(store, request_id)
    assert (found.channel, found.ts, found.due_at, found.sent, found.claimed_by) == ("D1", "1.0", None, 1, None)


@pytest.mark.parametrize("end", ["sent", "give_up", "put_off"])
def test_a_refresh_while_it_is_being_sent_stays_owed(store: Store, end: str) -> None:
    request_id = owe(store)
    (row,) = claim_messages(store)
    with store.writing() as write:
        write.refresh(request_id, [MessageKind.APPROVAL], NOW + MINUTE)
    with store.writing() as write:
        if end == "sent":
            write.mark_sent(row, MessagePosition("D1", "1.0"))
        elif end == "give_up":
            write.drop(row)
        else:
            write.postpone(row, NOW + timedelta(hours=1))
    found = message_in(store, request_id)
    assert (found.due_at, found.wanted, found.claimed_by) == (NOW + MINUTE, 2, None)


def test_a_refresh_leaves_alone_what_was_reserved_and_never_posted(store: Store) -> None:
    request_id = owe(store, at=None)
    with store.writing() as write:
        write.refresh(request_id, [MessageKind.APPROVAL], NOW)
    assert message_in(store, request_id).due_at is None
    with store.writing() as write:
        write.record_position(message_in(store, request_id), MessagePosition("D1", "1.0"))
        write.refresh(request_id, [MessageKind.APPROVAL], NOW)
    assert message_in(store, request_id).due_at == NOW


def test_nobody_is_owed_the_same_message_twice(store: Store, engine: Engine) -> None:
    request = new_request(store)
    for _ in range(2):
        with store.writing() as write:
            write.enqueue(request.id, MessageKind.ENDED, [WHO, OWNER, WHO], NOW)
    with Session(engine) as session:
        assert session.exec(select(Message.recipient).order_by(col(Message.id))).all() == [WHO, OWNER]
