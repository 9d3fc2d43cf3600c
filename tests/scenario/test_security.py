"""Payloads from an attacker, in both delivery modes, and a search for secrets afterwards."""

import json
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode

import pytest

from bot.sandbox.node import Node
from bot.sandbox.workspace import User
from bot.sandbox.workspace.delivery.signed_http import signature
from bot.slack import ids
from tests.stage import Stage, set_stage

OK, UNAUTHORIZED = 200, 401
ELSEWHERE = "T0ELSEWHERE"


@pytest.fixture
def http_stage(node: Node, tmp_path: Path) -> Iterator[Stage]:
    with ExitStack() as stack:
        ready = set_stage(node, tmp_path, stack, http=True)
        ready.app.start()
        yield ready


def command(stage: Stage, **changed: str) -> dict[str, str]:
    """A command of alice's as Slack sends it, with these changes."""
    plain = {
        "token": "unused", "team_id": team_of(stage), "team_domain": "sandbox", "channel_id": "C0GENERAL",
        "user_id": stage.alice.id, "user_name": "alice", "command": "/es-access", "text": "logs-* 1h",
        "response_url": stage.workspace.api_url + "nowhere", "trigger_id": "1.2.3",
    }  # fmt: skip
    return plain | changed


def team_of(stage: Stage) -> str:
    return str(stage.workspace._state.team_id)


def post(
    stage: Stage, fields: dict[str, str], *, secret: str | None = None, age: float = 0.0, sign: bool = True
) -> int:
    """The HTTP status of a request to the application's open port."""
    body = urlencode(fields).encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    if sign:
        headers |= signature(secret or stage.workspace.signing_secret, int(time.time() - age), body)
    request = urllib.request.Request(f"{stage.app.url}/slack/events", body, headers)  # noqa: S310 (our own)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            return int(answer.status)
    except HTTPError as error:
        return error.code


def filed(stage: Stage) -> int:
    return len(stage.audit("request.submitted"))


def test_a_forged_request_reaches_nobody(http_stage: Stage) -> None:
    assert post(http_stage, command(http_stage), secret="0" * 32) == UNAUTHORIZED
    assert post(http_stage, command(http_stage), sign=False) == UNAUTHORIZED
    assert filed(http_stage) == 0
    assert post(http_stage, command(http_stage)) == OK
    http_stage.wait(lambda: filed(http_stage) == 1, "the genuine one")


@pytest.mark.parametrize("age", [310, -310], ids=["old", "of the future"])
def test_a_request_that_was_signed_five_minutes_from_now_is_refused(http_stage: Stage, age: float) -> None:
    assert post(http_stage, command(http_stage), age=age) == UNAUTHORIZED
    assert filed(http_stage) == 0


def test_a_payload_of_another_workspace_is_refused_and_audited(http_stage: Stage) -> None:
    """The signature is valid: the app is installed in two workspaces, and this process serves one of them."""
    assert post(http_stage, command(http_stage, team_id=ELSEWHERE)) == OK
    http_stage.wait(lambda: http_stage.audit("access.refused"), "the refusal in the audit")
    assert ELSEWHERE in http_stage.audit("access.refused")[0]
    assert filed(http_stage) == 0


def test_a_replayed_click_changes_nothing(http_stage: Stage) -> None:
    stage = http_stage
    request = stage.ask("logs-* 1h")
    message = stage.approval(stage.bob, request)
    click: dict[str, Any] = stage.workspace.click(stage.bob, message, "Approve").payload
    stage.secret(request)
    again = {"payload": json.dumps(click)}
    assert post(stage, again) == OK
    assert post(stage, again) == OK
    # Both are copies of a payload that was taken. One that says it is new is handled after them, and answered.
    assert post(stage, {"payload": json.dumps({**click, "trigger_id": "1.2.new"})}) == OK
    stage.hears(stage.bob, "was already approved")
    stage.wait(lambda: len(stage.audit("access.refused")) == 1, "the new click in the audit")
    assert len(stage.audit("request.approved")) == 1
    assert len(stage.audit("grant.active")) == 1


def test_a_replayed_command_files_nothing_more(http_stage: Stage) -> None:
    typed = command(http_stage)
    assert post(http_stage, typed) == OK
    http_stage.wait(lambda: filed(http_stage) == 1, "the request")
    assert post(http_stage, typed) == OK
    request = http_stage.ask("metrics-cpu 1h")  # the next one is handled, and so was the replayed one
    http_stage.approval(http_stage.bob, request)
    assert filed(http_stage) == 2


def click(stage: Stage, person: User, request: str, team: str = "") -> dict[str, str]:
    """Clicks Approve as that person, even if no such button was ever shown to them."""
    return {
        "payload": json.dumps({
            "type": "block_actions", "token": "unused", "trigger_id": "1.2.3", "api_app_id": "A0",
            "user": {"id": person.id, "username": person.name, "team_id": team or team_of(stage)},
            "team": {"id": team_of(stage), "domain": "sandbox"},
            "container": {"type": "message", "message_ts": "1.0", "channel_id": "D0", "is_ephemeral": False},
            "actions": [{"action_id": ids.APPROVE, "block_id": "b", "value": request, "type": "button"}],
            "response_url": stage.workspace.api_url + "nowhere",
        })
    }  # fmt: skip


def refused(stage: Stage, request: str) -> dict[str, str]:
    """The audit event of a refusal about that request."""
    stage.wait(lambda: stage.audit("access.refused"), "the refusal in the audit")
    found: dict[str, str] = json.loads(stage.audited("access.refused", request))
    return found


def test_a_forged_button_of_somebody_who_owns_nothing_changes_nothing(http_stage: Stage) -> None:
    request = http_stage.ask("logs-* 1h")
    assert post(http_stage, click(http_stage, http_stage.dave, request)) == OK
    found = refused(http_stage, request)
    assert (found["kind"], found["what"]) == ("NotFound", ids.APPROVE)
    assert http_stage.audit("request.approved") == []


def test_an_insider_does_not_approve_their_own_with_a_forged_click(http_stage: Stage) -> None:
    request = http_stage.ask("logs-* 1h", http_stage.bob)
    assert post(http_stage, click(http_stage, http_stage.bob, request)) == OK
    found = refused(http_stage, request)
    assert (found["kind"], "somebody else has to decide" in found["why"]) == ("NotAllowed", True)
    assert http_stage.audit("request.approved") == []


def test_a_stranger_who_clicks_in_a_shared_channel_is_not_served(http_stage: Stage) -> None:
    stranger = http_stage.workspace.add_user("eve", team=ELSEWHERE)
    request = http_stage.ask("logs-* 1h")
    assert post(http_stage, click(http_stage, stranger, request, ELSEWHERE)) == OK
    assert ELSEWHERE in refused(http_stage, request)["why"]
    assert http_stage.audit("request.approved") == []


def test_people_of_other_workspaces_and_bots_are_refused_politely(stage: Stage) -> None:
    bot = stage.workspace.add_user("robot", is_bot=True)
    stranger = stage.workspace.add_user("eve", team=ELSEWHERE)
    for who in (bot, stranger):
        for text in ("logs-* 1h", "resources", "explain logs-* 1h"):
            assert "Only people of this Slack workspace can use es-access" in stage.say(who, text)
    assert filed(stage) == 0
    assert len(stage.audit("access.refused")) == 6


def test_a_guest_may_ask_where_the_flow_lets_everybody(stage: Stage) -> None:
    guest = stage.workspace.add_user("guest", is_guest=True)
    assert stage.ask("logs-* 1h", guest)


def test_what_policy_refuses_is_audited(stage: Stage) -> None:
    stage.say(stage.alice, "logs-* 30d")
    stage.say(stage.alice, ".security* 1h")
    kinds = [json.loads(each)["kind"] for each in stage.audit("access.refused")]
    assert kinds == ["InvalidRequest", "InvalidRequest"]
