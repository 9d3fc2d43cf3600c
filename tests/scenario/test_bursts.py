"""Many people at once: each is acknowledged in time, and every acknowledged action is completed."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from bot.sandbox.workspace import User
from bot.sandbox.workspace.model import PayloadDelivery
from tests.stage import Stage

MANY = 80

SLACK_SECONDS = 3.0
"""How long Slack waits for an acknowledgement."""


def together(stage: Stage, people: list[User]) -> list[PayloadDelivery]:
    """Files requests for everyone at once; returns when the last is acknowledged."""
    start = Barrier(len(people))

    def ask(person: User) -> PayloadDelivery:
        start.wait()
        return stage.workspace.command(person, "/es-access", "logs-* 1h")

    with ThreadPoolExecutor(len(people)) as threads:
        return list(threads.map(ask, people))


def test_what_was_acknowledged_is_done_by_a_process_that_is_stopped_at_that_moment(stage: Stage) -> None:
    people = [stage.workspace.add_user(f"person{number}") for number in range(MANY)]
    deliveries = together(stage, people)
    assert stage.app.stop() == 0
    assert [each.error for each in deliveries if each.error] == []
    unanswered = [each.name for each in people if not stage.workspace.ephemerals(each)]
    assert unanswered == []
    assert all("is filed" in stage.read(stage.workspace.ephemerals(each)[-1], each) for each in people)


def test_a_form_in_the_middle_of_a_burst_is_answered_in_time(stage: Stage) -> None:
    people = [stage.workspace.add_user(f"person{number}") for number in range(MANY)]
    request = stage.ask("logs-* 1h")
    stage.workspace.click(stage.bob, stage.approval(stage.bob, request), "Deny")
    view = stage.wait(lambda: stage.workspace.views(stage.bob), "the window")[-1]
    with ThreadPoolExecutor(1) as beside:
        rush = beside.submit(together, stage, people)
        denial = stage.workspace.submit(stage.bob, view, {"reason": "not today"})
        deliveries = rush.result()
    for each in (denial, *deliveries):
        assert each.error is None, each
        assert each.ack_seconds is not None
        assert each.ack_seconds < SLACK_SECONDS
    stage.reads(stage.alice, f"REQUEST {request}: DENIED", "not today")
