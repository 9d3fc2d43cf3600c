"""Taking payloads in: stored, acknowledged, worked on; and taken up again after a crash or a bug."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from slack_bolt import BoltRequest, BoltResponse
from sqlmodel import Session, select

from bot.access.audit.refusals import Refusals
from bot.access.claims import WORKER_CLAIM
from bot.access.errors import DatabaseAway, Outage
from bot.access.models.inbox import InboxEntry
from bot.access.models.messages import Message, MessageKind
from bot.access.notifications.inbox import MOST_ATTEMPTS, Inbox
from bot.access.store.inbox import current_work
from bot.slack.ack_queue import AckQueue
from bot.slack.blocks.content import MessageContent, plain
from bot.slack.intake import intake as module
from bot.slack.intake.intake import RESPONSE_URL_LASTS, Intake
from bot.slack.responder import Responder
from tests.fakes import REQUESTER, World
from tests.inboxes import open_inbox

PATIENCE = 10.0
COMMAND = {"command": "/es-access", "user_id": REQUESTER, "response_url": "https://example.com", "trigger_id": "1"}
CLICK = {"type": "block_actions", "user": {"id": REQUESTER}, "actions": [{"action_id": "revoke"}], "trigger_id": "2"}


class Bench:
    """An intake in front of an app that does what `listener` does."""

    def __init__(self, world: World, inbox: Inbox, threads: ThreadPoolExecutor, told: list[tuple[str, str]]) -> None:
        self.world, self.inbox, self.told = world, inbox, told
        self.bodies: list[dict[str, Any]] = []
        self.listener: Callable[[], MessageContent | None] = lambda: plain([("done",)])
        self.takes_answers = True
        ack_queue = AckQueue(threads)
        self.responder = Responder(ack_queue, world.directory, Refusals(world.store, world.clock), inbox)
        app: Any = self
        team: Any = self
        self.client = self
        self.intake = Intake(app, inbox, ack_queue, team, world.clock)

    def recognizes(self, _body: dict[str, Any]) -> bool:
        return True

    def dispatch(self, request: BoltRequest) -> BoltResponse:
        self.bodies.append(request.body)
        self.responder.run_later(self.show, self.listener)
        return BoltResponse(status=200)

    def show(self, content: MessageContent) -> bool:
        if self.takes_answers:
            self.told.append(("answer", content.text))
        return self.takes_answers

    def take(self, body: dict[str, Any]) -> None:
        """Returns when it is acknowledged."""
        acknowledged = threading.Event()
        self.intake.take(body, acknowledged.set)
        assert acknowledged.wait(PATIENCE)

    def row(self) -> InboxEntry | None:
        with Session(self.world.store.engine) as session:
            return session.exec(select(InboxEntry)).first()

    def wait_for(self, look: Callable[[], bool]) -> None:
        for _ in range(int(PATIENCE * 100)):
            if look():
                return
            threading.Event().wait(0.01)
        raise AssertionError((self.told, self.row()))

    def is_done(self) -> bool:
        row = self.row()
        return row is not None and row.done_at is not None

    def take_up(self) -> None:
        """Takes up due entries, as the workers do."""
        now = self.world.clock.now()
        with self.world.store.writing() as write:
            entries = write.claim_entries(now, now + WORKER_CLAIM, 10)
        assert entries
        self.intake.take_up(entries)


@pytest.fixture
def bench(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    told: list[tuple[str, str]] = []
    monkeypatch.setattr(module, "Respond", lambda response_url: response_url)
    monkeypatch.setattr(module, "reply_privately", lambda where: lambda content: told.append((where, content.text)))
    monkeypatch.setattr(module, "reply_in_dm", lambda _, person: lambda content: told.append((person, content.text)))
    with open_inbox(world.store, world.clock) as inbox, ThreadPoolExecutor(2) as threads:
        made = Bench(world, inbox, threads, told)
        yield made
        made.intake.finish()


def test_a_payload_is_a_row_before_it_is_acknowledged_and_then_done(bench: Bench) -> None:
    rows: list[InboxEntry | None] = []
    bench.intake.take(COMMAND, lambda: rows.append(bench.row()))
    bench.wait_for(bench.is_done)
    assert rows[0] is not None
    assert rows[0].body == COMMAND
    assert bench.told == [("answer", "done")]


def test_a_copy_is_acknowledged_and_nothing_more(bench: Bench) -> None:
    for _ in range(3):
        bench.take(COMMAND)
    bench.wait_for(bench.is_done)
    assert len(bench.bodies) == 1


def test_what_only_looks_is_no_row(bench: Bench) -> None:
    bench.take({"type": "event_callback", "event": {"type": "app_home_opened"}})
    bench.wait_for(lambda: len(bench.told) == 1)
    assert bench.row() is None


def test_without_a_database_the_work_is_tried_and_answers_itself(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    failed: Future[Any] = Future()
    failed.set_exception(DatabaseAway("gone"))
    monkeypatch.setattr(bench.inbox, "put", lambda *_: failed)
    bench.take(COMMAND)
    bench.take(CLICK)
    bench.wait_for(lambda: len(bench.told) == 2)
    assert bench.told == [("answer", "done")] * 2


def test_a_bug_is_tried_again_and_then_told(bench: Bench) -> None:
    runs: list[int] = []

    def listener() -> None:
        runs.append(1)
        raise ValueError("a bug")

    bench.listener = listener
    bench.take(COMMAND)
    for attempt in range(1, MOST_ATTEMPTS):
        bench.wait_for(lambda attempt=attempt: getattr(bench.row(), "attempts", 0) == attempt)  # type: ignore[misc]
        assert bench.told == []
        bench.world.clock.advance(timedelta(seconds=5))
        bench.take_up()
    bench.wait_for(bench.is_done)
    assert len(runs) == MOST_ATTEMPTS
    [(_, text)] = bench.told
    assert "Something went wrong on my side" in text


def test_that_nothing_was_done_comes_as_a_message_if_slack_did_not_take_the_answer(bench: Bench) -> None:
    def listener() -> None:
        raise Outage("Slack does not answer")

    bench.listener, bench.takes_answers = listener, False
    bench.take(COMMAND)
    bench.wait_for(bench.is_done)
    with Session(bench.world.store.engine) as session:
        [notice] = session.exec(select(Message)).all()
    assert (notice.kind, notice.recipient) == (MessageKind.NOTICE, REQUESTER)
    assert notice.due_at is not None
    assert notice.notice is not None
    assert notice.notice.startswith("About what you asked for: Slack does not answer, so I could not do that.")


def test_what_was_done_is_no_message_if_slack_did_not_take_the_answer(bench: Bench) -> None:
    bench.takes_answers = False
    bench.take(COMMAND)
    bench.wait_for(bench.is_done)
    with Session(bench.world.store.engine) as session:
        assert session.exec(select(Message)).all() == []


@pytest.mark.parametrize(("body", "count"), [(COMMAND, 1), (CLICK, 0)])
def test_what_was_done_by_a_process_that_died_is_not_done_again(bench: Bench, body: dict[str, Any], count: int) -> None:
    """The answer to a command is lost, so the person is told. The message that was clicked shows the result itself."""
    bench.inbox.put("a", REQUESTER, body).result(PATIENCE)
    with bench.world.store.writing() as write:
        write.apply("a", bench.world.clock.now())
        write.release_all_claims()
    _forgotten(bench)
    bench.take_up()
    bench.wait_for(bench.is_done)
    bench.wait_for(lambda: len(bench.told) == count)
    assert bench.bodies == []
    assert all("is done, but I was stopped before I could say so" in text for _, text in bench.told)


def test_what_was_not_done_is_done_and_answered_in_a_message_once_its_address_lapsed(bench: Bench) -> None:
    bench.inbox.put("a", REQUESTER, COMMAND).result(PATIENCE)
    with bench.world.store.writing() as write:
        write.release_all_claims()
    _forgotten(bench)
    seen: list[bool] = []
    bench.listener = lambda: seen.append(getattr(current_work(), "again", False))
    bench.world.clock.advance(RESPONSE_URL_LASTS + timedelta(seconds=1))
    bench.take_up()
    bench.wait_for(bench.is_done)
    assert seen == [True]
    assert "response_url" not in bench.bodies[0]


def test_after_the_end_what_is_stored_is_left_to_another_process(bench: Bench) -> None:
    bench.intake.finish()
    bench.take(COMMAND)
    bench.inbox.renew()
    row = bench.row()
    assert row is not None
    assert row.done_at is None
    assert bench.bodies == []


def _forgotten(bench: Bench) -> None:
    """As in another process."""
    bench.inbox._in_progress.clear()
