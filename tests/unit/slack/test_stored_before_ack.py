"""What Bolt answers is stored before that, too: while nobody knows who we are, and from our whole organisation."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from slack_bolt import Ack, App, BoltRequest
from slack_sdk import WebClient
from sqlmodel import Session, select

from bot.access.audit.refusals import Refusals
from bot.access.claims import WORKER_CLAIM
from bot.access.models.inbox import InboxEntry
from bot.access.notifications.inbox import Inbox
from bot.slack.ack_queue import AckQueue
from bot.slack.app import bolt_app
from bot.slack.intake.intake import Intake
from bot.slack.membership import Team
from bot.slack.middleware import WorkspaceMiddleware
from bot.slack.responder import Responder
from tests.fakes import REQUESTER, World
from tests.inboxes import open_inbox

COMMAND = {"command": "/es-access", "text": "list", "user_id": REQUESTER, "team_id": "T1", "trigger_id": "1"}
CLICK = {
    "type": "block_actions", "team": {"id": "T2", "enterprise_id": "E1"}, "user": {"id": REQUESTER, "team_id": "T2"},
    "actions": [{"type": "button", "action_id": "approve", "block_id": "b", "value": "REQ-1"}], "trigger_id": "2",
}  # fmt: skip
PATIENCE = 10.0


class Slack(WebClient):
    """Says who we are while `answers`."""

    answers = True

    def auth_test(self, **_: Any) -> Any:
        if not self.answers:
            raise OSError("nobody answers")
        return type("Answer", (), {"data": {"team_id": "T1", "enterprise_id": "E1"}})()


class Bench:
    """An intake in front of Bolt, whose listeners note what is stored when they acknowledge."""

    def __init__(self, world: World, inbox: Inbox, threads: ThreadPoolExecutor) -> None:
        self.world, self.inbox = world, inbox
        self.slack = Slack(token="xoxb-none", base_url="http://127.0.0.1:1/")
        self.team = Team(self.slack)
        self.stored: list[bool] = []
        ack_queue = AckQueue(threads)
        self.responder = Responder(ack_queue, world.directory, Refusals(world.store, world.clock), inbox)
        app = bolt_app(self.slack, None, threads, [self], WorkspaceMiddleware(self.team, self.responder))
        self.intake = Intake(app, inbox, ack_queue, self.team, world.clock)

    def register(self, app: App) -> None:
        app.command("/es-access")(self.listen)
        app.action("approve")(self.listen)

    def listen(self, ack: Ack) -> None:
        self.stored.append(self.row() is not None)
        ack()
        self.responder.run_later(lambda _: None, lambda: None)

    def send(self, body: dict[str, Any]) -> int:
        """The status of the answer to what the intake does not take."""
        assert not self.intake.takes(body)
        return self.intake.dispatch(BoltRequest(mode="socket_mode", body=body)).status

    def row(self) -> InboxEntry | None:
        with Session(self.world.store.engine) as session:
            return session.exec(select(InboxEntry)).first()

    def wait_for(self, look: Callable[[], object]) -> None:
        for _ in range(int(PATIENCE * 100)):
            if look():
                return
            time.sleep(0.01)
        raise AssertionError((self.stored, self.row()))

    def is_done(self) -> bool:
        row = self.row()
        return row is not None and row.done_at is not None


@pytest.fixture
def bench(world: World) -> Iterator[Bench]:
    with open_inbox(world.store, world.clock) as inbox, ThreadPoolExecutor(2) as threads:
        made = Bench(world, inbox, threads)
        yield made
        made.intake.finish()


def test_what_comes_before_slack_has_said_who_we_are_is_stored_and_done_once(bench: Bench) -> None:
    assert bench.send(COMMAND) == 200
    assert bench.stored == [True]
    assert bench.intake.takes(COMMAND), "Slack has said it meanwhile"
    bench.intake.take(COMMAND, lambda: None)
    bench.wait_for(bench.is_done)
    assert bench.stored == [True], "the copy was not done again"


def test_clicks_from_other_workspaces_of_our_organisation_are_stored_and_done_once(bench: Bench) -> None:
    bench.team.identify()
    for _ in range(2):
        assert bench.send(CLICK) == 200
    bench.wait_for(bench.is_done)
    assert bench.stored == [True]


def test_what_was_stored_is_done_though_slack_does_not_say_who_we_are(bench: Bench) -> None:
    """The process that acknowledged it is dead, and the bot token was revoked."""
    bench.slack.answers = False
    bench.inbox.put("a", REQUESTER, COMMAND).result(PATIENCE)
    with bench.world.store.writing() as write:
        write.release_all_claims()
        now = bench.world.clock.now()
        entries = write.claim_entries(now, now + WORKER_CLAIM, 10)
    bench.inbox._in_progress.clear()  # as in another process
    bench.intake.take_up(entries)
    bench.wait_for(bench.is_done)
    assert bench.stored == [True]


def test_while_slack_does_not_say_who_we_are_nothing_is_acknowledged(bench: Bench) -> None:
    bench.slack.answers = False
    assert bench.send(COMMAND) == 503
    assert bench.row() is None
    assert bench.stored == []
