"""Every call in a key's life fails in turn: at most one key is alive, and none after the grant's end."""

import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import pytest

from bot.sandbox.fault_proxy import CutConnection, Phase, ProxyRequest, Verdict, failure
from bot.sandbox.node import Node
from tests.scenario.breaking import Broken, Step, Watch, broken_stage
from tests.scenario.kinds import (
    Shown,
    ever,
    granted_key,
    key_of,
    live_keys,
    message_of,
    messages_of,
    press,
    read_key,
    user_or_role,
    window,
)

MAKING = {
    "GET /_security/user", "GET /_security/role", "DELETE /_security/api_key", "PUT /_security/role",
    "PUT /_security/user", "POST /_security/api_key", "DELETE /_security/user", "DELETE /_security/role",
}  # fmt: skip
"""Kinds of calls that make the first key of a grant."""

REPLACING = MAKING | {"GET /_security/api_key"}
"""Kinds of calls that replace a key: the previous keys are searched once the new one is delivered."""

ENDING = {
    "GET /_security/user", "GET /_security/role", "DELETE /_security/user", "GET /_security/api_key",
    "DELETE /_security/api_key",
}  # fmt: skip

PHASES: tuple[Phase, ...] = ("before", "after")


@pytest.fixture
def broken(node: Node, tmp_path: Path) -> Iterator[Broken]:
    """A running stage behind a proxy."""
    with broken_stage(node, tmp_path) as ready:
        ready.restart()
        yield ready


@dataclass
class Breaking:
    """Observes every call to the cluster, and breaks one of them, or each of its kind."""

    broken: Broken
    step: Step | None = None
    phase: Phase = "before"
    verdict: Verdict = CutConnection()  # noqa: RUF009 (it holds nothing)
    always: bool = False
    steps: list[Step] = field(default_factory=list)
    struck: threading.Event = field(default_factory=threading.Event)
    _seen: Counter[str] = field(default_factory=Counter)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> Self:
        self.broken.proxy.hook = self._judge
        return self

    def __exit__(self, *_error: object) -> None:
        self.broken.proxy.hook = None

    def _judge(self, request: ProxyRequest, phase: Phase) -> Verdict:
        kind = f"{request.method} {'/'.join(request.path.split('/')[:3])}"
        with self._guard:
            if phase == "before":
                self._seen[kind] += 1
                self.steps.append(Step(kind, self._seen[kind]))
            meant = self.step is not None and self.step.kind == kind and phase == self.phase
            if not meant or self.step is None:
                return None
            if not self.always and (self.struck.is_set() or self._seen[kind] != self.step.nth):
                return None
            self.struck.set()
            return self.verdict

    def strikes(self) -> None:
        """Waits until a call was broken."""
        assert self.struck.wait(15), f"{self.step} did not come: {self.steps}"


def steps_of(broken: Broken, kinds: set[str], act: Callable[[], object]) -> Sequence[Step]:
    """The calls to the cluster that an action makes if nothing breaks."""
    with Breaking(broken) as seen:
        act()
    steps = [step for step in dict.fromkeys(seen.steps) if step.kind in kinds]
    assert {step.kind for step in steps} == kinds, steps
    return steps


def asked(broken: Broken) -> str:
    """Requests a key, and waits until every owner is asked."""
    request = broken.stage.ask("logs-* 1h --key")
    for owner in (broken.stage.bob, broken.stage.carol):
        broken.stage.approval(owner, request)
    return request


def one_key(broken: Broken, request: str) -> Shown:
    """Checks that the shown key is the only live one, and that its helper user and role are gone."""
    key = key_of(broken.stage, request)
    assert key.works
    assert len(live_keys(broken.stage.node, request)) == 1
    assert user_or_role(broken.stage.node, request) == []
    for earlier in shown_ever(broken, request) - {key.secret}:
        assert not Shown(earlier, key.line.replace(key.secret, earlier)).works
    return key


def shown_ever(broken: Broken, request: str) -> set[str]:
    """Every key that the message of that access has ever shown."""
    held = [ever(message) for message in messages_of(broken.stage, request)]
    return set(re.findall(r"Authorization: ApiKey ([A-Za-z0-9+/=]+)", str(held)))


def nothing_after_its_end(broken: Broken, request: str) -> None:
    """Revokes it, and checks that the cluster keeps nothing of it."""
    shown = shown_ever(broken, request)
    broken.stage.say(broken.stage.alice, f"revoke {request}")
    broken.settled(request, "cleaned_up")
    assert live_keys(broken.stage.node, request) == []
    assert user_or_role(broken.stage.node, request) == []
    assert not [each for each in broken.stage.texts(broken.stage.alice) if read_key(each)]
    for secret in shown:
        assert not broken.key_works(secret)


@pytest.mark.parametrize("verdict", [CutConnection(), failure(503)], ids=["cut", "503"])
def test_any_call_that_breaks_while_a_key_is_made_leaves_one_key(broken: Broken, verdict: Verdict) -> None:
    steps = steps_of(broken, MAKING, lambda: broken.done(granted_key(broken.stage)[0]))
    for phase in PHASES:
        for step in steps:
            broken.stage.workspace.reset()
            request = asked(broken)
            with Breaking(broken, step, phase, verdict) as breaking:
                broken.stage.approve(request)
                breaking.strikes()
                broken.done(request)
            one_key(broken, request)
            nothing_after_its_end(broken, request)


@pytest.mark.parametrize("phase", PHASES)
def test_a_key_that_is_never_made_leaves_nothing_when_it_is_taken_back(broken: Broken, phase: Phase) -> None:
    steps = steps_of(broken, MAKING, lambda: broken.done(granted_key(broken.stage)[0]))
    for step in steps:
        broken.stage.workspace.reset()
        request = asked(broken)
        with Breaking(broken, step, phase, always=True) as breaking:
            broken.stage.approve(request)
            breaking.strikes()
            assert "is being ended" in broken.stage.say(broken.stage.alice, f"revoke {request}")
        broken.settled(request, "cleaned_up")
        assert live_keys(broken.stage.node, request) == [], f"{step} {phase}"
        assert user_or_role(broken.stage.node, request) == [], f"{step} {phase}"


@pytest.mark.parametrize("phase", PHASES)
def test_a_crash_at_any_call_while_a_key_is_made_leaves_one_key(broken: Broken, phase: Phase) -> None:
    with Watch(broken) as watch:
        broken.done(granted_key(broken.stage)[0])
    kinds = MAKING | {"chat.update alice", "chat.postMessage alice"}
    steps = [step for step in dict.fromkeys(watch.steps) if step.kind in kinds]
    assert {step.kind for step in steps} == kinds
    for step in steps:
        broken.stage.workspace.reset()
        request = asked(broken)
        with Watch(broken, step, phase) as killing:
            broken.stage.approve(request)
            killing.wait_dead()
        broken.restart()
        broken.done(request)
        one_key(broken, request)
        nothing_after_its_end(broken, request)


@pytest.mark.parametrize("how", ["reset", "extend"])
def test_any_call_that_breaks_while_a_key_is_replaced_leaves_the_new_one_alone(broken: Broken, how: str) -> None:
    def replace(request: str) -> None:
        if how == "reset":
            broken.stage.say(broken.stage.alice, f"reset {request}")
        else:
            broken.stage.approve(broken.stage.ask(f"extend {request} 1h"))

    first, old = granted_key(broken.stage)
    broken.done(first)

    def undisturbed() -> None:
        replace(first)
        key_of(broken.stage, first, but=old.secret)
        broken.done(first)

    steps = steps_of(broken, REPLACING, undisturbed)
    for phase in PHASES:
        for step in steps:
            broken.stage.workspace.reset()
            request, before = granted_key(broken.stage)
            broken.done(request)
            with Breaking(broken, step, phase) as breaking:
                replace(request)
                breaking.strikes()
                broken.done(request)
            assert one_key(broken, request).secret != before.secret
            nothing_after_its_end(broken, request)


@pytest.mark.parametrize("phase", PHASES)
def test_any_call_that_breaks_at_the_end_of_a_key_delays_it_and_no_more(broken: Broken, phase: Phase) -> None:
    first, _ = granted_key(broken.stage)
    broken.done(first)

    def end() -> None:
        broken.stage.say(broken.stage.alice, f"revoke {first}")
        broken.settled(first, "cleaned_up")

    for step in steps_of(broken, ENDING, end):
        broken.stage.workspace.reset()
        request, key = granted_key(broken.stage)
        broken.done(request)
        with Breaking(broken, step, phase) as breaking:
            broken.stage.say(broken.stage.alice, f"revoke {request}")
            breaking.strikes()
            broken.settled(request, "cleaned_up")
        assert not key.works, f"{step} {phase}"
        assert live_keys(broken.stage.node, request) == []
        broken.stage.reads(
            broken.stage.alice, f"ACCESS {request} HAS ENDED", "The key has ended, read back from the cluster"
        )


@pytest.mark.parametrize("phase", PHASES)
def test_any_call_that_breaks_in_a_reveal_is_told_and_the_next_one_shows_the_only_key(
    node: Node, tmp_path: Path, phase: Phase
) -> None:
    with broken_stage(node, tmp_path) as broken:
        flows = "access_flows:\n  - {name: everyone, owners: integration, delivery: reveal}\n"
        reveals_by_policy(broken, flows)
        broken.restart()
        stage = broken.stage

        def revealed() -> Shown:
            press(stage, request, "Reveal")
            shown = stage.wait(lambda: read_key(stage.workspace.render(window(stage, ""), stage.alice)), "the key")
            stage.workspace.close_view(stage.alice, window(stage, ""))
            return shown

        request = stage.ask("logs-* 1h --key")
        stage.approve(request)
        message_of(stage, request, "[ Reveal ]")
        keys: list[Shown] = [revealed()]
        for step in steps_of(broken, REPLACING, lambda: keys.append(revealed())):
            with Breaking(broken, step, phase) as breaking:
                press(stage, request, "Reveal")
                breaking.strikes()
                window(stage, "so I could not do that")
            stage.workspace.close_view(stage.alice, window(stage, ""))
            keys.append(revealed())
            assert keys[-1].works, f"{step} {phase}"
            assert len(live_keys(node, request)) == 1
            assert user_or_role(node, request) == []
        assert not any(each.works for each in keys[:-1])
        press(stage, request, "Revoke now")
        broken.settled(request, "cleaned_up")
        assert live_keys(node, request) == []
        assert user_or_role(node, request) == []
        assert not keys[-1].works


def reveals_by_policy(broken: Broken, flows: str) -> None:
    """Configures a stage that is not started with these access flows instead of variables."""
    environment = broken.stage.app.environment
    password, owner = environment.pop("ELASTICSEARCH_PASSWORD"), environment.pop("INTEGRATION_OWNER")
    config = broken.stage.app.access_config
    config.write_text(
        f"""
integrations:
  - name: elasticsearch
    url: {environment.pop("ELASTICSEARCH_URL")}
    username: {environment.pop("ELASTICSEARCH_USERNAME")}
    password: env:CONNECTOR_PASSWORD
    owner: "{owner}"
{flows}""",
        encoding="utf-8",
    )
    environment |= {"ACCESS_CONFIG": str(config), "CONNECTOR_PASSWORD": password}
