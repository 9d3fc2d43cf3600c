"""The application is killed at every commit of a grant's life, and at every call of its extension and its clean-up."""

import os
import signal
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest

from bot.sandbox.fault_proxy import Phase
from bot.sandbox.node import Node
from tests.scenario.breaking import Broken, Step, Watch, broken_stage
from tests.scenario.dying import forget, order
from tests.scenario.test_counter_offers import message_with, offer_less
from tests.soak.world import ROOT

pytestmark = [
    pytest.mark.timeout(900),  # each restarts the application a dozen times, on a busy machine perhaps
    pytest.mark.skipif("ES_ACCESS_SOAK" not in os.environ, reason="minutes each: part of `make soak`"),
]

DAY_AND_A_BIT = 86_405
NEVER = 10_000


@pytest.fixture
def broken(node: Node, tmp_path: Path) -> Iterator[Broken]:
    """A running stage whose process can be killed at a commit, and whose users stay for a day."""
    with broken_stage(node, tmp_path, USER_CLEANUP_DAYS="1", PYTHONPATH=str(ROOT)) as ready:
        ready.stage.app.program = "tests.scenario.dying"
        ready.restart()
        yield ready


class Act(NamedTuple):
    """A part of a grant's life: its preparation, its first action, its end, and the checks that then hold.

    `unheard`: the process died before it stored the click. Nobody got an acknowledgement, so the user clicks again.
    """

    prepare: Callable[[Broken], str]
    begin: Callable[[Broken, str], None]
    unheard: Callable[[Broken, str], bool]
    over: Callable[[Broken, str], None]
    holds: Callable[[Broken, str], None]


# --- the parts ----------------------------------------------------------------------------------------------------


def _quiet(broken: Broken) -> None:
    broken.stage.wait(lambda: not broken.rows("SELECT id FROM message WHERE due_at IS NOT NULL"), "quiet")


def _asked(broken: Broken) -> str:
    request = broken.stage.ask("logs-* 1h")
    for owner in (broken.stage.bob, broken.stage.carol):
        broken.stage.approval(owner, request)
    _quiet(broken)
    return request


def _granted(broken: Broken) -> str:
    request = _asked(broken)
    broken.stage.approve(request)
    broken.settled(request, "active")
    return request


def _ended(broken: Broken) -> str:
    request = _granted(broken)
    broken.stage.say(broken.stage.alice, f"revoke {request}")
    broken.settled(request, "revoked")
    return request


def _offered(broken: Broken) -> str:
    stage = broken.stage
    request = _asked(broken)
    offer_less(stage, stage.bob, request, {"duration": "30m", "permission": "read", "names": ["logs-web"]})
    message_with(stage, stage.alice, f"OFFER FOR {request}", "[ Accept ]")
    _quiet(broken)
    return request


def _accept(broken: Broken, request: str) -> None:
    stage = broken.stage
    stage.workspace.click(stage.alice, message_with(stage, stage.alice, f"OFFER FOR {request}"), "Accept")


def _what_was_offered(broken: Broken, request: str) -> None:
    _one_credential(broken, request)
    broken.stage.reads(broken.stage.alice, f"OFFER FOR {request}", "You accepted it")
    [[created, expires]] = broken.rows("SELECT created_at, expires_at FROM access_grant WHERE id = ?", request)
    assert (_time(expires) - _time(created)).total_seconds() == 1800


def _to_be_extended(broken: Broken) -> str:
    request = _granted(broken)
    extension = broken.stage.ask(f"extend {request} 1h")
    broken.stage.approval(broken.stage.bob, extension)
    broken.stage.approval(broken.stage.carol, extension)
    _quiet(broken)
    return request


def _extend(broken: Broken, request: str) -> None:
    [[extension]] = broken.rows("SELECT id FROM access_request WHERE extends = ?", request)
    broken.stage.workspace.click(broken.stage.bob, broken.stage.approval(broken.stage.bob, extension), "Approve")


def _extended(broken: Broken, request: str) -> None:
    query = "SELECT id FROM access_grant WHERE id = ? AND task IS NULL AND claimed_by IS NULL AND extensions = 1"
    broken.stage.wait(lambda: broken.rows(query, request), f"the extension of {request}")
    broken.settled(request, "active")


def _one_credential(broken: Broken, request: str) -> None:
    [password] = broken.passwords(broken.stage.alice)
    assert broken.works(password, request)
    earlier = set(broken.passwords(broken.stage.alice, ever=True)) - {password}
    assert not any(broken.works(each, request) for each in earlier)
    assert broken.events(request).count("grant.active") == 1


def _lasts_longer(broken: Broken, request: str) -> None:
    _one_credential(broken, request)
    assert broken.events(request).count("grant.extended") == 1
    [[created, expires]] = broken.rows("SELECT created_at, expires_at FROM access_grant WHERE id = ?", request)
    assert (_time(expires) - _time(created)).total_seconds() >= 7200 - 1
    name = broken.usernames(request)[0]
    user = broken.stage.node.client().security.get_user(username=name)[name]
    assert datetime.fromisoformat(user["metadata"]["es_access"]["expires_at"]) == _time(expires)
    [[extension]] = broken.rows("SELECT id FROM access_request WHERE extends = ?", request)
    broken.stage.reads(broken.stage.alice, extension)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _useless(broken: Broken, request: str) -> None:
    assert broken.in_cluster(request) == (True, False), "the user is kept for a day, disabled"
    _over(broken, request)


def _gone(broken: Broken, request: str) -> None:
    assert broken.in_cluster(request) == (False, False)
    _over(broken, request)
    assert broken.events(request).count("grant.cleaned_up") == 1


def _over(broken: Broken, request: str) -> None:
    assert not any(broken.works(each, request) for each in broken.passwords(broken.stage.alice, ever=True))
    assert broken.passwords(broken.stage.alice) == []
    assert broken.events(request).count("grant.revoked") == 1
    assert broken.rows("SELECT receipt FROM access_grant WHERE id = ? AND receipt IS NOT NULL", request)
    broken.stage.reads(broken.stage.alice, f"ACCESS {request} HAS ENDED", "Ended: ")


def _revoke(broken: Broken, request: str) -> None:
    broken.stage.workspace.command(broken.stage.alice, "/es-access", f"revoke {request}")


def _active(broken: Broken, request: str) -> None:
    broken.settled(request, "active")


def _revoked(broken: Broken, request: str) -> None:
    broken.settled(request, "revoked")


def _cleaned_up(broken: Broken, request: str) -> None:
    broken.settled(request, "cleaned_up")


def _approve(broken: Broken, request: str) -> None:
    broken.stage.approve(request)


def _a_day_passes(broken: Broken, _request: str) -> None:
    broken.stage.app.move_clock(DAY_AND_A_BIT)


def _undecided(broken: Broken, request: str) -> bool:
    query = "SELECT id FROM access_request WHERE (id = ? OR extends = ?) AND state = 'pending'"
    return bool(broken.rows(query, request, request))


def _alive(broken: Broken, request: str) -> bool:
    return broken.state(request) == "active"


def _no(_broken: Broken, _request: str) -> bool:
    return False


APPROVE = Act(_asked, _approve, _undecided, _active, _one_credential)
ACCEPT = Act(_offered, _accept, _undecided, _active, _what_was_offered)
EXTEND = Act(_to_be_extended, _extend, _undecided, _extended, _lasts_longer)
REVOKE = Act(_granted, _revoke, _alive, _revoked, _useless)
CLEAN_UP = Act(_ended, _a_day_passes, _no, _cleaned_up, _gone)


# --- at every commit ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("phase", ["before", "after"])
@pytest.mark.parametrize(
    "act",
    [APPROVE, ACCEPT, EXTEND, REVOKE, CLEAN_UP],
    ids=["approve", "accept an offer", "extend", "revoke", "clean-up"],
)
def test_a_crash_at_any_commit_is_mended(broken: Broken, act: Act, phase: Phase) -> None:
    folder = broken.stage.app.directory
    request = act.prepare(broken)
    order(folder, NEVER, phase)
    act.begin(broken, request)
    act.over(broken, request)
    commits = forget(folder)
    assert commits >= 2
    act.holds(broken, request)
    for number in range(1, commits + 1):
        broken.stage.workspace.reset()
        request = act.prepare(broken)
        order(folder, number, phase)
        act.begin(broken, request)
        _die(broken)
        broken.restart()
        if act.unheard(broken, request):
            act.begin(broken, request)
        act.over(broken, request)
        act.holds(broken, request)


def _die(broken: Broken) -> None:
    broken.stage.wait(lambda: broken.stage.app.returncode is not None, "its death at a commit")
    assert broken.stage.app.returncode == -signal.SIGKILL
    broken.stage.app.kill()
    forget(broken.stage.app.directory)


# --- at every call ------------------------------------------------------------------------------------------------

CALLS = {
    "extend": (EXTEND, {"GET /_security/user", "PUT /_security/user", "chat.update bob", "chat.postMessage alice"}),
    "clean-up": (CLEAN_UP, {"DELETE /_security/user"}),  # nobody is told: the end was, a day before
}


@pytest.mark.parametrize("phase", ["before", "after"])
@pytest.mark.parametrize("name", CALLS)
def test_a_crash_at_any_call_is_mended(broken: Broken, name: str, phase: Phase) -> None:
    act, expected = CALLS[name]
    request = act.prepare(broken)
    with Watch(broken) as watch:
        act.begin(broken, request)
        act.over(broken, request)
    assert expected <= {step.kind for step in watch.steps}, watch.steps
    act.holds(broken, request)
    for step in watch.steps:
        _dies_at(broken, act, step, phase)


def _dies_at(broken: Broken, act: Act, step: Step, phase: Phase) -> None:
    broken.stage.workspace.reset()
    request = act.prepare(broken)
    with Watch(broken, step, phase) as watch:
        act.begin(broken, request)
        watch.wait_dead()
    broken.restart()
    act.over(broken, request)
    act.holds(broken, request)
