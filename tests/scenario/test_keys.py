"""API keys in use: requested, used and ended."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from elasticsearch import AuthorizationException, Elasticsearch

from bot.sandbox.node import Node
from bot.sandbox.workspace import View
from tests.scenario.kinds import (
    FORBIDDEN,
    OK,
    UNAUTHORIZED,
    ever,
    granted_key,
    key_of,
    live_keys,
    message_of,
    press,
    read_key,
    user_or_role,
    username,
)
from tests.stage import Opened, Stage, set_stage


@pytest.fixture
def on_each(each_node: Node, tmp_path: Path) -> Iterator[Stage]:
    """A running stage on a node of each version."""
    with ExitStack() as stack:
        stage = set_stage(each_node, tmp_path, stack)
        stage.app.start()
        yield stage


def test_a_key_reads_what_was_granted_with_the_line_shown_and_stops(stage: Stage) -> None:
    assert "read on logs-* in elasticsearch for 1h, as an API key" in stage.say(stage.alice, "logs-* 1h --key")
    request, key = granted_key(stage)
    assert key.line == f"curl -H 'Authorization: ApiKey {key.secret}' '{stage.node.url}/logs-*/_search?size=1'"
    assert key.tried().status == OK
    assert key.tried().found > 0
    assert type(key)(key.secret, key.line.replace("/logs-*/", "/metrics-cpu/")).tried().status == FORBIDDEN
    press(stage, request, "Revoke now")
    stage.wait(lambda: key.tried().status == UNAUTHORIZED, "the end of the key")
    for person in (stage.alice, stage.bob):
        proof = "The key has ended, read back from the cluster."
        stage.reads(person, f"ACCESS {request} HAS ENDED", proof)
    assert not any("Access of @" in text for text in stage.texts(stage.alice)), (
        "she did it, and reads so in one message"
    )
    stage.wait(lambda: key.secret not in "".join(stage.texts(stage.alice)), "the redaction of the key")
    assert not live_keys(stage.node, request)


def test_helper_user_and_role_are_gone_as_soon_as_the_key_is_there(on_each: Stage) -> None:
    request, key = granted_key(on_each)
    assert user_or_role(on_each.node, request) == []
    assert key.works
    (key_id,) = live_keys(on_each.node, request)
    held: dict[str, Any] = on_each.node.client().security.get_api_key(id=key_id)["api_keys"][0]
    assert held["metadata"]["es_access"]["grant"] == request
    left = datetime.fromtimestamp(held["expiration"] / 1000, UTC) - datetime.now(UTC)
    assert timedelta(minutes=59) < left <= timedelta(hours=1)


def test_the_server_ends_a_key_while_the_application_is_dead(quiet_stage: Stage) -> None:
    """Waits a minute, the shortest access: no process of ours is alive to end it."""
    stage = quiet_stage
    request, key = granted_key(stage, "logs-* 1m --key")
    given = datetime.now(UTC)
    stage.app.kill()
    assert key.works
    stage.workspace.wait_for(lambda: not key.works, 90.0, "the server ending the key")
    assert datetime.now(UTC) - given <= timedelta(seconds=62)
    assert live_keys(stage.node, request) == []
    assert user_or_role(stage.node, request) == []
    stage.app.start()
    stage.reads(stage.alice, f"ACCESS {request} HAS ENDED", "Ended: expired", "The key has ended, read back")


def test_an_extended_key_is_a_new_one_that_lasts_and_the_old_one_stops(quiet_stage: Stage) -> None:
    stage = quiet_stage
    request, old = granted_key(stage)
    extension = stage.ask(f"extend {request} 1h")
    stage.approve(extension)
    new = key_of(stage, request, but=old.secret)
    stage.wait(lambda: not old.works, "the end of the old key")
    assert new.works
    stage.reads(
        stage.alice, f"EXTENSION {extension} APPROVED", f"{request} now ends",
        "A new API key takes the place of the old one in its message, and the old one stops.",
    )  # fmt: skip
    (key_id,) = live_keys(stage.node, request)
    expiration = stage.node.client().security.get_api_key(id=key_id)["api_keys"][0]["expiration"]
    assert datetime.fromtimestamp(expiration / 1000, UTC) - datetime.now(UTC) > timedelta(minutes=119)
    assert user_or_role(stage.node, request) == []
    stage.app.move_clock(3601)
    stage.app.move_clock(3601)
    stage.wait(lambda: not new.works, "the end of the new key")


def send(stage: Stage, view: View, pattern: str, **chosen: str) -> None:
    """Chooses the suggested pattern, and sends the form."""
    found = stage.workspace.suggest(stage.alice, view, "patterns", pattern)
    option = next(each for each in found if each["value"] == pattern)
    assert stage.workspace.submit(stage.alice, view, {"patterns": [option], **chosen}).error is None


def test_the_form_offers_both_purposes_and_gives_a_key(stage: Stage) -> None:
    workspace, alice = stage.workspace, stage.alice
    workspace.command(alice, "/es-access", "")
    view = stage.wait(lambda: workspace.views(alice), "the form")[-1]
    offered = json.dumps(view.blocks)
    assert "Kibana or people (password)" in offered
    assert "A script (API key)" in offered
    assert "Kibana or people (password) ▾" in workspace.render(view, alice)
    send(stage, view, "logs-*", purpose="api_key")
    text = stage.reads(alice, "is filed", "as an API key")
    request = next(word for word in text.split() if word.startswith("REQ-"))
    assert "as an API key" in stage.read(stage.approval(stage.bob, request), stage.bob)
    stage.approve(request)
    assert key_of(stage, request).works


def test_lists_status_and_help_say_which_kind(quiet_stage: Stage) -> None:
    stage = quiet_stage
    key, _ = granted_key(stage)
    password = stage.ask("metrics-cpu 1h")
    listed = stage.say(stage.alice, "list")
    assert f"{key} read on logs-* (API key): active until" in listed
    assert f"{password} read on metrics-cpu (password): pending" in listed
    assert "for 1h, as an API key" in stage.say(stage.alice, f"status {key}")
    assert "for 1h, with a password" in stage.say(stage.alice, f"status {password}")
    assert "for 1h, as an API key" in stage.say(stage.alice, "explain logs-* 1h --key")
    assert "for 1h, with a password" in stage.say(stage.alice, "explain logs-* 1h")
    helped = stage.say(stage.alice, "help")
    assert "/es-access logs-* 1h --key an API key, for a script" in helped
    assert "/es-access reset ID" in helped


def test_a_flow_may_give_keys_by_default(with_flows: Opened) -> None:
    stage = with_flows("  - {name: scripts, owners: integration, credentials: [api_key, password]}\n")
    assert "as an API key" in stage.say(stage.alice, "explain logs-* 1h")
    request = stage.ask("logs-* 1h")
    stage.approve(request, stage.bob)
    assert key_of(stage, request).works
    stage.workspace.command(stage.alice, "/es-access", "")
    view = stage.wait(lambda: stage.workspace.views(stage.alice), "the form")[-1]
    assert "A script (API key) ▾" in stage.workspace.render(view, stage.alice)
    send(stage, view, "logs-web", purpose="password")
    stage.reads(stage.alice, "is filed", "with a password")


def test_a_flow_of_passwords_alone_refuses_keys_and_its_form_has_no_choice(with_flows: Opened) -> None:
    stage = with_flows("  - {name: people, owners: integration, credentials: [password]}\n")
    answer = stage.say(stage.alice, "logs-* 1h --key")
    assert "The access flow “people” gives passwords alone." in answer
    assert "Example: /es-access logs-* 1h" in answer
    assert "gives passwords alone" in stage.say(stage.alice, "explain logs-* 1h --key")
    stage.workspace.command(stage.alice, "/es-access", "")
    view = stage.wait(lambda: stage.workspace.views(stage.alice), "the form")[-1]
    assert "script" not in stage.workspace.render(view, stage.alice)
    stage.ask("logs-* 1h")


def test_flows_that_differ_leave_the_choice_to_themselves(with_flows: Opened) -> None:
    stage = with_flows("""
  - {name: scripts, owners: integration, patterns: ["logs-*"], credentials: [api_key]}
  - {name: people, owners: integration}
""")
    workspace, alice = stage.workspace, stage.alice
    for patterns, kind in (("logs-*", "as an API key"), ("metrics-cpu", "with a password")):
        workspace.command(alice, "/es-access", "")
        view = stage.wait(lambda: workspace.views(alice), "the form")[-1]
        assert "What the access flow gives ▾" in workspace.render(view, alice)
        send(stage, view, patterns)
        stage.reads(alice, "is filed", f"read on {patterns}", kind)


def test_the_details_name_the_key_where_they_name_the_user(node: Node, tmp_path: Path) -> None:
    with ExitStack() as stack:
        settings = {
            "ELASTICSEARCH_PUBLIC_URL": "https://es.example.com",
            "CUSTOM_ACCESS_DETAILS": "{username} at {url}, until {expiry}, on {patterns}",
        }
        stage = set_stage(node, tmp_path, stack, settings=settings)
        stage.app.start()
        request, key = granted_key(stage, "logs-*,metrics-cpu 1h --key")
        text = stage.read(message_of(stage, request), stage.alice)
        assert f"{username(request)} at https://es.example.com, until " in text
        assert "on logs-*, metrics-cpu" in text
        expected = f"curl -H 'Authorization: ApiKey {key.secret}' 'https://es.example.com/logs-*,metrics-cpu/_search?"
        assert expected in text
        assert "[ Revoke now ] [ Extend ] [ Reset ]" in text
        for message in stage.workspace.messages(stage.alice):
            assert not [text for text, _ in ever(message) if key.secret in text]


def test_no_key_is_in_the_database_or_the_log(quiet_stage: Stage) -> None:
    stage = quiet_stage
    request, key = granted_key(stage)
    stage.say(stage.alice, f"reset {request}")
    fresh = key_of(stage, request, but=key.secret)
    stage.app.stop()
    kept = b"".join(each.read_bytes() for each in stage.app.directory.iterdir() if each.is_file())
    assert request.encode() in kept
    for each in (key, fresh):
        assert each.secret.encode() not in kept
    assert read_key(stage.read(message_of(stage, request), stage.alice)) == fresh


def test_explain_on_the_command_line_says_the_kind(node: Node, tmp_path: Path) -> None:
    with ExitStack() as stack:
        flows = "access_flows:\n  - {name: people, owners: integration, credentials: [password]}\n"
        both = "access_flows:\n  - {name: both, owners: integration, delivery: reveal}\n"
        stage = set_stage(node, tmp_path, stack, policy=lambda _: both)

        def explain(*more: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                [sys.executable, "-m", "bot", "explain", stage.alice.email, "logs-*", "1h", *more],
                env={"PATH": "", **stage.app.environment}, cwd=stage.app.directory,
                capture_output=True, text=True, timeout=60, check=False,
            )  # fmt: skip

        assert "given as an API key, revealed at a click" in explain("--key").stdout
        assert "given with a password, revealed at a click" in explain().stdout
        config = stage.app.access_config
        config.write_text(config.read_text(encoding="utf-8").replace(both, flows), encoding="utf-8")
        refused = explain("--key")
        assert (refused.returncode, refused.stdout) == (1, "")
        assert "gives passwords alone" in refused.stderr


def test_the_key_of_a_dead_application_cannot_be_used_to_make_more(quiet_stage: Stage) -> None:
    """A key that could make keys would outlive its grant through them."""
    _, key = granted_key(quiet_stage)
    with closing(Elasticsearch(quiet_stage.node.url, api_key=key.secret)) as client:
        with pytest.raises(AuthorizationException):
            client.security.create_api_key(name="mine")
        with pytest.raises(AuthorizationException):
            client.security.get_user()
