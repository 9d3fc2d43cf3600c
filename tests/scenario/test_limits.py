"""Access to a part of the data, end to end: by a permission, by a counter-offer, and where a licence has no limits."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from bot.sandbox.node import Node
from bot.sandbox.workspace import Workspace
from tests.nodes import wait_for_licence
from tests.scenario.kinds import key_of, password_of, username
from tests.scenario.newcomer import arrived
from tests.scenario.test_counter_offers import message_with, offer_less
from tests.stage import Stage, set_stage

POLICY = """
access_flows:
  - {name: all, owners: integration, permissions: [read, write, support]}
permissions:
  - name: support
    indices: [read, view_index_metadata]
    fields: {except: [ssn]}
    query: {term: {level.keyword: error}}
"""

WORDS = "Only a part of the data: without the field ssn; only level.keyword: error."

DOCUMENTS: tuple[dict[str, str], ...] = (
    {"level": "error", "ssn": "secret1", "@timestamp": "2020-01-01"},
    {"level": "info", "ssn": "secret2", "@timestamp": "2099-01-01"},
)


@pytest.fixture
def trial_node(licensed: Node) -> Node:
    """A node whose licence has limits."""
    wait_for_licence(licensed)
    return licensed


def policy_of(_workspace: Workspace) -> str:
    return POLICY


@pytest.fixture
def stage(trial_node: Node, tmp_path: Path) -> Iterator[Stage]:
    with ExitStack() as stack:
        ready = set_stage(trial_node, tmp_path, stack, policy=policy_of)
        for number, each in enumerate(DOCUMENTS):
            trial_node.client().index(index="logs-web", id=str(number), document=each, refresh=True)
        ready.app.start()
        yield ready


def seen(found: Any) -> list[dict[str, Any]]:
    """The documents with a level that were found."""
    return [each["_source"] for each in found["hits"]["hits"] if "level" in each["_source"]]


def test_a_permission_shows_a_part_of_the_data_to_a_password_and_to_a_key(stage: Stage) -> None:
    assert WORDS in stage.say(stage.alice, "explain logs-web 1h support")
    request = stage.ask("logs-web 1h support")
    assert WORDS in stage.read(stage.approval(stage.bob, request), stage.bob)
    stage.approve(request)
    given = password_of(stage, request)
    assert WORDS in stage.read(message_with(stage, stage.alice, "Password: "), stage.alice)
    with stage.node.client_of(username(request), given.secret) as person:
        assert seen(person.search(index="logs-web")) == [{"level": "error", "@timestamp": "2020-01-01"}]
    by_key = stage.ask("logs-web 1h support --key")
    stage.approve(by_key)
    key = key_of(stage, by_key)
    reader = stage.node.client().options(api_key=key.secret)
    assert seen(reader.search(index="logs-web")) == [{"level": "error", "@timestamp": "2020-01-01"}]
    assert '"except": ["ssn"]' in stage.audited("grant.active", request)


def test_an_owner_hides_fields_and_older_documents_and_the_requester_accepts(stage: Stage) -> None:
    request = stage.ask("logs-web 2h write")
    terms: dict[str, object] = {"permission": "read", "hidden_fields": "ssn", "recent": ["recent"], "duration": "1h"}
    offer_less(stage, stage.bob, request, terms)
    offer = message_with(stage, stage.alice, f"OFFER FOR {request}", "without the field ssn; only documents since ")
    stage.workspace.click(stage.alice, offer, "Accept")
    secret = stage.secret(request)
    with stage.node.client_of(secret.username, secret.password) as person:
        assert seen(person.search(index="logs-web")) == [{"level": "info", "@timestamp": "2099-01-01"}]
        assert person.search(index="logs-web", query={"match": {"ssn": "secret2"}})["hits"]["total"]["value"] == 0
    stage.reads(stage.bob, f"REQUEST {request}: APPROVED", "Only a part of the data: without the field ssn;")


def test_what_cannot_be_hidden_is_said_at_its_field(stage: Stage) -> None:
    request = stage.ask("logs-web 2h write")
    stage.workspace.click(stage.bob, stage.approval(stage.bob, request), "Offer less…")
    view = stage.wait(lambda: stage.workspace.views(stage.bob), "the window")[-1]
    stage.workspace.submit(stage.bob, view, {"permission": "read", "hidden_fields": "_source"})
    (now,) = stage.workspace.views(stage.bob)
    assert "cannot be hidden" in now.errors["hidden_fields"]
    stage.workspace.submit(stage.bob, now, {"permission": "write", "hidden_fields": "ssn"})
    (now,) = stage.workspace.views(stage.bob)
    assert "write cannot be given in part" in now.errors["permission"]


def test_a_basic_licence_is_named_by_the_check_and_at_the_request(node: Node, tmp_path: Path) -> None:
    wait_for_licence(node)
    with arrived(node, tmp_path, policy=policy_of) as newcomer:
        fix = newcomer.check().fails_with(
            "limits: the licence (basic, active) has no field and document level security"
        )
        assert "start_trial" in fix
        newcomer.stage.app.start()
        answer = newcomer.stage.say(newcomer.stage.alice, "logs-web 1h support")
        assert "the licence of the cluster has no field and document level security" in answer
        request = newcomer.stage.ask("logs-web 1h")
        newcomer.stage.workspace.click(
            newcomer.stage.bob, newcomer.stage.approval(newcomer.stage.bob, request), "Offer less…"
        )
        view = newcomer.stage.wait(lambda: newcomer.stage.workspace.views(newcomer.stage.bob), "the window")[-1]
        assert "hidden_fields" not in str(view)


def test_the_check_tries_the_limits_of_each_permission(trial_node: Node, tmp_path: Path) -> None:
    with arrived(trial_node, tmp_path, policy=policy_of) as newcomer:
        found = newcomer.check()
        assert found.code == 0, found.text
        assert found.line("ok    limits: the licence (trial) has field and document level security: support")
