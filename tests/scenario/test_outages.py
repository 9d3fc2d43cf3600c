"""Elasticsearch or Slack is away, slow or confused: nobody gets too much, and everyone is notified in the end."""

import itertools
import json
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, Literal

import pytest

from bot.sandbox.fault_proxy import (
    PRODUCT,
    CutConnection,
    HalfAnswer,
    Phase,
    ProxyAnswer,
    ProxyRequest,
    Verdict,
    failure,
)
from bot.sandbox.node import Node
from tests.scenario.breaking import Broken, broken_stage, username
from tests.stage import set_stage

HOUR_AND_A_BIT = 3601

CLAIMED_AGAIN = "SELECT id FROM access_grant WHERE id = ? AND claimed_until > datetime('now', '+60 seconds')"
"""Finds the grant once its claim is renewed by the jumped clock."""

LONGEST_PAUSE = 76
"""Seconds: a minute and its jitter, after which any attempt is due again."""

ONCE: list[tuple[Phase, Verdict]] = [
    ("before", CutConnection()), ("after", CutConnection()), ("after", HalfAnswer()),
    ("before", failure(500)), ("before", failure(503)), ("before", failure(429, retry_after=1)),
    ("before", ProxyAnswer(404, b"no backend", (("Content-Type", "text/plain"),))),
    ("before", ProxyAnswer(200, b"<html>sign in</html>", (("Content-Type", "text/html"),))),
]  # fmt: skip
"""Faults of one call."""

LOST = 3
"""The first of them lose the call or its answer; the others are similar answers, tried on one call only."""


@pytest.fixture
def broken(node: Node, tmp_path: Path) -> Iterator[Broken]:
    with broken_stage(node, tmp_path) as ready:
        ready.restart()
        try:
            yield ready
        finally:
            ready.proxy.hook = None
            if node.pid is None:  # others use it too
                node.restart()


class Fails:
    """A hook that gives requests of one kind a verdict, `times` times (`None`: always)."""

    def __init__(self, method: str, kind: str, phase: Phase, verdict: Verdict, times: int | None = 1) -> None:
        self._fits = (method, phase)
        self._path = f"/_security/{kind}"
        self._verdict = verdict
        self._left = times
        self.hits = 0

    def __call__(self, request: ProxyRequest, phase: Phase) -> Verdict:
        if (request.method, phase) != self._fits or not request.path.startswith(self._path) or self._left == 0:
            return None
        self._left = None if self._left is None else self._left - 1
        self.hits += 1
        return self._verdict


# --- Elasticsearch ------------------------------------------------------------------------------------------------


def test_while_the_node_is_down_the_requester_waits_is_told_once_and_then_gets_a_credential(broken: Broken) -> None:
    stage = broken.stage
    request = _asked(broken)
    stage.node.kill()
    stage.approve(request)
    _attempts(broken, request, 4)
    stage.reads(stage.alice, f"ACCESS {request} IS DELAYED", "does not answer. I keep trying")
    assert broken.passwords(stage.alice, ever=True) == []
    stage.node.restart()
    stage.app.move_clock(LONGEST_PAUSE)
    broken.settled(request, "active")
    assert broken.works(broken.passwords(stage.alice)[0], request)
    assert len(broken.messages(stage.alice, f"ACCESS {request} IS DELAYED")) == 1


def test_while_the_node_is_down_at_expiry_owners_are_told_what_to_do_and_it_ends_when_it_returns(
    broken: Broken,
) -> None:
    stage = broken.stage
    request = _granted(broken)
    [password] = broken.passwords(stage.alice)
    stage.node.kill()
    stage.app.move_clock(HOUR_AND_A_BIT)
    _attempts(broken, request, 2)
    assert not broken.messages(stage.bob, f"ACCESS {request} COULD NOT BE ENDED")
    _attempts(broken, request, 3)
    name = username(request)
    for owner in (stage.bob, stage.carol):
        stage.reads(
            owner, f"ACCESS {request} COULD NOT BE ENDED", "cannot confirm", f"DELETE /_security/user/{name}",
            f'DELETE /_security/api_key\n{{"username": "{name}"}}', f"DELETE /_security/role/{name}",
        )  # fmt: skip
    assert broken.state(request) == "revocation_failed"
    assert not any("is over" in text for text in stage.texts(stage.alice))

    stage.node.restart()
    assert broken.works(password, request)
    stage.app.move_clock(LONGEST_PAUSE)
    broken.settled(request, "cleaned_up")
    assert not broken.works(password, request)
    assert broken.passwords(stage.alice) == []
    for person in (stage.alice, stage.bob):
        stage.reads(person, f"ACCESS {request} HAS ENDED", "is over", "Ended: expired")
    for owner in (stage.bob, stage.carol):
        stage.reads(owner, f"ACCESS {request} HAS ENDED AFTER ALL", "Ended: expired")
        assert not broken.messages(owner, f"ACCESS {request} COULD NOT BE ENDED")


@pytest.mark.parametrize(("kind", "happens"), [("user", ONCE), ("role", ONCE[:LOST])])
def test_whatever_happens_to_one_call_while_making_it_a_credential_comes(
    broken: Broken, kind: str, happens: list[tuple[Phase, Verdict]]
) -> None:
    stage = broken.stage
    for phase, verdict in happens:
        request = _asked(broken)
        broken.proxy.hook = fails = Fails("PUT", kind, phase, verdict)
        stage.approve(request)
        broken.settled(request, "active")
        assert fails.hits == 1
        _is_one_credential_that_works(broken, request)
        assert broken.events(request).count("grant.provisioning_delayed") == 1, (phase, verdict)
        _revoked(broken, request)


@pytest.mark.parametrize(("kind", "happens"), [("user", ONCE), ("api_key", ONCE[:LOST]), ("role", ONCE[:LOST])])
def test_whatever_happens_to_one_call_while_ending_it_nothing_is_left(
    broken: Broken, kind: str, happens: list[tuple[Phase, Verdict]]
) -> None:
    stage = broken.stage
    for phase, verdict in happens:
        request = _granted(broken)
        [password] = broken.passwords(stage.alice)
        key = broken.key(request, password)
        broken.proxy.hook = fails = Fails("DELETE", kind, phase, verdict)
        _revoked(broken, request)
        assert fails.hits == 1
        assert not broken.works(password, request)
        assert not broken.key_works(key)
        assert broken.in_cluster(request) == (False, False)
        for person, times in ((stage.alice, 0), (stage.bob, 1)):  # she ended it herself
            said = [text for text in broken.messages(person, f"ACCESS {request} HAS ENDED") if "is over" in text]
            assert len(said) == times


def test_elasticsearch_is_left_alone_for_as_long_as_it_asks(broken: Broken) -> None:
    stage = broken.stage
    request = _asked(broken)
    broken.proxy.hook = Fails("PUT", "user", "before", failure(429, retry_after=120))
    stage.approve(request)
    stage.wait(lambda: broken.events(request).count("grant.provisioning_delayed") == 1, "the first failure")
    stage.app.move_clock(110)
    seen = len(broken.proxy.log)
    # Another request completes meanwhile, so the workers have looked again.
    broken.settled(_granted(broken, "metrics-cpu 1h"), "active")
    assert username(request) not in str(broken.proxy.log[seen:])
    stage.app.move_clock(15)
    broken.settled(request, "active")
    _is_one_credential_that_works(broken, request)


def test_half_of_it_for_the_whole_hour_ends_with_nothing_and_everyone_is_told(broken: Broken) -> None:
    stage = broken.stage
    request = _asked(broken)
    broken.proxy.hook = Fails("PUT", "user", "before", failure(503), times=None)
    stage.approve(request)
    _attempts(broken, request, 4)
    assert broken.in_cluster(request) == (False, True)
    stage.app.move_clock(HOUR_AND_A_BIT)
    broken.settled(request, "cleaned_up")
    assert broken.in_cluster(request) == (False, False)
    assert broken.passwords(stage.alice, ever=True) == []
    assert len(broken.messages(stage.alice, f"ACCESS {request} IS DELAYED")) == 1
    for person in (stage.alice, stage.bob):
        stage.reads(person, f"ACCESS {request} HAS ENDED", "is over", "Ended: expired")


def test_what_elasticsearch_refuses_is_undone_and_owners_hear_it(broken: Broken) -> None:
    stage = broken.stage
    request = _asked(broken)
    body = json.dumps({"error": {"type": "validation_exception", "reason": "because"}, "status": 400}).encode()
    refusal = ProxyAnswer(400, body, (("Content-Type", "application/json"), PRODUCT))
    broken.proxy.hook = fails = Fails("PUT", "user", "before", refusal, times=2)
    stage.approve(request)
    broken.settled(request, "cleaned_up")
    assert fails.hits == 2, "with a hash, and with the password"
    assert broken.in_cluster(request) == (False, False)
    for owner in (stage.bob, stage.carol):
        stage.reads(owner, f"ACCESS {request} FAILED", "could not be created", "bot check")
    stage.reads(stage.alice, f"ACCESS {request} HAS ENDED", "is over", "could not be created")


def test_a_clock_that_jumps_while_a_credential_is_made_does_not_make_it_twice(broken: Broken) -> None:
    stage = broken.stage
    request = _asked(broken)
    let_go = threading.Event()

    def hold(asked: ProxyRequest, phase: Phase) -> Verdict:
        if (asked.method, phase) == ("PUT", "before"):
            assert let_go.wait(20)
        return None

    broken.proxy.hook = hold
    made = ProxyRequest("PUT", f"/_security/user/{username(request)}")
    stage.approve(request)
    try:
        stage.wait(lambda: made in broken.proxy.log, "the user being made")
        stage.app.move_clock(LONGEST_PAUSE)  # as when a machine wakes up: the claim has lapsed
        # Another request goes all the way to the owners, so there was time to take the same grant again.
        _asked(broken, "metrics-cpu 1h")
        stage.wait(lambda: broken.rows(CLAIMED_AGAIN, request), "the claim held anew")
    finally:
        let_go.set()
    broken.settled(request, "active")
    assert broken.proxy.log.count(made) == 1
    _is_one_credential_that_works(broken, request)


# --- Slack --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["chat.postMessage", "chat.update"])
def test_whatever_slack_makes_of_the_delivery_there_is_one_credential(broken: Broken, method: str) -> None:
    stage = broken.stage
    channels = {stage.alice.id, stage.workspace.direct_message(stage.alice).id}
    answers: list[Any] = [429, 500, "nothing", "garbage", "half"]
    for answer, taken in itertools.product(answers, (False, True)):
        request = _asked(broken)
        fault = stage.workspace.faults.add(
            method, answer, after=taken, when=lambda payload: payload["channel"] in channels
        )
        stage.approve(request)
        broken.settled(request, "active")
        assert fault.hits == 1
        _is_one_credential_that_works(broken, request)
        # A post that Slack accepted without confirming stands beside the valid one, and has no secret.
        lost = int(method == "chat.postMessage" and taken)
        assert len(broken.messages(stage.alice, f"ACCESS {request} APPROVED")) == lost
        _revoked(broken, request)


def test_slack_is_left_alone_for_as_long_as_it_asks(broken: Broken) -> None:
    stage = broken.stage
    request = _asked(broken)
    stage.workspace.faults.add("chat.update", 429, retry_after=120, when=_holds_password)
    stage.approve(request)
    stage.wait(lambda: broken.events(request).count("grant.provisioning_delayed") == 1, "the first failure")
    stage.app.move_clock(110)
    broken.settled(_granted(broken, "metrics-cpu 1h"), "active")
    assert len([call for call in stage.workspace.calls("chat.update") if _holds_password(call.payload)]) == 2
    stage.app.move_clock(15)
    broken.settled(request, "active")
    assert len(broken.messages(stage.alice, f"ACCESS {request}")) == 1


def test_while_slack_is_down_access_ends_all_the_same_and_everyone_hears_later(broken: Broken) -> None:
    stage = broken.stage
    request = _granted(broken)
    [password] = broken.passwords(stage.alice)
    for method in ("chat.postMessage", "chat.update"):
        stage.workspace.faults.add(method, 500, times=None)
    stage.app.move_clock(HOUR_AND_A_BIT)
    stage.wait(lambda: not broken.works(password, request), "the end of the password")
    stage.wait(lambda: broken.state(request) == "cleaned_up", "the end")
    assert broken.passwords(stage.alice) == [password]
    stage.workspace.faults.clear()
    stage.app.move_clock(6 * 60)
    broken.settled(request, "cleaned_up")
    assert broken.passwords(stage.alice) == []
    for person in (stage.alice, stage.bob):
        said = [text for text in broken.messages(person, f"ACCESS {request} HAS ENDED") if "is over" in text]
        assert len(said) == 1


def test_a_requester_who_cannot_be_reached_gets_nothing_and_owners_hear_it(broken: Broken) -> None:
    stage = broken.stage
    request = _asked(broken)
    stage.workspace.deactivate(stage.alice)
    stage.approve(request)
    broken.settled(request, "cleaned_up")
    assert broken.in_cluster(request) == (False, False)
    for owner in (stage.bob, stage.carol):
        stage.reads(owner, f"ACCESS {request} FAILED", "could not be delivered")
    assert broken.passwords(stage.alice, ever=True) == []


def test_with_direct_messages_turned_off_access_is_ended_and_the_owners_copies_say_so(broken: Broken) -> None:
    stage = broken.stage
    request = _asked(broken)
    stage.workspace.set_messages_tab(enabled=False)
    stage.approve(request)
    broken.settled(request, "cleaned_up")
    assert broken.in_cluster(request) == (False, False)
    for owner in (stage.bob, stage.carol):
        stage.reads(owner, f"REQUEST {request}: APPROVED", "Ended: could not be delivered")
    assert "message.refused" in broken.events(request)


def test_while_direct_messages_are_off_nothing_is_filed_and_the_person_reads_why_where_they_typed(
    broken: Broken,
) -> None:
    stage = broken.stage
    stage.workspace.set_messages_tab(enabled=False)
    began = time.monotonic()
    request = stage.ask("logs-* 1h")
    stage.hears(stage.alice, f"Request {request} was cancelled: Slack took no message to any of its owners")
    print(f"told after {time.monotonic() - began:.2f} s")
    said = stage.say(stage.alice, "logs-* 1h")
    assert "Nothing was filed" in said
    assert "App Home > Show Tabs" in said
    stage.workspace.set_messages_tab(enabled=True)
    request = stage.ask("logs-* 1h")
    stage.reads(stage.alice, "I can send you direct messages again")
    for owner in (stage.bob, stage.carol):
        stage.approval(owner, request)


@pytest.mark.parametrize("answer", [503, "nothing", "hang", "garbage", "token_revoked"])
def test_a_start_without_slack_ends_what_has_expired_and_joins_slack_when_it_returns(
    broken: Broken, answer: Any
) -> None:
    stage = broken.stage
    request = _granted(broken)
    [password] = broken.passwords(stage.alice)
    stage.app.kill()
    stage.app.move_clock(HOUR_AND_A_BIT)
    stage.workspace.faults.add("*", answer, times=None)
    began = time.monotonic()
    stage.app.start(ready=False)
    stage.wait(lambda: not broken.works(password, request), "the end of the password")
    print(f"refused {time.monotonic() - began:.2f} s after the start of the process")
    stage.wait(lambda: broken.state(request) == "cleaned_up", "the end")
    assert stage.workspace.connections == 0
    stage.workspace.faults.clear()
    stage.app.wait_ready()
    stage.app.move_clock(6 * 60)
    broken.settled(request, "cleaned_up")
    stage.reads(stage.alice, f"ACCESS {request} HAS ENDED", "is over", "Ended: expired")
    assert broken.passwords(stage.alice) == []
    assert _granted(broken)


# --- steps of the story -------------------------------------------------------------------------------------------


def _asked(broken: Broken, text: str = "logs-* 1h") -> str:
    stage = broken.stage
    request = stage.ask(text)
    for owner in (stage.bob, stage.carol):
        stage.approval(owner, request)
    return request


def _granted(broken: Broken, text: str = "logs-* 1h") -> str:
    request = _asked(broken, text)
    broken.stage.approve(request)
    broken.stage.wait(lambda: broken.state(request) == "active", f"{request} active")
    return request


def _revoked(broken: Broken, request: str) -> None:
    broken.stage.workspace.command(broken.stage.alice, "/es-access", f"revoke {request}")
    broken.settled(request, "cleaned_up")


def _attempts(broken: Broken, grant: str, number: int) -> None:
    """Waits until that many attempts have failed, each made due by moving the clock rather than by waiting."""
    query = "SELECT id FROM access_grant WHERE id = ? AND claimed_by IS NULL AND attempts >= ?"
    for made in range(1, number + 1):
        broken.stage.wait(partial(broken.rows, query, grant, made), f"{made} failed attempts")
        if made < number:
            broken.stage.app.move_clock(LONGEST_PAUSE)


def _is_one_credential_that_works(broken: Broken, request: str) -> None:
    """Checks that exactly one message shows a password, that it works, and that no earlier one does."""
    [text] = broken.messages(broken.stage.alice, f"ACCESS {request}")
    secret = broken.stage.secret(request)
    assert secret.password in text
    assert broken.works(secret.password, request)
    ours = [each for each in broken.passwords(broken.stage.alice, ever=True) if each != secret.password]
    assert not any(broken.works(each, request) for each in set(ours))


def _holds_password(payload: dict[str, object]) -> bool:
    return "Password: " in json.dumps(payload["blocks"])


@pytest.mark.parametrize("answer", [500, "nothing", "garbage", "half"])
def test_slack_that_goes_away_in_the_middle_of_a_start_does_not_end_it(
    node: Node, tmp_path: Path, answer: Literal[500, "nothing", "garbage", "half"]
) -> None:
    with ExitStack() as stack:
        stage = set_stage(node, tmp_path, stack)
        asked = itertools.count()
        stage.workspace.faults.add("auth.test", answer, when=lambda _: next(asked) == 1)
        stage.app.start()
        assert next(asked) > 1, "it was asked a second time, and that failed"
        _, secret = stage.granted("logs-web 1h")
        assert stage.search(secret, "logs-web") == 200
