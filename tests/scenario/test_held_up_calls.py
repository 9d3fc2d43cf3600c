"""A call of a dead process is held up until its successor has finished: the shown secret goes on working."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import pytest

from bot.sandbox.fault_proxy import Phase, ProxyRequest, Verdict
from bot.sandbox.node import Node
from tests.nodes import make_visible
from tests.scenario.breaking import Broken, broken_stage
from tests.scenario.kinds import key_of, password_of

REACHED_SECONDS = 20.0
RECONCILE_SECONDS = 11 * 60.0
"""Longer than the interval of reconciliations, and than it takes a new user to settle."""

CREATION, PASSWORD, GRANTING = ("PUT", "/_security/user/"), ("PUT", "/_password"), ("POST", "/_security/api_key/grant")


@dataclass
class HeldUp:
    """Holds up the first call of that method with that text in its path; it then takes effect when it is let go."""

    broken: Broken
    call: tuple[str, str]
    thread: int = 0
    _reached: threading.Event = field(default_factory=threading.Event)
    _let_go: threading.Event = field(default_factory=threading.Event)
    _done: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self.broken.proxy.hook = self._judge
        return self

    def __exit__(self, *_error: object) -> None:
        self._let_go.set()
        self.broken.proxy.hook = None

    def _judge(self, request: ProxyRequest, phase: Phase) -> Verdict:
        method, part = self.call
        if phase == "after" and self.thread == threading.get_ident():
            self._done.set()
        if self.thread or phase == "after" or request.method != method or part not in request.path:
            return None
        self.thread = threading.get_ident()
        self._reached.set()
        self._let_go.wait()
        return None

    def wait_reached(self) -> None:
        assert self._reached.wait(REACHED_SECONDS), f"{self.call} did not come"

    def let_go(self) -> None:
        """Lets the call take effect, which a search then sees."""
        self._let_go.set()
        assert self._done.wait(REACHED_SECONDS), "it did not reach the cluster"
        make_visible(self.broken.stage.node)


@pytest.fixture
def broken(node: Node, tmp_path: Path) -> Iterator[Broken]:
    with broken_stage(node, tmp_path) as ready:
        ready.restart()
        yield ready


def approved(broken: Broken, words: str = "") -> str:
    request = broken.stage.ask(f"logs-* 1h {words}".strip())
    broken.stage.approve(request)
    return request


def granted(broken: Broken, words: str = "") -> str:
    request = approved(broken, words)
    broken.done(request)
    return request


def ended(broken: Broken, request: str) -> None:
    broken.stage.say(broken.stage.alice, f"revoke {request}")
    broken.settled(request, "cleaned_up")
    broken.stage.nothing_is_left()


def shown(broken: Broken, request: str, kind: str) -> bool:
    return (key_of if kind == "key" else password_of)(broken.stage, request).works


def swept(broken: Broken, request: str) -> None:
    """One reconciliation removes what the late call made, and nothing else."""
    [[attempt]] = broken.rows("SELECT attempt_in_use FROM access_grant WHERE id = ?", request)
    assert attempt == 2
    broken.stage.app.move_clock(RECONCILE_SECONDS)
    removed = "grant.earlier_attempt_removed"
    broken.stage.wait(lambda: removed in broken.events(request), "the end of what the late call made")
    assert _only_the_name_in_use(broken, request)


def _only_the_name_in_use(broken: Broken, request: str) -> bool:
    return not broken.stage.made() & set(broken.usernames(request)[1:])


def done_before_it(broken: Broken, kind: str, call: tuple[str, str], begin: Callable[[], str]) -> str:
    """Holds up a call of what `begin` starts, whose process dies; another does it anew. Then the call goes through."""
    with HeldUp(broken, call) as held:
        request = begin()
        held.wait_reached()
        broken.stage.app.kill()
        broken.restart()
        broken.done(request)
        assert shown(broken, request, kind)
        held.let_go()
        assert shown(broken, request, kind), "a call of a dead process won"
    return request


@pytest.mark.parametrize(
    ("kind", "call"),
    [("password", CREATION), ("key", CREATION), ("key", GRANTING)],
    ids=["password", "key", "granting"],
)
def test_a_held_up_call_of_an_approval_does_not_win(broken: Broken, kind: str, call: tuple[str, str]) -> None:
    request = done_before_it(broken, kind, call, lambda: approved(broken, "--key" if kind == "key" else ""))
    if call is CREATION:
        swept(broken, request)
        assert shown(broken, request, kind)
    ended(broken, request)


@pytest.mark.parametrize(("kind", "call"), [("password", PASSWORD), ("key", CREATION)], ids=["password", "key"])
def test_a_held_up_call_of_a_reset_does_not_win(broken: Broken, kind: str, call: tuple[str, str]) -> None:
    request = granted(broken, "--key" if kind == "key" else "")

    def reset() -> str:
        broken.stage.say(broken.stage.alice, f"reset {request}")
        return request

    done_before_it(broken, kind, call, reset)
    if kind == "key":
        swept(broken, request)
    else:
        assert _only_the_name_in_use(broken, request), "the user of before is gone"
    ended(broken, request)


def test_a_held_up_call_of_an_extension_does_not_set_the_end_back(broken: Broken) -> None:
    request = granted(broken)

    with HeldUp(broken, CREATION) as held:
        extend(broken, request)
        held.wait_reached()
        broken.stage.app.kill()
        broken.restart()
        extended(broken, request, 1)
        extend(broken, request)
        extended(broken, request, 2)
        assert end_in_cluster(broken, request) == end_here(broken, request)
        held.let_go()
        assert end_in_cluster(broken, request) < end_here(broken, request)
    broken.stage.app.move_clock(RECONCILE_SECONDS)
    broken.stage.wait(lambda: end_in_cluster(broken, request) == end_here(broken, request), "its end in the cluster")
    assert shown(broken, request, "password")
    ended(broken, request)


def extend(broken: Broken, request: str) -> None:
    broken.stage.approve(broken.stage.ask(f"extend {request} 1h"))


def extended(broken: Broken, request: str, times: int) -> None:
    query = "SELECT id FROM access_grant WHERE id = ? AND extensions = ? AND task IS NULL AND claimed_by IS NULL"
    broken.stage.wait(lambda: broken.rows(query, request, times), f"extension {times}")
    broken.done(request)


def end_in_cluster(broken: Broken, request: str) -> datetime:
    name = f"es-access-{request.removeprefix('REQ-').lower()}"
    user = broken.stage.node.client().security.get_user(username=name)[name]
    return datetime.fromisoformat(user["metadata"]["es_access"]["expires_at"])


def end_here(broken: Broken, request: str) -> datetime:
    [[expires]] = broken.rows("SELECT expires_at FROM access_grant WHERE id = ?", request)
    return datetime.fromisoformat(expires).replace(tzinfo=UTC)


@pytest.mark.parametrize("begin", [approved, granted], ids=["approval", "reset"])
def test_a_call_that_timed_out_does_not_win_against_the_same_process(
    broken: Broken, begin: Callable[[Broken], str]
) -> None:
    request = begin(broken) if begin is granted else ""
    with HeldUp(broken, PASSWORD if request else CREATION) as held:
        if request:
            broken.stage.say(broken.stage.alice, f"reset {request}")
        else:
            request = approved(broken)
        held.wait_reached()
        broken.stage.wait(lambda: _second_attempt(broken, request), "the end of the call's time")
        broken.done(request)
        assert shown(broken, request, "password")
        held.let_go()
        assert shown(broken, request, "password"), "a call that timed out won"
    ended(broken, request)


def _second_attempt(broken: Broken, request: str) -> bool:
    return bool(broken.rows("SELECT id FROM access_grant WHERE id = ? AND attempt = 2", request))
