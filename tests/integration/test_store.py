"""What the domain relies on of the store, on each database."""

from contextlib import suppress
from datetime import UTC, timedelta, timezone

import pytest
from sqlalchemy import Engine
from sqlmodel import Session, select

from bot.access.errors import LostRace
from bot.access.models import Approval, AuditEvent, Grant, MessageKind
from bot.access.states import GrantState, RequestState
from bot.storage.engine import database_url
from bot.storage.store import SqlStore
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
    """Something unforeseen in the middle of a transaction."""


# --- rows ---


def test_what_is_stored_comes_back_as_it_was_and_in_utc(store: SqlStore) -> None:
    local = NOW.astimezone(timezone(timedelta(hours=5)))
    request_id = new_request(store, local).id
    with store.reading() as read:
        request = read.request(request_id)
    assert request is not None
    assert request.created_at == NOW
    assert request.created_at.tzinfo is UTC
    assert (request.patterns, request.owners, request.reason) == (["logs-*", "größe"], [OWNER], "👩\u200d💻 <!channel>")
    assert request.state is RequestState.PENDING


def test_times_that_were_written_by_an_update_come_back_in_utc_as_well(store: SqlStore) -> None:
    grant = new_grant(store)
    row = claim_grants(store)[0]
    assert row.claimed_until == NOW + MINUTE
    with store.writing() as write:
        write.put_off(row, NOW + 2 * MINUTE)
    found = grant_in(store, grant.id)
    assert found.due_at == NOW + 2 * MINUTE
    assert found.due_at.tzinfo is UTC
    with store.reading() as read:
        assert read.next_grant_due() == NOW + 2 * MINUTE


def test_a_time_without_a_zone_is_refused(store: SqlStore) -> None:
    with pytest.raises(Exception, match="timezone"):
        new_request(store, NOW.replace(tzinfo=None))


def test_what_is_unknown_is_none_or_said_so(store: SqlStore) -> None:
    with store.reading() as read:
        assert read.request("REQ-000000") is None
        assert read.grant("REQ-000000") is None
        assert read.message("REQ-000000", MessageKind.APPROVAL, WHO) is None
        with pytest.raises(LookupError, match="REQ-000000"):
            read.story("REQ-000000")


def test_the_newest_requests_come_first(store: SqlStore) -> None:
    ids = [new_request(store, NOW + number * MINUTE).id for number in range(3)]
    with store.reading() as read:
        assert [story.request.id for story in read.requests_of(WHO, 2)] == [ids[2], ids[1]]
        assert read.requests_of(OTHER, 2) == []


def test_rows_need_the_request_they_belong_to(store: SqlStore) -> None:
    with pytest.raises(Exception, match=r"(?i)foreign key"), store.writing() as write:
        write.add(Approval(request_id="REQ-000000", approver=OWNER, approved=True, at=NOW))


# --- transitions ---


def test_a_transition_and_its_audit_event_are_kept_together(store: SqlStore, engine: Engine) -> None:
    request = new_request(store)
    with store.writing() as write:
        write.move(request, RequestState.APPROVED, OWNER, NOW, {"why": "x"}, decided_by=OWNER)
    with Session(engine) as session:
        event = session.exec(select(AuditEvent)).one()
    assert (event.event, event.actor, event.request_id, event.at) == ("request.approved", OWNER, request.id, NOW)
    assert event.detail == {"why": "x"}


def test_a_rollback_leaves_neither_the_transition_nor_its_event(store: SqlStore, engine: Engine) -> None:
    request, grant = new_request(store), new_grant(store)
    with suppress(WentWrong), store.writing() as write:
        write.move(request, RequestState.APPROVED, OWNER, NOW, decided_by=OWNER)
        write.move(grant, GrantState.REVOKING, OWNER, NOW)
        write.owe(request.id, MessageKind.OUTCOME, [WHO], NOW)
        raise WentWrong
    with store.reading() as read:
        story = read.story(request.id)
        assert read.message(request.id, MessageKind.OUTCOME, WHO) is None
    assert (story.request.state, story.request.decided_by) == (RequestState.PENDING, None)
    assert grant_in(store, grant.id).state is GrantState.ACTIVE
    assert events(engine) == []


def test_every_transition_has_exactly_one_event(store: SqlStore, engine: Engine) -> None:
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
    store: SqlStore, engine: Engine, to: GrantState
) -> None:
    grant = new_grant(store)
    with pytest.raises(ValueError, match="is not a transition"), store.writing() as write:
        write.move(grant, to, OWNER, NOW)
    assert grant_in(store, grant.id).state is GrantState.ACTIVE
    assert events(engine) == []


def test_whoever_read_the_row_before_it_changed_loses(store: SqlStore, engine: Engine) -> None:
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


def test_a_second_decision_or_grant_on_the_same_request_is_a_lost_race(store: SqlStore) -> None:
    grant = new_grant(store)
    again = Grant(id=grant.id, username="other", state=GrantState.ACTIVE, created_at=NOW, expires_at=NOW)
    with pytest.raises(LostRace), store.writing() as write:
        write.add(again)
    with store.writing() as write:
        write.add(Approval(request_id=grant.id, approver=OWNER, approved=True, at=NOW))
    with pytest.raises(LostRace), store.writing() as write:
        write.add(Approval(request_id=grant.id, approver=OWNER, approved=False, at=NOW))


# --- waking, reading, starting ---


def test_workers_are_woken_after_the_commit_and_only_when_there_is_work(store: SqlStore) -> None:
    seen: list[int] = []

    def wake() -> None:
        with store.reading() as read:
            seen.append(len(read.requests_of(WHO, 10)))

    store.on_work(wake)
    request = new_request(store)
    assert seen == []
    with store.writing() as write:
        write.owe(request.id, MessageKind.APPROVAL, [OWNER], NOW)
        assert seen == []
    assert seen == [1]
    with suppress(WentWrong), store.writing() as write:
        write.owe(request.id, MessageKind.OUTCOME, [WHO], NOW)
        raise WentWrong
    assert seen == [1]


def test_reading_waits_for_no_writer_and_sees_nothing_half_done(store: SqlStore) -> None:
    request = new_request(store)
    with store.writing() as write:
        write.move(request, RequestState.DENIED, OWNER, NOW)
        with store.reading() as read:
            assert read.story(request.id).request.state is RequestState.PENDING


def test_release_frees_what_a_dead_process_had(store: SqlStore, new_store: NewStore) -> None:
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
