"""A payload from elsewhere reaches no listener, and its person is told where they can see it."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from slack_bolt import BoltResponse

from bot.access.audit.refusals import Refusals
from bot.access.errors import Outage
from bot.access.notifications.inbox import Inbox
from bot.slack.ack_queue import AckQueue
from bot.slack.actor import current_actor
from bot.slack.errors import NoRetries
from bot.slack.membership import Team
from bot.slack.middleware import NOT_SERVED, WorkspaceMiddleware
from bot.slack.responder import Responder
from tests.fakes import REQUESTER, STRANGER, World

OUTSIDER = "Only people of this Slack workspace"


class Slack:
    """Records each text and where it was shown, and whose refusal was audited."""

    def __init__(self) -> None:
        self.retry_handlers = NoRetries(lambda *_: None)
        self.shown: list[tuple[str, str]] = []
        self.audited: list[str] = []

    def auth_test(self) -> Any:
        return type("Answer", (), {"data": {"team_id": "T1", "enterprise_id": "E1"}})()

    def respond(self, **said: Any) -> None:
        self.shown.append(("response_url", str(said["text"])))

    def chat_postMessage(self, **said: Any) -> None:  # noqa: N802 (the SDK's name)
        self.shown.append((f"message to {said['channel']}", str(said["text"])))

    def views_update(self, **said: Any) -> None:
        self.shown.append((f"view {said['view_id']}", str(said["view"].to_dict())))


def passes(world: World, slack: Slack, body: dict[str, Any]) -> tuple[bool, BoltResponse]:
    """Whether the payload reached the listeners, and the answer."""
    reached: list[bool] = []

    def listen() -> BoltResponse:
        reached.append(True)
        return BoltResponse(status=200)

    with ThreadPoolExecutor(1) as threads:
        refusals = Refusals(world.store, world.clock)
        refusals.record = lambda person, *_: slack.audited.append(person)  # type: ignore[method-assign]
        responder = Responder(AckQueue(threads), world.directory, refusals, Inbox(world.store, world.clock))
        middleware = WorkspaceMiddleware(Team(slack), responder)  # type: ignore[arg-type]
        answer = middleware(body, listen, slack.respond, slack)  # type: ignore[arg-type]
    return bool(reached), answer


def of_stranger(kind: str, **values: Any) -> dict[str, Any]:
    return {"type": kind, "team": {"id": "T1"}, "user": {"id": STRANGER, "team_id": "T2"}, **values}


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (of_stranger("block_actions", response_url="https://example.com"), "response_url"),
        (of_stranger("message_action", response_url="https://example.com"), "response_url"),
        (of_stranger("block_actions", view={"type": "modal", "id": "V1"}), "view V1"),
        (of_stranger("block_actions", view={"type": "home", "id": "V1"}), f"message to {STRANGER}"),
        (of_stranger("shortcut"), f"message to {STRANGER}"),
    ],
)
def test_a_click_of_an_outsider_is_answered(world: World, body: dict[str, Any], where: str) -> None:
    world.directory.outsiders.add(STRANGER)
    slack = Slack()
    reached, answer = passes(world, slack, body)
    assert (reached, answer.status, answer.body) == (False, 200, "")
    (shown,) = slack.shown
    assert shown[0] == where
    assert OUTSIDER in shown[1]
    assert slack.audited == [STRANGER]


def test_a_form_of_an_outsider_becomes_the_refusal(world: World) -> None:
    world.directory.outsiders.add(STRANGER)
    reached, answer = passes(world, Slack(), of_stranger("view_submission", view={"type": "modal", "id": "V1"}))
    assert not reached
    assert '"response_action": "update"' in answer.body
    assert OUTSIDER in answer.body


def test_an_outsider_is_shown_no_names(world: World) -> None:
    world.directory.outsiders.add(STRANGER)
    reached, answer = passes(world, Slack(), of_stranger("block_suggestion", view={"type": "modal", "id": "V1"}))
    assert (reached, answer.body) == (False, '{"options": []}')


def test_a_command_of_another_workspace_is_answered(world: World) -> None:
    reached, answer = passes(world, Slack(), {"command": "/es-access", "team_id": "T2", "user_id": STRANGER})
    assert (reached, answer.body) == (False, NOT_SERVED)


def test_an_event_of_another_workspace_is_dropped_and_audited(world: World) -> None:
    slack = Slack()
    body = {"type": "event_callback", "team_id": "T2", "event": {"type": "app_home_opened", "user": STRANGER}}
    reached, answer = passes(world, slack, body)
    assert (reached, answer.body, slack.shown, slack.audited) == (False, "", [], [STRANGER])


def test_a_colleague_of_another_workspace_reaches_the_listeners(world: World) -> None:
    reached, _ = passes(world, Slack(), of_stranger("block_actions"))
    assert reached


def test_while_slack_does_not_say_who_it_is_nothing_is_done_and_the_click_fails(world: World) -> None:
    world.directory.asked.errors = [Outage("Slack is away")]
    reached, answer = passes(world, Slack(), of_stranger("block_actions"))
    assert (reached, answer.status) == (False, 503)


def test_people_at_home_here_are_looked_up_by_nobody(world: World) -> None:
    body = {"type": "block_actions", "team": {"id": "T1"}, "user": {"id": REQUESTER, "team_id": "T1"}}
    assert passes(world, Slack(), body)[0]
    assert world.directory.asked.calls == 0
    assert current_actor() is not None
