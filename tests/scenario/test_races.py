"""Two concurrent clicks: one takes effect, and the other gets an answer that says so."""

import threading
from collections.abc import Callable
from functools import partial

from bot.sandbox.workspace import User
from tests.stage import Stage

ROUNDS = 5


def at_once(*clicks: Callable[[], object]) -> None:
    """Performs all actions at the same moment."""
    middleware = threading.Barrier(len(clicks))

    def wait_and(click: Callable[[], object]) -> None:
        middleware.wait()
        click()

    threads = [threading.Thread(target=wait_and, args=(click,)) for click in clicks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_of_two_owners_who_approve_at_once_one_does_and_the_other_is_told_who_was_first(stage: Stage) -> None:
    for _ in range(ROUNDS):
        request = stage.ask("logs-* 1h")
        messages = {owner.id: stage.approval(owner, request) for owner in (stage.bob, stage.carol)}
        heard = {owner.id: len(stage.workspace.ephemerals(owner)) for owner in (stage.bob, stage.carol)}
        at_once(
            partial(stage.workspace.click_raw, stage.bob, messages[stage.bob.id], "Approve"),
            partial(stage.workspace.click_raw, stage.carol, messages[stage.carol.id], "Approve"),
        )
        secret = stage.secret(request)

        def told(before: dict[str, int] = heard) -> list[User]:
            return [
                owner for owner in (stage.bob, stage.carol) if len(stage.workspace.ephemerals(owner)) > before[owner.id]
            ]

        loser = stage.wait(told, "somebody being told")[0]
        winner = stage.carol if loser is stage.bob else stage.bob
        assert told() == [loser]
        stage.hears(loser, f"{request} was already approved by @{winner.name}")
        for owner in (stage.bob, stage.carol):
            stage.reads(owner, f"REQUEST {request}: APPROVED", f"Approved by @{winner.name}")
        credentials = [text for text in stage.texts(stage.alice) if "Password: " in text and request in text]
        assert len(credentials) == 1
        assert stage.search(secret, "logs-web") == 200


def test_an_approval_and_a_denial_at_once_come_to_one_decision(quiet_stage: Stage) -> None:
    stage, workspace = quiet_stage, quiet_stage.workspace
    for _ in range(ROUNDS):
        request = stage.ask("logs-* 1h")
        workspace.click(stage.carol, stage.approval(stage.carol, request), "Deny")
        view = stage.wait(lambda: workspace.views(stage.carol), "the window for the reason")[-1]
        message = stage.approval(stage.bob, request)
        at_once(
            partial(workspace.click_raw, stage.bob, message, "Approve"),
            partial(workspace.submit, stage.carol, view, {"reason": "no"}),
        )
        text = stage.reads(stage.bob, f"REQUEST {request}: ")
        if "APPROVED" in text:
            stage.secret(request)
            stage.reads(stage.carol, f"{request} was already approved by @bob")
        else:
            stage.hears(stage.bob, f"{request} was already denied by @carol")
            assert request not in "".join(t for t in stage.texts(stage.alice) if "Password" in t)


def test_a_double_click_is_one_approval_and_one_credential(stage: Stage) -> None:
    request = stage.ask("logs-* 1h")
    message = stage.approval(stage.bob, request)
    at_once(*[lambda: stage.workspace.click_raw(stage.bob, message, "Approve")] * 3)
    secret = stage.secret(request)
    stage.hears(stage.bob, f"{request} was already approved by @bob")
    assert stage.search(secret, "logs-web") == 200
    assert len([text for text in stage.texts(stage.alice) if request in text]) == 1
    assert len(stage.made()) <= 1


def test_a_double_revocation_is_one_end(quiet_stage: Stage) -> None:
    request, secret = quiet_stage.granted()
    message = next(m for m in quiet_stage.workspace.messages(quiet_stage.alice) if request in m.text)
    at_once(*[lambda: quiet_stage.workspace.click_raw(quiet_stage.alice, message, "Revoke now")] * 2)
    quiet_stage.refused(secret)
    quiet_stage.hears(quiet_stage.alice, f"{request} has already ended")
    quiet_stage.reads(quiet_stage.alice, f"ACCESS {request} HAS ENDED", "Ended: revoked by @alice")
    quiet_stage.reads(quiet_stage.bob, f"ACCESS {request} HAS ENDED", "Access of @alice is over")
    ends = [text for text in quiet_stage.texts(quiet_stage.bob) if "Access of @alice is over" in text]
    assert len(ends) == 1
