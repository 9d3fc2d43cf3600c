"""The application is killed before and after every call: the next process finishes or undoes the work."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bot.sandbox.fault_proxy import Phase, ProxyRequest, Verdict
from bot.sandbox.node import Node
from tests.scenario.breaking import Broken, Step, Watch, broken_stage

HOUR_AND_A_BIT = 3601

MAKING = {
    "GET /_security/user", "GET /_security/role", "PUT /_security/role", "PUT /_security/user",
    "chat.postMessage alice", "chat.update alice", "chat.update bob", "chat.update carol",
}  # fmt: skip
"""Kinds of calls from the click on Approve to the credential, and to the last owner's copy."""

ENDING = {
    "GET /_security/user", "GET /_security/role", "DELETE /_security/user", "DELETE /_security/api_key",
    "DELETE /_security/role", "GET /_security/api_key",
    "chat.update alice", "chat.update bob", "chat.update carol", "chat.postMessage alice", "chat.postMessage bob",
}  # fmt: skip
"""Kinds of calls from the end of the access to the last message about it."""


@pytest.fixture
def broken(node: Node, tmp_path: Path) -> Iterator[Broken]:
    with broken_stage(node, tmp_path) as ready:
        ready.restart()
        yield ready


# --- approve ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("phase", ["before", "after"])
def test_a_crash_at_any_step_of_approve_ends_with_one_credential_that_works(broken: Broken, phase: Phase) -> None:
    steps = _steps(broken, MAKING, _approve)
    for step in steps:
        _dies_while_approving(broken, step, phase)
    assert len(steps) >= len(MAKING)


def _dies_while_approving(broken: Broken, step: Step, phase: Phase) -> None:
    stage = broken.stage
    stage.workspace.reset()
    request = _asked(broken)
    with Watch(broken, step, phase) as watch:
        _approve(broken, request)
        watch.wait_dead()
    owed = broken.rows("SELECT ts FROM message WHERE request_id = ? AND kind = 'credential'", request)
    restarted = broken.restart()
    broken.settled(request, "active")

    [password] = broken.passwords(stage.alice)
    assert broken.works(password, request)
    for earlier in set(broken.passwords(stage.alice, ever=True)) - {password}:
        assert not broken.works(earlier, request), f"{step} {phase}: an earlier password works"
    # A post that Slack accepted unknown to the application appears twice; the lost one has no secret.
    # Without a row, it died while it looked at the cluster: the click was in the inbox, and nothing was posted.
    lost = broken.posts(stage.alice, f"Access {request} approved", restarted) if owed and owed[0][0] is None else 0
    assert len(broken.messages(stage.alice, f"ACCESS {request} APPROVED")) == lost <= 1
    assert len(broken.messages(stage.alice, f"ACCESS {request}")) == 1
    for owner in (stage.bob, stage.carol):
        [text] = [each for each in stage.texts(owner) if request in each]
        assert f"REQUEST {request}: APPROVED" in text
        assert "[ Approve ]" not in text
    assert broken.events(request).count("grant.active") == 1
    _end(broken, request)


def test_a_crash_while_a_crash_is_mended_is_mended_too(broken: Broken) -> None:
    request = _asked(broken)
    with Watch(broken, Step("chat.update alice", 1), "after") as watch:
        _approve(broken, request)
        watch.wait_dead()
    for step in (Step("PUT /_security/user", 1), Step("chat.update alice", 1)):
        with Watch(broken, step, "after") as watch:
            broken.stage.app.start(ready=False)
            watch.wait_dead()
    broken.restart()
    broken.settled(request, "active")
    [password] = broken.passwords(broken.stage.alice)
    earlier = set(broken.passwords(broken.stage.alice, ever=True)) - {password}
    assert broken.works(password, request)
    assert len(earlier) == 2
    assert not any(broken.works(each, request) for each in earlier)


# --- the end ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("how", "phase"), [("revoked", "after"), ("expired", "before")])
def test_a_crash_at_any_step_of_the_end_leaves_nothing_and_everyone_is_told(
    broken: Broken, how: str, phase: Phase
) -> None:
    act: Callable[[Broken, str], None] = _revoke if how == "revoked" else _expire
    # She gets no second message about an end of her own.
    expected = ENDING - {"chat.postMessage alice"} if how == "revoked" else ENDING
    steps = _steps(broken, expected, act, prepare=lambda: _granted_with_key(broken))
    for step in steps:
        _dies_while_ending(broken, step, phase, how, act)
    assert len(steps) >= len(expected)


def _granted_with_key(broken: Broken) -> str:
    request = _granted(broken)
    [password] = broken.passwords(broken.stage.alice)
    broken.key(request, password)
    return request


def _dies_while_ending(broken: Broken, step: Step, phase: Phase, how: str, act: Callable[[Broken, str], None]) -> None:
    stage = broken.stage
    stage.workspace.reset()
    request = _granted(broken)
    [password] = broken.passwords(stage.alice)
    key = broken.key(request, password)
    with Watch(broken, step, phase) as watch:
        act(broken, request)
        watch.wait_dead()
    told = dict(broken.rows("SELECT recipient, sent FROM message WHERE request_id = ? AND kind = 'ended'", request))
    restarted = broken.restart()
    broken.settled(request, "cleaned_up")

    assert not broken.works(password, request)
    assert not broken.key_works(key)
    assert broken.in_cluster(request) == (False, False)
    assert broken.passwords(stage.alice) == []
    [text] = broken.messages(stage.alice, f"ACCESS {request} HAS ENDED")[:1]
    assert "The credential was removed from this message" in text
    for person in (stage.bob,) if how == "revoked" else (stage.alice, stage.bob):
        said = [each for each in broken.messages(person, f"ACCESS {request} HAS ENDED") if "is over" in each]
        unknown = 0 if told.get(person.id) else broken.posts(person, f"Access {request} has ended", restarted)
        assert len(said) == 1 + unknown, f"{step} {phase}: {person.name} is told {len(said)} times"
        assert f"Ended: {how}" in said[0]
    for owner in (stage.bob, stage.carol):
        stage.reads(owner, f"REQUEST {request}: APPROVED", f"Ended: {how}")
    assert broken.events(request).count("grant.cleaned_up") == 1


def test_what_expired_while_it_was_being_made_is_never_given(broken: Broken) -> None:
    stage = broken.stage
    request = _asked(broken)
    with Watch(broken, Step("PUT /_security/user", 1), "after") as watch:
        _approve(broken, request)
        watch.wait_dead()
    assert broken.in_cluster(request)[0]
    stage.app.move_clock(HOUR_AND_A_BIT)
    broken.restart()
    broken.settled(request, "cleaned_up")
    assert broken.in_cluster(request) == (False, False)
    assert broken.passwords(stage.alice, ever=True) == []
    assert "grant.active" not in broken.events(request)
    for person in (stage.alice, stage.bob):
        stage.reads(person, f"ACCESS {request} HAS ENDED", "is over", "Ended: expired")


def test_what_expired_while_the_application_was_dead_ends_as_it_starts(broken: Broken) -> None:
    stage = broken.stage
    request = _granted(broken)
    [password] = broken.passwords(stage.alice)
    stage.app.kill()
    stage.app.move_clock(HOUR_AND_A_BIT)
    assert broken.works(password, request), "nothing but the application ends a native user"
    began = time.monotonic()
    stage.app.start(ready=False)
    stage.wait(lambda: not broken.works(password, request), "the end of the password")
    print(f"refused {time.monotonic() - began:.2f} s after the start of the process")
    stage.app.wait_ready()
    broken.settled(request, "cleaned_up")
    assert broken.in_cluster(request) == (False, False)


# --- filing -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("phase", ["before", "after"])
@pytest.mark.parametrize("kind", ["chat.postMessage bob", "chat.postMessage carol", "response_url"])
def test_a_request_that_was_filed_reaches_every_owner(broken: Broken, kind: str, phase: Phase) -> None:
    stage = broken.stage
    with Watch(broken, Step(kind, 1), phase) as watch:
        stage.workspace.command(stage.alice, "/es-access", "logs-* 1h")
        watch.wait_dead()
    sent = dict(broken.rows("SELECT recipient, sent FROM message"))
    restarted = broken.restart()
    [[request]] = broken.rows("SELECT id FROM access_request")
    stage.wait(lambda: not broken.rows("SELECT id FROM message WHERE due_at IS NOT NULL"), "everyone told")
    for owner in (stage.bob, stage.carol):
        unknown = 0 if sent[owner.id] else broken.posts(owner, f"Request {request}", restarted)
        assert len(broken.messages(owner, f"REQUEST {request}")) == 1 + unknown
    _approve(broken, request)
    broken.settled(request, "active")
    assert broken.works(broken.passwords(stage.alice)[0], request)


# --- an orderly stop, and a second process ------------------------------------------------------------------------


def test_sigterm_leaves_slack_and_finishes_what_is_in_hand(broken: Broken) -> None:
    stage = broken.stage
    request = _asked(broken)
    reached, let_go = threading.Event(), threading.Event()

    def hold(asked: ProxyRequest, phase: Phase) -> Verdict:
        if (asked.method, phase) == ("PUT", "before"):
            reached.set()
            assert let_go.wait(20)
        return None

    broken.proxy.hook = hold
    codes: list[int] = []
    stopping = threading.Thread(target=lambda: codes.append(stage.app.stop()))
    try:
        _approve(broken, request)
        assert reached.wait(20)
        stopping.start()
        stage.wait(lambda: stage.workspace.connections == 0, "its leave from Slack")
        assert stopping.is_alive(), "it ended with work in hand"
        assert broken.state(request) == "provisioning"
    finally:
        let_go.set()
        stopping.join()
    assert codes == [0]
    assert broken.state(request) == "active"
    [password] = broken.passwords(stage.alice)
    assert broken.works(password, request)
    assert "Traceback" not in stage.app.log.read_text(encoding="utf-8")


def test_a_second_process_on_one_sqlite_file_refuses_to_start(broken: Broken, tmp_path: Path) -> None:
    stage = broken.stage
    own = tmp_path / "second"
    own.mkdir()
    second = subprocess.run(
        [sys.executable, "-m", "bot", "run"], env={"PATH": os.environ["PATH"]} | stage.app.environment,
        cwd=own, timeout=30, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert second.returncode == 1
    assert f"DATABASE_URL: another es-access runs on {stage.app.directory}/es-access.db" in second.stderr
    assert "Traceback" not in second.stderr
    assert _granted(broken)


# --- steps of the story -------------------------------------------------------------------------------------------


def _asked(broken: Broken) -> str:
    stage = broken.stage
    request = stage.ask("logs-* 1h")
    for owner in (stage.bob, stage.carol):
        stage.approval(owner, request)
    stage.wait(lambda: not broken.rows("SELECT id FROM message WHERE due_at IS NOT NULL"), "quiet")
    return request


def _approve(broken: Broken, request: str) -> None:
    broken.stage.approve(request)


def _granted(broken: Broken) -> str:
    request = _asked(broken)
    _approve(broken, request)
    broken.settled(request, "active")
    return request


def _revoke(broken: Broken, request: str) -> None:
    broken.stage.workspace.command(broken.stage.alice, "/es-access", f"revoke {request}")


def _expire(broken: Broken, _request: str) -> None:
    broken.stage.app.move_clock(HOUR_AND_A_BIT)


def _end(broken: Broken, request: str) -> None:
    _revoke(broken, request)
    broken.settled(request, "cleaned_up")


def _steps(
    broken: Broken,
    expected: set[str],
    act: Callable[[Broken, str], None],
    prepare: Callable[[], str] | None = None,
) -> list[Step]:
    """The calls of an action that runs without a crash."""
    request = prepare() if prepare else _asked(broken)
    with Watch(broken) as watch:
        act(broken, request)
        broken.settled(request, "cleaned_up" if prepare else "active")
    assert expected <= {step.kind for step in watch.steps}, watch.steps
    if not prepare:
        _end(broken, request)
    return watch.steps
