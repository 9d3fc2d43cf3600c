"""Reveal: a click creates the secret, and a window shows it once and nowhere else."""

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from bot.sandbox.fault_proxy import CutConnection, FaultProxy, Phase, ProxyRequest, Verdict
from bot.sandbox.node import Node
from bot.sandbox.workspace import User
from tests.scenario.kinds import (
    OK,
    UNAUTHORIZED,
    Shown,
    ever,
    live_keys,
    message_of,
    press,
    read_key,
    read_password,
    user_or_role,
    username,
    window,
    window_text,
)
from tests.stage import Stage, set_stage

FLOWS = "access_flows:\n  - {name: everyone, owners: integration, delivery: reveal}\n"

ONCE = "It is shown once, here. It replaces what you revealed before, and each Reveal replaces it."


@pytest.fixture(params=["socket", "http"])
def stage(request: pytest.FixtureRequest, node: Node, tmp_path: Path) -> Iterator[Stage]:
    """A running stage in each delivery mode, with delivery by reveal."""
    with ExitStack() as stack:
        ready = set_stage(node, tmp_path, stack, http=request.param == "http", policy=lambda _: FLOWS)
        ready.app.start()
        yield ready


class Behind:
    """A stage whose application reaches the node through a proxy."""

    def __init__(self, stage: Stage, proxy: FaultProxy) -> None:
        self.stage = stage
        self.proxy = proxy

    def breaks(self, verdict: Callable[[ProxyRequest, Phase], Verdict]) -> None:
        """Sets the hook for each call from now on."""
        self.proxy.hook = verdict


@pytest.fixture
def behind(node: Node, tmp_path: Path) -> Iterator[Behind]:
    with ExitStack() as stack:
        proxy = stack.enter_context(FaultProxy(node.url))
        ready = set_stage(node, tmp_path, stack, policy=lambda _: FLOWS)
        config = ready.app.access_config
        config.write_text(config.read_text(encoding="utf-8").replace(node.url, proxy.url), encoding="utf-8")
        ready.app.start()
        yield Behind(ready, proxy)


def ready(stage: Stage, text: str = "logs-* 1h") -> str:
    """An approved access that is not yet revealed."""
    request = stage.ask(text)
    stage.approve(request, stage.bob)
    message_of(stage, request, "[ Reveal ]")
    return request


def revealed(stage: Stage, request: str, *, but: str = "") -> Shown:
    """Presses Reveal, and reads the window."""
    press(stage, request, "Reveal")

    def look() -> Shown | None:
        views = stage.workspace.views(stage.alice)
        text = stage.workspace.render(views[-1], stage.alice) if views else ""
        found = read_key(text) or read_password(text)
        return found if found and found.secret != but else None

    return stage.wait(look, f"the secret of {request}")


def told_where(stage: Stage, secret: str) -> list[str]:
    """The Slack methods that ever received that secret."""
    return sorted({call.method for call in stage.workspace.traffic if secret in json.dumps(call.payload)})


def test_a_password_is_made_at_the_click_and_shown_in_the_window_alone(stage: Stage) -> None:
    request = ready(stage)
    text = stage.read(message_of(stage, request), stage.alice)
    assert "Press Reveal: your password is made at that moment, and shown once in a window" in text
    assert "[ Reveal ] [ Revoke now ] [ Extend ]" in text
    assert "[ Reset ]" not in text
    secret = revealed(stage, request)
    assert secret.tried().status == OK
    shown = window_text(stage, ONCE)
    for words in (f"URL: {stage.node.url}", f"Username: {username(request)}", "Ends: ", "read on logs-*"):
        assert words in shown
    assert told_where(stage, secret.secret) == ["views.update"]
    assert window(stage, ONCE).body.get("private_metadata", "") == ""
    assert secret.secret not in stage.app.log.read_text(encoding="utf-8")
    assert secret.secret.encode() not in (stage.app.directory / "es-access.db").read_bytes()


def test_the_window_opens_before_there_is_anything_to_show(behind: Behind) -> None:
    stage = behind.stage
    request = ready(stage)
    behind.breaks(lambda request, phase: time.sleep(3.5) if phase == "before" and request.method == "GET" else None)
    clicked = time.time()
    press(stage, request, "Reveal")
    window(stage, "Making your credential…")
    opened = stage.workspace.calls("views.open")[-1]
    assert opened.started - clicked < 3.0
    behind.breaks(lambda _request, _phase: None)
    secret = stage.wait(lambda: read_password(window_text(stage, "")), "the secret")
    assert secret.tried().status == OK


def test_each_reveal_replaces_the_one_before(stage: Stage) -> None:
    for text, count in (("logs-* 1h", 0), ("logs-* 1h --key", 1)):
        request = ready(stage, text)
        first = revealed(stage, request)
        second = revealed(stage, request, but=first.secret)
        assert first.tried().status == UNAUTHORIZED
        assert second.tried().status == OK
        assert len(live_keys(stage.node, request)) == count
        stage.workspace.close_view(stage.alice, window(stage, ONCE))


def test_a_key_exists_only_once_it_is_revealed_and_ends_with_its_grant(stage: Stage) -> None:
    request = ready(stage, "logs-* 1h --key")
    assert live_keys(stage.node, request) == []
    assert user_or_role(stage.node, request) == []
    secret = revealed(stage, request)
    assert secret.tried().status == OK
    assert user_or_role(stage.node, request) == []
    stage.app.move_clock(3601)
    stage.wait(lambda: secret.tried().status == UNAUTHORIZED, "the end of the key")
    text = stage.reads(stage.alice, f"ACCESS {request} HAS ENDED", "The key has ended")
    assert "[ Reveal ]" not in text
    assert "removed from this message" not in text


def test_revealing_what_has_ended_is_told_in_the_window(stage: Stage) -> None:
    request = ready(stage)
    stale = message_of(stage, request)
    press(stage, request, "Revoke now")
    stage.reads(stage.alice, f"ACCESS {request} HAS ENDED")
    stage.workspace.click_raw(stage.alice, stale, "Reveal")
    assert f"{request} has already ended. Nothing was changed." in window_text(stage, "already ended")
    stage.nothing_is_left()


def test_a_forged_reveal_by_another_person_shows_nothing(stage: Stage) -> None:
    request = ready(stage)
    stale = message_of(stage, request)
    stage.workspace.click_raw(stage.bob, stale, "Reveal")

    def told() -> bool:
        views = stage.workspace.views(stage.bob)
        return bool(views) and f"I know no request {request} of yours" in stage.workspace.render(views[-1], stage.bob)

    stage.wait(told, "bob being refused")


def test_reset_of_what_is_revealed_says_how(stage: Stage) -> None:
    request = ready(stage)
    assert f"Press Reveal at {request}: it makes a new secret each time" in stage.say(stage.alice, f"reset {request}")


def test_an_extension_says_that_a_key_of_before_ends_as_before(stage: Stage) -> None:
    request = ready(stage, "logs-* 1h --key")
    old = revealed(stage, request)
    extension = stage.ask(f"extend {request} 1h")
    stage.approve(extension, stage.bob)
    stage.reads(
        stage.alice, f"EXTENSION {extension} APPROVED",
        "A key that you revealed before still ends at the old time: press Reveal for one that lasts as long.",
    )  # fmt: skip
    message_of(stage, request, "A key that was revealed before the extension ends at the old time")
    assert old.works
    new = revealed(stage, request, but=old.secret)
    assert new.works
    assert not old.works


def test_an_extension_of_a_revealed_password_changes_its_end_alone(stage: Stage) -> None:
    request = ready(stage)
    secret = revealed(stage, request)
    stage.approve(stage.ask(f"extend {request} 1h"), stage.bob)
    stage.reads(stage.alice, f"{request} now ends", "Nothing else changed.")
    stage.app.move_clock(3601)
    assert secret.works
    stage.app.move_clock(3601)
    stage.wait(lambda: not secret.works, "the end of the password")


def test_a_cluster_that_is_away_is_told_in_the_window_and_the_next_reveal_works(behind: Behind) -> None:
    stage = behind.stage
    request = ready(stage, "logs-* 1h --key")
    behind.breaks(lambda _request, phase: CutConnection() if phase == "before" else None)
    press(stage, request, "Reveal")
    shown = window_text(stage, "so I could not do that")
    assert "Please try again in a minute." in shown
    behind.breaks(lambda _request, _phase: None)
    assert revealed(stage, request).works


def test_a_second_click_while_the_first_is_at_work_is_told_so(behind: Behind) -> None:
    stage = behind.stage
    request = ready(stage)
    stale = message_of(stage, request)
    told = threading.Event()

    def hold(call: ProxyRequest, phase: Phase) -> Verdict:
        if (call.method, phase) == ("GET", "before") and call.path.startswith("/_security/user"):
            assert told.wait(30)
        return None

    behind.breaks(hold)
    for _ in range(2):
        stage.workspace.click_raw(stage.alice, stale, "Reveal")
    text = window_text(stage, "is being changed at this moment")
    assert "Press Reveal again in a few seconds." in text
    told.set()
    stage.wait(lambda: stage.audit("grant.revealed"), "the first to be done")
    assert revealed(stage, request).works


def test_a_revocation_during_a_reveal_leaves_nothing(behind: Behind) -> None:
    stage = behind.stage
    for text in ("logs-* 1h --key", "logs-* 1h"):
        request = ready(stage, text)
        under_way = threading.Event()

        def slow(call: ProxyRequest, phase: Phase, under_way: threading.Event = under_way) -> Verdict:
            if phase == "after" and call.method == "PUT":
                under_way.set()
                time.sleep(1)
            return None

        behind.breaks(slow)
        press(stage, request, "Reveal")
        window(stage, "Making your credential…")
        stage.wait(under_way.is_set, "the secret in the making")
        assert "is being ended" in stage.say(stage.alice, f"revoke {request}")
        behind.breaks(lambda _request, _phase: None)
        stage.reads(stage.alice, f"ACCESS {request} HAS ENDED", "Ended: revoked by @alice")
        assert window_text(stage, "changed meanwhile")
        assert live_keys(stage.node, request) == []
        assert user_or_role(stage.node, request) == []


def test_a_process_that_is_killed_in_a_reveal_leaves_one_that_can_be_done_again(behind: Behind) -> None:
    stage = behind.stage
    request = ready(stage, "logs-* 1h --key")
    kills: list[str] = []

    def kill(call: ProxyRequest, phase: Phase) -> Verdict:
        if kills:
            return CutConnection()
        if phase == "after" and re.search(r"/_security/api_key/grant$", call.path):
            kills.append(call.path)
            stage.app.kill()
            return CutConnection()
        return None

    behind.breaks(kill)
    stage.workspace.click_raw(stage.alice, message_of(stage, request), "Reveal")
    stage.wait(lambda: kills, "the kill")
    assert len(live_keys(stage.node, request)) == 1, "a key that nobody was shown"
    behind.breaks(lambda _request, _phase: None)
    stage.app.start()
    secret = revealed(stage, request)
    assert secret.works
    assert len(live_keys(stage.node, request)) == 1
    assert user_or_role(stage.node, request) == []
    stage.say(stage.alice, f"revoke {request}")
    stage.wait(lambda: not secret.works, "its end")


def test_a_user_that_was_removed_by_hand_is_told_of_in_the_window(stage: Stage) -> None:
    request = ready(stage)
    stage.node.client().security.delete_user(username=username(request), refresh=True)
    press(stage, request, "Reveal")
    assert window_text(stage, f"{request} was removed from the cluster by hand. Ask for access anew.")
    stage.reads(stage.alice, f"ACCESS {request} HAS ENDED", "it was removed from the cluster by hand")
    stage.nothing_is_left()


def test_a_window_that_was_closed_meanwhile_leaves_no_secret_in_the_log(behind: Behind) -> None:
    stage = behind.stage
    request = ready(stage)
    behind.breaks(lambda request, phase: time.sleep(1) if phase == "before" and request.method == "PUT" else None)
    press(stage, request, "Reveal")
    stage.workspace.close_view(stage.alice, window(stage, "Making your credential…"))
    call = stage.wait(lambda: stage.workspace.calls("views.update"), "the update that comes too late")[-1]
    found = read_password_of(call.payload)
    stage.wait(lambda: "an answer could not be shown" in stage.app.log.read_text(encoding="utf-8"), "the log")
    assert found not in stage.app.log.read_text(encoding="utf-8")
    assert revealed(stage, request).works


def read_password_of(payload: object) -> str:
    """The password in the calls to Slack."""
    found = re.search(r"(?<![A-Za-z0-9])[A-Za-z0-9]{32}(?![A-Za-z0-9])", json.dumps(payload))
    assert found is not None, payload
    return found.group()


def readers(stage: Stage) -> list[User]:
    """All people of the stage."""
    return [stage.alice, stage.bob, stage.carol, stage.dave]


def test_no_message_to_anybody_ever_held_what_was_revealed(stage: Stage) -> None:
    request = ready(stage, "logs-* 1h --key")
    secret = revealed(stage, request)
    press(stage, request, "Revoke now")
    stage.reads(stage.bob, f"ACCESS {request} HAS ENDED")
    for person in readers(stage):
        for message in (*stage.workspace.messages(person, deleted=True), *stage.workspace.ephemerals(person)):
            assert secret.secret not in json.dumps(ever(message))
