"""The inbox on each database: stored in groups, done once, taken up by another process, given up after a bug."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlmodel import Session, select

from bot.access.claims import WORKER_CLAIM
from bot.access.errors import DatabaseAway
from bot.access.models.audit import AuditEvent
from bot.access.models.inbox import InboxEntry, Payload
from bot.access.models.requests import AccessRequest
from bot.access.notifications.inbox import KEEP_DONE_FOR, MOST_ATTEMPTS, PAUSE_AFTER_BUG, Inbox
from bot.access.requests.drafts import Draft
from bot.access.store.inbox import DoneElsewhere, InboxWork, working_on
from bot.access.store.store import Store
from tests.fakes import EVERYTHING, OWNER, REQUESTER, STRANGER, World
from tests.inboxes import open_inbox

PATIENCE = 10.0
BODY = {"command": "/es-access", "text": "logs-* 1h"}
MANY = 200


@pytest.fixture
def inbox(world: World) -> Iterator[Inbox]:
    with open_inbox(world.store, world.clock) as inbox:
        yield inbox


def entry(store: Store, name: str = "a") -> InboxEntry:
    with Session(store.engine) as session:
        return session.exec(select(InboxEntry).where(InboxEntry.id == name)).one()


def stored(inbox: Inbox, name: str = "a") -> InboxWork:
    work = inbox.put(name, REQUESTER, BODY).result(PATIENCE)
    assert work is not None
    return work


def file_it(world: World, work: InboxWork) -> None:
    with working_on(work):
        world.requests.submit(REQUESTER, Draft("logs-*", "1h", again=True))


def test_payloads_go_before_other_work_that_waits_to_write(world: World, inbox: Inbox) -> None:
    """Three people's work waits for the database when a payload arrives: it is stored before theirs."""
    if world.store.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL has many writers")
    seen: list[str] = []

    def work() -> None:
        with world.store.writing():
            seen.append(entry(world.store, "payload").id)

    def wait_for(others: int, payloads: int) -> None:
        turn, until = world.store._turn, time.monotonic() + PATIENCE
        while (len(turn._others._waiters), turn._urgent_waiting) != (others, payloads):  # type: ignore[attr-defined]
            assert time.monotonic() < until
            time.sleep(0.01)

    with ThreadPoolExecutor(3) as people:
        with world.store.writing():
            others = [people.submit(work) for _ in range(3)]
            wait_for(3, 0)
            payload = inbox.put("payload", REQUESTER, BODY)
            wait_for(3, 1)
        assert payload.result(PATIENCE) is not None
        for each in others:
            each.result(PATIENCE)  # raises if it came first: the payload was not there
    assert seen == ["payload"] * 3


def test_many_at_once_share_a_few_commits(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    commits: list[int] = []
    write = inbox._write

    def counted(entries: Sequence[Payload], done: Sequence[str]) -> set[str]:
        commits.append(len(entries))
        return write(entries, done)

    monkeypatch.setattr(inbox, "_write", counted)
    waiting = [inbox.put(str(number), REQUESTER, BODY) for number in range(MANY)]
    assert all(each.result(PATIENCE) is not None for each in waiting)
    assert sum(commits) == MANY
    assert len(commits) < MANY / 4


def test_a_copy_is_known_in_the_same_group_and_later(inbox: Inbox) -> None:
    both = [inbox.put("a", REQUESTER, BODY) for _ in range(2)]
    assert sorted(each.result(PATIENCE) is None for each in both) == [False, True]
    assert inbox.put("a", REQUESTER, BODY).result(PATIENCE) is None


def test_a_copy_that_comes_to_another_process_is_known(other: World, inbox: Inbox) -> None:
    stored(inbox)
    with open_inbox(other.store, other.clock) as second:
        assert second.put("a", REQUESTER, BODY).result(PATIENCE) is None


def test_what_was_asked_for_commits_with_its_mark(world: World, inbox: Inbox) -> None:
    work = stored(inbox)
    file_it(world, work)
    assert work.applied
    assert entry(world.store).applied_at == world.clock.now()
    late = InboxWork(work.id, work.person)  # a process that held the claim, stood still, and lost it
    with pytest.raises(DoneElsewhere):
        file_it(world, late)
    with Session(world.store.engine) as session:
        assert len(session.exec(select(AccessRequest.id)).all()) == 1


def test_a_request_for_somebody_else_commits_with_its_mark(world: World, inbox: Inbox) -> None:
    """The audit trail names the requester."""
    world.under(EVERYTHING.model_copy(update={"for_others": True}))
    work = stored(inbox)
    with working_on(work):
        world.requests.submit(REQUESTER, Draft("logs-*", "1h", for_whom=STRANGER))
    assert work.applied
    assert entry(world.store).applied_at == world.clock.now()


def test_a_refusal_and_what_the_application_notes_beside_are_no_mark(world: World, inbox: Inbox) -> None:
    work = stored(inbox)
    with working_on(work), world.store.writing() as write:
        write.audit("access.refused", REQUESTER, world.clock.now(), None)
        write.audit("owner.noticed", OWNER, world.clock.now(), None)
    assert entry(world.store).applied_at is None


def test_another_process_takes_up_what_a_dead_one_left(world: World, other: World, inbox: Inbox) -> None:
    stored(inbox, "a")
    file_it(world, stored(inbox, "b"))
    now = world.clock.now()
    with other.store.writing() as write:
        assert write.claim_entries(now, now + WORKER_CLAIM, 10) == [], "the first process may be alive"
    world.clock.advance(WORKER_CLAIM + timedelta(seconds=1))
    with open_inbox(other.store, world.clock) as second:
        now = world.clock.now()
        with other.store.writing() as write:
            taken = write.claim_entries(now, now + WORKER_CLAIM, 10)
        works = {each.id: second.adopt(each) for each in taken}
        assert {name: work.applied for name, work in works.items() if work} == {"a": False, "b": True}
        assert all(second.adopt(each) is None for each in taken), "once in a process"
        assert entry(other.store).body == BODY
        for work in works.values():
            assert work is not None
            second.finish(work)
    assert entry(other.store).body is None
    assert entry(other.store).due_at is None


def test_a_claim_is_renewed_while_the_work_goes_on(world: World, inbox: Inbox) -> None:
    stored(inbox)
    world.clock.advance(WORKER_CLAIM / 2)
    inbox.renew()
    assert entry(world.store).claimed_until == world.clock.now() + WORKER_CLAIM


def test_a_bug_is_tried_again_and_then_set_aside(world: World, inbox: Inbox) -> None:
    work = stored(inbox)
    for attempt in range(1, MOST_ATTEMPTS):
        assert inbox.retry(work, ValueError("a bug"))
        assert entry(world.store).attempts == attempt
        assert entry(world.store).due_at == world.clock.now() + PAUSE_AFTER_BUG
        world.clock.advance(PAUSE_AFTER_BUG)
        now = world.clock.now()
        with world.store.writing() as write:
            [again] = write.claim_entries(now, now + WORKER_CLAIM, 10)
        adopted = inbox.adopt(again)
        assert adopted is not None
        work = adopted
    assert not inbox.retry(work, ValueError("a bug")), "the person is told"
    with Session(world.store.engine) as session:
        assert session.exec(select(AuditEvent.event)).all() == ["inbox.set_aside"]


def test_without_a_database_nothing_counts_as_stored(
    world: World, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = stored(inbox)

    def away(*_: object) -> set[str]:
        raise DatabaseAway("gone")

    with monkeypatch.context() as gone:
        gone.setattr(inbox, "_write", away)
        with pytest.raises(DatabaseAway):
            inbox.put("b", REQUESTER, BODY).result(PATIENCE)
        inbox.finish(first)
    stored(inbox, "c")
    inbox.stop()
    assert entry(world.store).done_at is not None, "it was written when the database was back"


def test_a_payload_that_cannot_be_stored_keeps_no_other_out(world: World, inbox: Inbox) -> None:
    with world.store.writing():  # on SQLite, the three wait and come together
        waiting = [inbox.put(name, REQUESTER, body) for name, body in (("a", BODY), ("b", {"x": {1}}), ("c", BODY))]
    assert waiting[0].result(PATIENCE) is not None
    with pytest.raises(Exception, match="JSON serializable"):
        waiting[1].result(PATIENCE)
    assert waiting[2].result(PATIENCE) is not None


def test_what_is_done_goes_away_after_a_day(world: World, inbox: Inbox) -> None:
    inbox.finish(stored(inbox, "a"))
    stored(inbox, "b")
    inbox.stop()
    world.clock.advance(KEEP_DONE_FOR)
    inbox.forget_done()
    assert entry(world.store).id == "a"
    world.clock.advance(timedelta(seconds=1))
    inbox.forget_done()
    with Session(world.store.engine) as session:
        assert session.exec(select(InboxEntry.id)).all() == ["b"]
