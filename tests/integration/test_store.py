"""The guarantees of the store that the domain relies on, on each database."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, timedelta, timezone
from threading import Event
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import Session, select

from bot.access.errors import LostRace
from bot.access.models.audit import AuditEvent
from bot.access.models.grants import Grant
from bot.access.models.messages import MessageKind
from bot.access.models.requests import Approval, AskedGroup
from bot.access.states import GrantState, RequestState
from bot.access.store.changes import RequestChanges
from bot.access.store.session import Room
from bot.access.store.store import Store
from bot.storage.engine import database_url
from tests.databases import NewStore
from tests.rows import (
    MINUTE,
    NOW,
    OTHER,
    OWNER,
    WHO,
    claim_grants,
    claim_messages,
    events,
    grant_in,
    new_grant,
    new_request,
    owe,
)


class WentWrong(Exception):
    """An unexpected error in the middle of a transaction."""


# --- rows ---


def test_what_is_stored_comes_back_as_it_was_and_in_utc(store: Store) -> None:
    local = NOW.astimezone(timezone(timedelta(hours=5)))
    request_id = new_request(store, local).id
    with store.reading() as read:
        request = read.request(request_id)
    assert request is not None
    assert request.created_at == NOW
    assert request.created_at.tzinfo is UTC
    assert (request.patterns, request.owners, request.reason) == (["logs-*", "größe"], [OWNER], "👩\u200d💻 <!channel>")
    assert request.state is RequestState.PENDING


def test_times_that_were_written_by_an_update_come_back_in_utc_as_well(store: Store) -> None:
    grant = new_grant(store)
    row = claim_grants(store)[0]
    assert row.claimed_until == NOW + MINUTE
    with store.writing() as write:
        write.postpone(row, NOW + 2 * MINUTE)
    found = grant_in(store, grant.id)
    assert found.due_at == NOW + 2 * MINUTE
    assert found.due_at.tzinfo is UTC
    with store.reading() as read:
        assert read.next_grant_due(NOW + 9 * MINUTE, Room(1), ending=True) == NOW + 2 * MINUTE


def test_a_time_without_a_zone_is_refused(store: Store) -> None:
    with pytest.raises(Exception, match="timezone"):
        new_request(store, NOW.replace(tzinfo=None))


def test_what_is_unknown_is_none_or_said_so(store: Store) -> None:
    with store.reading() as read:
        assert read.request("REQ-000000") is None
        assert read.grant("REQ-000000") is None
        assert read.message("REQ-000000", MessageKind.APPROVAL, WHO) is None
        with pytest.raises(LookupError, match="REQ-000000"):
            read.request_details("REQ-000000")


def test_the_newest_requests_come_first(store: Store) -> None:
    ids = [new_request(store, NOW + number * MINUTE).id for number in range(3)]
    with store.reading() as read:
        assert [details.request.id for details in read.requests_of(WHO, 2)] == [ids[2], ids[1]]
        assert read.requests_of(OTHER, 2) == []


def test_rows_need_the_request_they_belong_to(store: Store) -> None:
    with pytest.raises(Exception, match=r"(?i)foreign key"), store.writing() as write:
        write.add(Approval(request_id="REQ-000000", approver=OWNER, approved=True, at=NOW))


# --- transitions ---


def test_a_transition_and_its_audit_event_are_kept_together(store: Store, engine: Engine) -> None:
    request = new_request(store)
    with store.writing() as write:
        write.move(request, RequestState.APPROVED, OWNER, NOW, {"why": "x"}, decided_by=OWNER)
    with Session(engine) as session:
        event = session.exec(select(AuditEvent)).one()
    assert (event.event, event.actor, event.request_id, event.at) == ("request.approved", OWNER, request.id, NOW)
    assert event.detail == {"why": "x"}


def test_a_rollback_leaves_neither_the_transition_nor_its_event(store: Store, engine: Engine) -> None:
    request, grant = new_request(store), new_grant(store)
    with suppress(WentWrong), store.writing() as write:
        write.move(request, RequestState.APPROVED, OWNER, NOW, decided_by=OWNER)
        write.move(grant, GrantState.REVOKING, OWNER, NOW)
        write.enqueue(request.id, MessageKind.OUTCOME, [WHO], NOW)
        raise WentWrong
    with store.reading() as read:
        details = read.request_details(request.id)
        assert read.message(request.id, MessageKind.OUTCOME, WHO) is None
    assert (details.request.state, details.request.decided_by) == (RequestState.PENDING, None)
    assert grant_in(store, grant.id).state is GrantState.ACTIVE
    assert events(engine) == []


def test_every_transition_has_exactly_one_event(store: Store, engine: Engine) -> None:
    grant = new_grant(store, state=GrantState.PROVISIONING)
    way = [
        GrantState.ACTIVE, GrantState.REVOKING, GrantState.REVOCATION_FAILED, GrantState.REVOKING, GrantState.REVOKED,
        GrantState.CLEANED_UP,
    ]  # fmt: skip
    for state in way:
        with store.writing() as write:
            write.move(grant, state, OWNER, NOW)
        assert grant_in(store, grant.id).state is state
    assert events(engine) == [f"grant.{state.value}" for state in way]
    assert grant_in(store, grant.id).version == len(way)


@pytest.mark.parametrize("to", [GrantState.ACTIVE, GrantState.PROVISIONING, GrantState.CLEANED_UP])
def test_a_transition_that_does_not_exist_is_a_value_error_and_changes_nothing(
    store: Store, engine: Engine, to: GrantState
) -> None:
    grant = new_grant(store)
    with pytest.raises(ValueError, match="is not a transition"), store.writing() as write:
        write.move(grant, to, OWNER, NOW)
    assert grant_in(store, grant.id).state is GrantState.ACTIVE
    assert events(engine) == []


def test_whoever_read_the_row_before_it_changed_loses(store: Store, engine: Engine) -> None:
    request, grant = new_request(store), new_grant(store)
    with store.reading() as read:
        stale_request, stale_grant = read.request(request.id), read.grant(grant.id)
    assert stale_request is not None
    assert stale_grant is not None
    with store.writing() as write:
        write.move(request, RequestState.DENIED, OWNER, NOW)
        write.change(grant, "grant.extended", OWNER, NOW, expires_at=NOW + MINUTE)  # the state is the same
    with pytest.raises(LostRace), store.writing() as write:
        write.move(stale_request, RequestState.APPROVED, OTHER, NOW)
    with pytest.raises(LostRace), store.writing() as write:
        write.move(stale_grant, GrantState.REVOKING, OTHER, NOW)
    with pytest.raises(LostRace), store.writing() as write:
        write.change(stale_grant, "grant.extended", OTHER, NOW, expires_at=NOW)
    assert events(engine) == ["request.denied", "grant.extended"]
    assert grant_in(store, grant.id).expires_at == NOW + MINUTE


def test_a_second_decision_or_grant_on_the_same_request_is_a_lost_race(store: Store) -> None:
    grant = new_grant(store)
    again = Grant(id=grant.id, first_username="other", state=GrantState.ACTIVE, created_at=NOW, expires_at=NOW)
    with pytest.raises(LostRace), store.writing() as write:
        write.add(again)
    with store.writing() as write:
        write.add(Approval(request_id=grant.id, approver=OWNER, approved=True, at=NOW))
    with pytest.raises(LostRace), store.writing() as write:
        write.add(Approval(request_id=grant.id, approver=OWNER, approved=False, at=NOW))


# --- a request that several are at ---


def test_who_holds_a_request_sees_what_was_left_by_who_held_it_before(store: Store) -> None:
    request = new_request(store)
    with store.reading() as read:
        stale = read.request(request.id)
    assert stale is not None
    with store.writing() as write:
        write.lock_request(request)
        write.amend(request, owners=[OTHER], escalations=1)
    with store.writing() as write:
        write.lock_request(stale)
        assert (stale.owners, stale.escalations, stale.version) == ([OTHER], 1, 2)


def test_who_holds_a_request_lets_nobody_else_in_before_the_end(store: Store, new_store: NewStore) -> None:
    request, other = new_request(store), new_store("second")
    order: list[str] = []
    about_to = Event()

    def second() -> None:
        with other.reading() as read:
            mine = read.request(request.id)
        assert mine is not None
        about_to.set()
        with other.writing() as write:
            write.lock_request(mine)
            order.append(f"second sees {mine.owners}")

    with ThreadPoolExecutor(1) as pool:
        with store.writing() as write:
            write.lock_request(request)
            waits = pool.submit(second)
            assert about_to.wait(10)
            with pytest.raises(TimeoutError):
                waits.result(0.2)
            write.amend(request, owners=[OTHER])
            order.append("first is done")
        waits.result(10)
    assert order == ["first is done", f"second sees ['{OTHER}']"]


def test_what_is_decided_can_be_neither_held_nor_amended(store: Store) -> None:
    request = new_request(store)
    with store.reading() as read:
        stale = read.request(request.id)
    assert stale is not None
    with store.writing() as write:
        write.move(request, RequestState.DENIED, OWNER, NOW)
    with pytest.raises(LostRace), store.writing() as write:
        write.lock_request(stale)
    with pytest.raises(LostRace), store.writing() as write:
        write.amend(stale, owners=[OTHER])
    with store.reading() as read:
        assert read.request_details(request.id).request.owners == [OWNER]


def test_amending_changes_what_is_named_and_leaves_no_event(store: Store, engine: Engine) -> None:
    request = new_request(store)
    values: RequestChanges = {
        "flow": "größe", "privileges": {"indices": ["read"]}, "resolved": ["logs-a"], "preview": {"count": 1},
        "any_group": True, "escalate_at": NOW + MINUTE, "route_at": None,
    }  # fmt: skip
    with store.writing() as write:
        write.amend(request, **values)
    with store.reading() as read:
        found = read.request_details(request.id).request
    assert {name: getattr(found, name) for name in values} == values
    assert events(engine) == []


def test_a_grant_that_is_held_is_changed_by_nobody_else(store: Store, new_store: NewStore) -> None:
    grant, other = new_grant(store), new_store("second")

    with other.reading() as read:
        mine = read.grant(grant.id)
    assert mine is not None

    def end() -> None:
        with other.writing() as write:
            write.move(mine, GrantState.REVOKING, OTHER, NOW)

    with ThreadPoolExecutor(1) as pool:
        with store.writing() as write:
            write.lock_grant(grant.id)
            waits = pool.submit(end)
            with pytest.raises(TimeoutError):
                waits.result(0.2)
            found = write.grant(grant.id)
            assert found is not None
            write.change(found, "grant.extended", OWNER, NOW, expires_at=NOW + MINUTE)
        with pytest.raises(LostRace):  # it was read before it was extended
            waits.result(10)
    assert (grant_in(store, grant.id).state, grant_in(store, grant.id).expires_at) == (GrantState.ACTIVE, NOW + MINUTE)


def test_groups_and_approvals_are_read_with_the_request_in_their_order(store: Store) -> None:
    request = new_request(store)
    with store.writing() as write:
        for label in ("second", "first"):
            write.add(AskedGroup(request_id=request.id, label=label, owners=[OWNER, "größe@example.com"]))
        for approver, at in ((OWNER, NOW + MINUTE), (OTHER, NOW)):
            write.add(Approval(request_id=request.id, approver=approver, approved=True, groups=[1, 2], at=at))
    with store.reading() as read:
        details = read.request_details(request.id)
    assert [group.label for group in details.groups] == ["second", "first"]
    assert details.groups[0].owners == [OWNER, "größe@example.com"]
    assert details.approvers == (OTHER, OWNER)
    assert details.approvals[0].groups == [1, 2]


def test_a_decision_takes_the_place_of_one_of_the_same_owner(store: Store) -> None:
    request = new_request(store)
    with store.writing() as write:
        write.add(Approval(request_id=request.id, approver=OWNER, approved=True, groups=[1], at=NOW))
    with store.writing() as write:
        write.decide(Approval(request_id=request.id, approver=OWNER, approved=False, reason="no", at=NOW + MINUTE))
        write.decide(Approval(request_id=request.id, approver=OTHER, approved=False, at=NOW + MINUTE))
    with store.reading() as read:
        details = read.request_details(request.id)
    assert [(each.approver, each.approved, each.reason) for each in details.approvals] == [
        (OTHER, False, ""), (OWNER, False, "no"),
    ]  # fmt: skip


def test_requests_are_found_when_their_time_has_come_and_while_they_are_pending(store: Store) -> None:
    routed, unrouted, decided = (new_request(store) for _ in range(3))
    with store.writing() as write:
        write.amend(unrouted, route_at=NOW + MINUTE)
        write.amend(routed, escalate_at=NOW + MINUTE)
        write.amend(decided, route_at=NOW, escalate_at=NOW)
        write.move(decided, RequestState.CANCELLED, WHO, NOW)
    with store.reading() as read:
        assert (read.unrouted_requests(NOW, "production", 9), read.escalating_requests(NOW, 9)) == ([], [])
        assert [each.id for each in read.unrouted_requests(NOW + MINUTE, "production", 9)] == [unrouted.id]
        assert read.unrouted_requests(NOW + MINUTE, "another", 9) == []
        assert read.unrouted_integrations(NOW) == []
        assert read.unrouted_integrations(NOW + MINUTE) == ["production"]
        assert [each.id for each in read.escalating_requests(NOW + MINUTE, 9)] == [routed.id]


# --- what automatic flows gave ---


def automatic(store: Store, flow: str = "on call", **grant: Any) -> Grant:
    request = new_request(store)
    made = Grant(
        id=request.id,
        first_username=request.id,
        created_at=NOW,
        **{"state": GrantState.ACTIVE, "expires_at": NOW + MINUTE, **grant},
    )
    with store.writing() as write:
        write.amend(request, automatic=True, flow=flow)
        write.add(made)
    return made


def test_only_what_is_automatic_and_live_is_found(store: Store) -> None:
    new_grant(store)
    automatic(store, state=GrantState.REVOKING)
    expected = {automatic(store).id, automatic(store, state=GrantState.PROVISIONING).id}
    with store.reading() as read:
        assert {details.request.id for details in read.automatic_grants()} == expected


@pytest.mark.parametrize(
    ("grant", "given_back"),
    [
        ({}, True),
        ({"state": GrantState.PROVISIONING}, True),
        ({"state": GrantState.CLEANED_UP, "end_reason": "revoked"}, True),
        ({"state": GrantState.REVOKING, "end_reason": "revoked"}, True),
        ({"state": GrantState.CLEANED_UP, "end_reason": "could not be created"}, True),
        ({"state": GrantState.CLEANED_UP, "end_reason": "could not be delivered"}, True),
        ({"state": GrantState.CLEANED_UP, "end_reason": "revoked", "expires_at": NOW}, False),
        ({"state": GrantState.CLEANED_UP, "end_reason": "expired"}, False),
        ({"state": GrantState.CLEANED_UP, "end_reason": "no longer a member"}, False),
        ({"state": GrantState.CLEANED_UP, "end_reason": "its access flow was changed"}, False),
    ],
)
def test_what_is_there_or_ended_before_its_time_is_not_given_again(
    store: Store, grant: dict[str, Any], given_back: bool
) -> None:
    automatic(store, **grant)
    with store.reading() as read:
        assert read.has_or_gave_back("on call", WHO, "production", NOW) is given_back
        assert not read.has_or_gave_back("another", WHO, "production", NOW)
        assert not read.has_or_gave_back("on call", OTHER, "production", NOW)
        assert not read.has_or_gave_back("on call", WHO, "staging", NOW)


# --- waking, reading, starting ---


def test_workers_are_woken_after_the_commit_and_only_when_there_is_work(store: Store) -> None:
    seen: list[int] = []

    def wake() -> None:
        with store.reading() as read:
            seen.append(len(read.requests_of(WHO, 10)))

    store.on_work(wake)
    request = new_request(store)
    assert seen == []
    with store.writing() as write:
        write.enqueue(request.id, MessageKind.APPROVAL, [OWNER], NOW)
        assert seen == []
    assert seen == [1]
    with suppress(WentWrong), store.writing() as write:
        write.enqueue(request.id, MessageKind.OUTCOME, [WHO], NOW)
        raise WentWrong
    assert seen == [1]


def test_reading_waits_for_no_writer_and_sees_nothing_half_done(store: Store) -> None:
    request = new_request(store)
    with store.writing() as write:
        write.move(request, RequestState.DENIED, OWNER, NOW)
        with store.reading() as read:
            assert read.request_details(request.id).request.state is RequestState.PENDING


def test_release_frees_what_a_dead_process_had(store: Store, new_store: NewStore) -> None:
    new_grant(store)
    owe(store)
    dead = new_store("dead")
    claim_grants(dead)
    claim_messages(dead)
    store.release_all_claims()
    assert len(claim_grants(store)) == len(claim_messages(store)) == 1


@pytest.mark.parametrize(
    ("text", "driver"),
    [
        ("sqlite:///es-access.db", "sqlite"),
        ("postgres://u:p@h/d", "postgresql+psycopg"),
        ("postgresql://u:p@h/d", "postgresql+psycopg"),
        ("postgresql+psycopg://u:p@h/d", "postgresql+psycopg"),
    ],
)
def test_both_spellings_of_postgresql_are_taken(text: str, driver: str) -> None:
    assert database_url(text).drivername == driver


@pytest.mark.parametrize("text", ["", "mysql://u:sesame@h/d", "es-access.db", "postgresql://u:sesame@h:port/d"])
def test_another_database_is_refused_without_repeating_its_password(text: str) -> None:
    with pytest.raises(ValueError, match=r"database URL|names neither") as refused:
        database_url(text)
    assert "sesame" not in str(refused.value)
