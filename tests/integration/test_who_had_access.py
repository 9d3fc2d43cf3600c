"""Who had access is answered from the audit events: on both databases, whatever was done to the tables."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import Session, SQLModel

from bot.access.audit import terms
from bot.access.audit.queries import AccessAnswer, AccessRecord, AuditFilter
from bot.access.audit.terms import UNKNOWN
from bot.access.audit.trail import AuditTrail
from bot.access.errors import Refusal
from bot.access.grants import adoption, provisioning
from bot.access.grants.adoption import Adoption
from bot.access.grants.clock_skew import ClockSkewMonitor
from bot.access.grants.reconciliation import Reconciliation
from bot.access.grants.write_off import WriteOff
from bot.access.models.grants import Grant
from bot.access.models.requests import AccessRequest
from bot.access.policy.access_flow import AccessFlow
from bot.access.ports import InventoryItem, Privileges
from bot.access.requests.counter_offers import OfferTerms
from bot.access.requests.drafts import Draft
from bot.access.states import GrantState, RequestState
from tests.fakes import OWNER, PRODUCTION, REQUESTER, SECOND_OWNER, STRANGER, World
from tests.trails import tamper

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)

TAMPERED = {
    "the delivery": "UPDATE access_grant SET delivered_at = NULL",
    "a later delivery": "UPDATE access_grant SET delivered_at = '2036-01-01 00:00:00'",
    "the end": "UPDATE access_grant SET ended_at = '2020-01-01 00:00:00'",
    "the planned end": "UPDATE access_grant SET expires_at = '2020-01-01 00:00:00'",
    "the requester": "UPDATE access_request SET requester = 'U0STRANGER'",
    "the patterns": "UPDATE access_request SET patterns = '[\"metrics-*\"]'",
    "the resolved names": "UPDATE access_request SET resolved = '[\"metrics-a\"]'",
    "the permission": "UPDATE access_request SET permission = 'manage'",
    "the cluster": "UPDATE access_request SET integration = 'staging'",
    "the approvals": "DELETE FROM approval",
    "an approver": "UPDATE approval SET approver = 'U0STRANGER'",
    "the grant": "DELETE FROM access_grant",
}
"""A change of one row behind the application's back, after which a question about it must still be answered."""


@pytest.fixture(params=["written now", "written by an earlier version"])
def version(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Earlier versions did not write the terms of an access into the event of its delivery."""
    if request.param != "written now":
        monkeypatch.setattr(provisioning, "access_terms", lambda *_: {})
        monkeypatch.setattr(provisioning, "terms_of_key", lambda *_: {})

        def adopted(*given: Any) -> Mapping[str, Any]:
            written = terms.access_terms(*given)
            return {name: written[name] for name in ("requester", "patterns", "until")}

        monkeypatch.setattr(adoption, "access_terms", adopted)
    return str(request.param)


def ask(engine: Engine, world: World, index: str = "logs-a", at: datetime | None = None) -> AccessAnswer:
    return AuditTrail(engine).access(index, at or world.clock.now())


def agreed(answer: AccessAnswer) -> list[AccessRecord]:
    """The records of an answer on which events and tables agree."""
    assert (answer.differences, answer.broken) == ((), None)
    return list(answer.records)


def emptied_of_all_but_events(engine: Engine) -> None:
    for table in reversed(SQLModel.metadata.sorted_tables):
        if not table.name.startswith("audit_"):
            tamper(engine, f"DELETE FROM {table.name}")  # noqa: S608 (our own tables)


@pytest.mark.usefixtures("version")
def test_an_access_from_its_delivery_to_its_confirmed_end(world: World, engine: Engine) -> None:
    start = world.clock.now()
    request = world.approved()
    assert agreed(ask(engine, world)) == [], "it is approved, and not delivered"
    world.clock.time = start + MINUTE
    world.work_grants()
    (live,) = agreed(ask(engine, world))
    assert live == AccessRecord(
        requester=REQUESTER, permission="read", integration="production", names=("logs-*",), request_id=request,
        since=start + MINUTE, until=start + HOUR, gone=False, overdue=False, adopted=False, written_off=False,
        approvers=(OWNER,),
    )  # fmt: skip
    assert agreed(ask(engine, world, "metrics-a")) == []
    assert agreed(ask(engine, world, at=start)) == []
    world.clock.time = start + 3 * HOUR  # the application was down meanwhile
    assert agreed(ask(engine, world)) == [live]
    world.work()
    assert agreed(ask(engine, world)) == []
    (over,) = agreed(ask(engine, world, at=start + 2 * HOUR))
    assert over == replace(live, until=start + 3 * HOUR, gone=True, overdue=True)


def test_an_access_whose_cluster_was_written_off_says_so_before_and_after(world: World, engine: Engine) -> None:
    start = world.clock.now()
    world.granted()
    world.clock.time = start + MINUTE
    WriteOff(world.store, world.clock).write_off("production", "root@host")
    for at in (start, start + 10 * HOUR):
        (found,) = agreed(ask(engine, world, at=at))
        assert (found.written_off, found.gone, found.until) == (True, False, start + HOUR)


@pytest.mark.usefixtures("version")
def test_an_access_that_was_extended_and_ended_early(world: World, engine: Engine) -> None:
    start, request = world.clock.now(), world.granted()
    extension = world.requests.extend(REQUESTER, request, "30m").request.id
    world.approvals.approve(extension, SECOND_OWNER)
    world.work()
    (found,) = agreed(ask(engine, world))
    assert (found.until, found.approvers) == (start + HOUR + 30 * MINUTE, (OWNER,))
    world.clock.time = start + MINUTE
    world.grants.revoke(request, REQUESTER)
    assert len(agreed(ask(engine, world))) == 1, "it is not yet confirmed"
    world.work()
    assert agreed(ask(engine, world)) == []
    (found,) = agreed(ask(engine, world, at=start))
    assert (found.until, found.gone, found.overdue) == (start + MINUTE, True, False)


@pytest.mark.usefixtures("version")
def test_an_access_that_was_narrowed_by_an_offer(world: World, engine: Engine) -> None:
    request = world.ask()
    offer = world.offers.make(request, OWNER, OfferTerms("logs-a", "read", "10m")).offers[-1].id
    world.offers.accept(offer or 0, REQUESTER)
    world.work()
    (found,) = agreed(ask(engine, world))
    assert (found.names, found.until - found.since, found.approvers) == (("logs-a",), 10 * MINUTE, (OWNER,))
    assert agreed(ask(engine, world, "logs-b")) == []


def test_an_access_that_holds_names_in_place_of_patterns(world: World, engine: Engine, version: str) -> None:
    world.under(AccessFlow(name="by name", scope="resolved", owners="integration"))
    world.approvals.approve(world.ask("logs-*"), OWNER)
    world.work()
    (found,) = agreed(ask(engine, world, "logs-*"))
    new = agreed(ask(engine, world, "logs-new"))
    if version == "written now":
        assert (found.names, new) == (("logs-a", "logs-b"), [])
    else:
        assert (found.names, new) == (("logs-*",), [found]), "rather too much than too little"


def test_automatic_access(world: World, engine: Engine, version: str) -> None:
    world.under(AccessFlow(name="on call", automatic=True, requesters=("@owners",), patterns=("logs-*",)))
    world.automatic.run_once()
    world.work()
    found = agreed(ask(engine, world))
    assert {each.requester for each in found} == {OWNER, SECOND_OWNER}
    names = ("logs-*",) if version == "written now" else (UNKNOWN,)
    assert {(each.names, each.approvers, each.integration) for each in found} == {(names, (), "production")}
    tamper(engine, "UPDATE access_request SET patterns = '[\"metrics-*\"]'")
    assert ask(engine, world).records == tuple(found)


@pytest.mark.usefixtures("version")
def test_access_that_was_found_in_the_cluster(world: World, engine: Engine) -> None:
    world.cluster.users["es-access-7k3f9q"] = "a password"
    found_there = InventoryItem(
        username="es-access-7k3f9q", grant_id="REQ-7K3F9Q", requester=REQUESTER,
        expires_at=world.clock.now() + HOUR, user=True, enabled=True, role=True,
        patterns=("logs-*",), privileges=Privileges(("read", "view_index_metadata")),
    )  # fmt: skip
    world.cluster.there = [found_there]
    clocks = ClockSkewMonitor(world.store, world.clusters, world.directory, world.current, world.clock)
    found_by = Adoption(world.directory, world.current)
    Reconciliation(world.store, world.clusters, found_by, clocks, world.roles, world.current, world.clock).reconcile(
        PRODUCTION
    )
    (found,) = agreed(ask(engine, world))
    assert (found.requester, found.request_id, found.permission) == (REQUESTER, "REQ-7K3F9Q", "read")
    assert found.adopted
    assert found.until == world.clock.now() + HOUR


def test_an_access_that_could_not_be_given(world: World, engine: Engine) -> None:
    world.cluster.creating.errors = [Refusal("no")]
    world.approved()
    world.work()
    assert agreed(ask(engine, world)) == []


@pytest.mark.usefixtures("version")
@pytest.mark.parametrize("what", TAMPERED)
def test_one_statement_hides_no_access(world: World, engine: Engine, what: str) -> None:
    request = world.granted()
    (before,) = agreed(ask(engine, world))
    tamper(engine, TAMPERED[what])
    answer = ask(engine, world)
    assert answer.records == (before,)
    assert [each.request_id for each in answer.differences] == [request]


def test_all_tables_emptied_hide_no_access(world: World, engine: Engine) -> None:
    request = world.granted()
    (before,) = agreed(ask(engine, world))
    emptied_of_all_but_events(engine)
    answer = ask(engine, world)
    assert answer.records == (before,)
    assert [each.request_id for each in answer.differences] == [request]


def test_access_of_an_earlier_version_without_its_row_counts_for_everything(
    world: World, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provisioning, "access_terms", lambda *_: {})
    world.under(AccessFlow(name="on call", automatic=True, requesters=(OWNER,), patterns=("logs-*",)))
    world.automatic.run_once()
    world.work()
    emptied_of_all_but_events(engine)
    (found,) = ask(engine, world, "metrics-a").records
    assert (found.requester, found.names) == (OWNER, (UNKNOWN,))


@pytest.mark.usefixtures("version")
def test_an_access_that_ended_is_not_brought_back(world: World, engine: Engine) -> None:
    request = world.granted()
    world.grants.revoke(request, REQUESTER)
    world.work()
    tamper(engine, "UPDATE access_grant SET ended_at = NULL")
    answer = ask(engine, world)
    assert answer.records == ()
    assert [each.request_id for each in answer.differences] == [request]


def test_rows_without_events_are_named(world: World, engine: Engine) -> None:
    now = world.clock.now()
    request = AccessRequest(
        id="REQ-F0RGED", requester=STRANGER, integration="production", patterns=["logs-*"], permission="read",
        duration=3600, owners=[], state=RequestState.APPROVED, created_at=now, pending_until=now,
    )  # fmt: skip
    grant = Grant(
        id=request.id, first_username="forged", state=GrantState.ACTIVE, created_at=now, expires_at=now + HOUR,
        delivered_at=now,
    )  # fmt: skip
    with Session(engine.execution_options(writes=True)) as session:
        session.add(request)
        session.flush()
        session.add(grant)
        session.commit()
    answer = ask(engine, world)
    assert answer.records == ()
    assert [each.request_id for each in answer.differences] == ["REQ-F0RGED"]
    assert STRANGER in answer.differences[0].why
    assert agreed(ask(engine, world, "metrics-a")) == [], "a question that it does not concern has its answer"


@pytest.mark.parametrize("statement", ["UPDATE audit_event SET detail = '{}'", "DELETE FROM audit_event"])
def test_events_that_are_not_as_they_were_written_make_the_answer_doubtful(
    world: World, engine: Engine, statement: str
) -> None:
    world.granted()
    tamper(engine, f"{statement} WHERE event = 'grant.active'")
    answer = ask(engine, world)
    assert answer.broken is not None
    assert answer.records or answer.differences, "what is left of it still tells of the access"


def test_a_key_that_was_made_anew_from_a_changed_row_is_in_the_answer(world: World, engine: Engine) -> None:
    world.under(AccessFlow(name="keys", credentials=("api_key",), owners="integration"))
    request = world.requests.submit(REQUESTER, Draft("logs-*", "1h")).request.id
    world.approvals.approve(request, OWNER)
    world.work()
    tamper(engine, "UPDATE access_request SET patterns = '[\"metrics-*\"]'")
    world.grants.reset(request, REQUESTER)
    world.work()
    (found,) = agreed(ask(engine, world, "metrics-a"))
    assert found.request_id == request


@pytest.mark.usefixtures("version")
def test_the_events_of_a_person_do_not_depend_on_the_tables(world: World, engine: Engine) -> None:
    world.granted()
    world.under(AccessFlow(name="on call", automatic=True, requesters=(REQUESTER,), patterns=("logs-*",)))
    world.automatic.run_once()
    world.work()

    def events_of(person: str) -> list[int | None]:
        return [each.sequence for each in AuditTrail(engine).events(AuditFilter(person=person))]

    before, approver = events_of(REQUESTER), events_of(OWNER)
    assert len(before) > len(approver) > 0
    tamper(engine, "UPDATE access_request SET requester = 'U0STRANGER'")
    assert (events_of(REQUESTER), events_of(OWNER), events_of(STRANGER)) == (before, approver, [])


@pytest.mark.usefixtures("version")
def test_narrowing_a_row_hides_no_access(world: World, engine: Engine) -> None:
    world.granted()
    (before,) = agreed(ask(engine, world))
    tamper(engine, "UPDATE access_request SET resolved = '[\"logs-b\"]'")
    assert ask(engine, world).records == (before,)
