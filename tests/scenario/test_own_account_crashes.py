"""The application is killed before and after every call for an own account: the next process finishes the work."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from bot.access.intervals import LOOKS_AT_OWN_ACCOUNTS
from bot.sandbox.fault_proxy import Phase
from bot.sandbox.node import Node
from tests.nodes import make_visible
from tests.scenario.breaking import Broken, Step, Watch, broken_stage
from tests.scenario.own_accounts import BY_NAME, OwnAccountStage, with_account
from tests.scenario.test_held_up_calls import HeldUp

OK, FORBIDDEN = 200, 403

HOUR_AND_A_BIT = 3601

MAKING = {"GET /_security/user", "PUT /_security/user", "GET /_security/role", "PUT /_security/role"}
"""Kinds of calls to the cluster from the click on Approve to the first access of an account."""

ENDING = {"GET /_security/role", "DELETE /_security/role"}
"""Kinds of calls to the cluster from the end of the access to its receipt."""


@pytest.fixture
def broken(node: Node, tmp_path: Path) -> Iterator[Broken]:
    with ExitStack() as stack:
        ready = stack.enter_context(broken_stage(node, tmp_path, **BY_NAME))
        ready.alices = with_account(ready.stage, stack)  # type: ignore[attr-defined]
        ready.restart()
        yield ready


def own(broken: Broken) -> OwnAccountStage:
    found: OwnAccountStage = broken.alices  # type: ignore[attr-defined]
    return found


@pytest.mark.parametrize("phase", ["before", "after"])
def test_a_crash_at_any_step_of_the_first_approve_ends_with_access_told_once(broken: Broken, phase: Phase) -> None:
    # Of two runs: a call that only one of them has was one of the reconciliation, which looks at roles now and then.
    once, again = _steps_of_first_approve(broken), _steps_of_first_approve(broken)
    steps = [step for step in once if step in again]
    assert {step.kind for step in steps} == MAKING
    for step in steps:
        _forget(broken)
        broken.stage.workspace.reset()
        request = _asked(broken)
        with Watch(broken, step, phase) as watch:
            broken.stage.approve(request)
            watch.wait_dead()
        broken.restart()
        broken.settled(request, "active")
        assert own(broken).search("logs-web") == OK, f"{step} {phase}"
        assert own(broken).grants() == [request]
        assert own(broken).user()["roles"] == ["nobody", own(broken).role_name]
        [told] = broken.messages(broken.stage.alice, f"ACCESS {request}")
        assert "sign out and in again, once" in told
        assert broken.events(request).count("grant.active") == 1
        _end(broken, request)


@pytest.mark.parametrize(("how", "phase"), [("revoked", "after"), ("expired", "before")])
def test_a_crash_at_any_step_of_the_end_leaves_nothing(broken: Broken, how: str, phase: Phase) -> None:
    act: Callable[[Broken, str], None] = _revoke if how == "revoked" else _expire
    request = _granted(broken)
    with Watch(broken) as watch:
        act(broken, request)
        broken.settled(request, "cleaned_up")
    steps = [step for step in watch.steps if step.kind in ENDING]
    assert {step.kind for step in steps} == ENDING
    for step in steps:
        broken.stage.workspace.reset()
        request = _granted(broken)
        with Watch(broken, step, phase) as watch:
            act(broken, request)
            watch.wait_dead()
        broken.restart()
        broken.settled(request, "cleaned_up")
        assert own(broken).search("logs-web") == FORBIDDEN, f"{step} {phase}"
        assert own(broken).role() is None
        for person in (broken.stage.alice, broken.stage.bob):
            broken.stage.reads(person, f"ACCESS {request} HAS ENDED", f"Ended: {how}", "read back from the cluster")
        assert broken.events(request).count("grant.cleaned_up") == 1


def test_what_expired_while_the_application_was_dead_ends_as_it_starts(broken: Broken) -> None:
    stage = broken.stage
    request = _granted(broken)
    stage.app.kill()
    stage.app.move_clock(HOUR_AND_A_BIT)
    assert own(broken).search("logs-web") == OK, "nothing but the application ends it"
    stage.app.start(ready=False)
    stage.wait(lambda: own(broken).search("logs-web") == FORBIDDEN, "the end of the access")
    stage.app.wait_ready()
    broken.settled(request, "cleaned_up")


def test_a_held_up_call_of_an_approval_gives_back_nothing_after_the_end(broken: Broken) -> None:
    stage = broken.stage
    with HeldUp(broken, ("PUT", "/_security/role/es-access-own-")) as held:
        request = _asked(broken)
        stage.approve(request)
        held.wait_reached()
        stage.app.kill()
        broken.restart()
        broken.settled(request, "active")
        _end(broken, request)
        assert own(broken).search("logs-web") == FORBIDDEN
        held.let_go()
        stage.app.move_clock(LOOKS_AT_OWN_ACCOUNTS[0].total_seconds())
        stage.wait(lambda: own(broken).role() is None or None, "the end of what the late call gave back")
        assert own(broken).search("logs-web") == FORBIDDEN


def test_with_the_database_lost_exactly_what_has_ended_is_taken(broken: Broken) -> None:
    stage = broken.stage
    short = _granted(broken)
    long = stage.ask("metrics-* 3h")
    stage.approve(long)
    broken.settled(long, "active")
    make_visible(stage.node)
    stage.app.stop()
    (stage.app.directory / "es-access.db").unlink()
    stage.app.move_clock(HOUR_AND_A_BIT)
    broken.restart()
    stage.wait(lambda: own(broken).grants() == [long] or None, f"the end of {short}")
    assert (own(broken).search("logs-web"), own(broken).search("metrics-cpu")) == (FORBIDDEN, OK)
    stage.app.move_clock(2 * HOUR_AND_A_BIT)
    stage.wait(lambda: own(broken).role() is None or None, "the end of the other one")
    # The node drops its memory of a role in the moment after the role is gone.
    stage.wait(lambda: own(broken).search("metrics-cpu") == FORBIDDEN or None, "a refusal")


def _steps_of_first_approve(broken: Broken) -> list[Step]:
    _forget(broken)
    broken.stage.workspace.reset()
    request = _asked(broken)
    with Watch(broken) as watch:
        broken.stage.approve(request)
        broken.settled(request, "active")
    _end(broken, request)
    return [step for step in watch.steps if step.kind in MAKING]


def _asked(broken: Broken) -> str:
    request = broken.stage.ask("logs-* 1h")
    broken.stage.approval(broken.stage.bob, request)
    broken.stage.wait(lambda: not broken.rows("SELECT id FROM message WHERE due_at IS NOT NULL"), "quiet")
    return request


def _granted(broken: Broken) -> str:
    request = _asked(broken)
    broken.stage.approve(request)
    broken.settled(request, "active")
    return request


def _revoke(broken: Broken, request: str) -> None:
    broken.stage.workspace.command(broken.stage.alice, "/es-access", f"revoke {request}")


def _expire(broken: Broken, _request: str) -> None:
    broken.stage.app.move_clock(HOUR_AND_A_BIT)


def _end(broken: Broken, request: str) -> None:
    _revoke(broken, request)
    broken.settled(request, "cleaned_up")


def _forget(broken: Broken) -> None:
    """Makes the next access the first one of the account again."""
    own(broken).change_user(roles=["nobody"])
    with closing(sqlite3.connect(broken.stage.app.directory / "es-access.db")) as database:
        database.execute("UPDATE own_account SET connected_at = NULL")
        database.commit()
