"""Owners, read from the cluster: who is asked, and who must approve."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from bot.sandbox.node import Node
from tests.stage import Stage, set_stage

FLOW = """
access_flows:
  - name: everyone
    permissions: [read, write]
"""


@pytest.fixture
def teams(node: Node, tmp_path: Path) -> Iterator[Stage]:
    """Indices of two teams, of a template, and of nobody; `bob` is the integration owner."""
    client = node.client()
    for name, owner in (("pay-orders", "@payments"), ("pay-audit", "dave@example.com"), ("pay-none", None)):
        if not client.indices.exists(index=name):
            node.create_index(name, owner=owner, docs=[{"message": name}])
    client.indices.put_index_template(
        name="shipping", index_patterns=["ship-*"], meta={"owner": "@shipping"}, priority=500
    )
    if not client.indices.exists(index="ship-1"):
        node.create_index("ship-1", docs=[{"message": "ship"}])
    with ExitStack() as stack:
        stage = set_stage(node, tmp_path, stack, policy=lambda _: FLOW)
        stage.workspace.add_group("payments", [stage.carol])
        stage.workspace.add_group("shipping", [stage.dave])
        stage.app.start()
        yield stage
        client.indices.delete(index=",".join(client.indices.get(index="pay-*,ship-*")))
        client.indices.delete_index_template(name="shipping")


def test_the_owner_of_an_index_is_asked_and_nobody_else(teams: Stage) -> None:
    request = teams.ask("pay-orders 1h")
    text = teams.read(teams.approval(teams.carol, request), teams.carol)
    assert "You are asked as an owner: @payments" in text
    assert not teams.texts(teams.bob)
    teams.approve(request, teams.carol)
    assert teams.search(teams.secret(request), "pay-orders") == 200


def test_the_owner_of_a_template_owns_what_comes_of_it(teams: Stage) -> None:
    request = teams.ask("ship-1 1h")
    teams.approve(request, teams.dave)
    assert teams.search(teams.secret(request), "ship-1") == 200


def test_what_has_no_owner_falls_to_the_integration_owner(teams: Stage) -> None:
    request = teams.ask("pay-none 1h")
    teams.approve(request, teams.bob)
    teams.secret(request)


def test_a_wildcard_over_several_owners_needs_each_of_them(teams: Stage) -> None:
    request = teams.ask("pay-* 1h")
    for owner in (teams.carol, teams.dave):
        text = teams.read(teams.approval(owner, request), owner)
        assert "Each of these has to approve:" in text
        assert "@payments (1 match): waiting for one approval" in text
        assert "dave@example.com (1 match): waiting for one approval" in text
        assert "elasticsearch (1 match): waiting for one approval" in text
    teams.approve(request, teams.carol)
    teams.reads(teams.bob, request, "@payments (1 match): @carol approved")
    teams.approve(request, teams.dave)
    assert "pending" in teams.say(teams.alice, "list")
    assert not teams.made()
    teams.approve(request, teams.bob)
    assert teams.search(teams.secret(request), "pay-orders") == 200
    teams.reads(teams.dave, f"REQUEST {request}: APPROVED", "Approved by @carol, @dave, @bob")


def test_somebody_who_left_the_group_may_not_decide_and_somebody_who_joined_may(teams: Stage) -> None:
    request = teams.ask("pay-orders 1h")
    message = teams.approval(teams.carol, request)
    teams.workspace.set_group("payments", [teams.dave])
    refused = teams.answer_to(teams.carol, lambda: teams.workspace.click_raw(teams.carol, message, "Approve"))
    assert "You are no longer an owner" in refused
    teams.workspace.click_raw(teams.dave, message, "Approve")
    assert teams.search(teams.secret(request), "pay-orders") == 200


def test_an_owner_whom_slack_does_not_know_falls_to_the_integration_owner_and_the_audit_says_so(teams: Stage) -> None:
    teams.node.create_index("pay-lost", owner="@gone", docs=[{"message": "x"}])
    request = teams.ask("pay-lost 1h")
    teams.approve(request, teams.bob)
    teams.secret(request)
    assert "@gone" in teams.audited("request.owners_unusable", request)


def test_the_preview_tells_what_a_pattern_covers(teams: Stage) -> None:
    answer = teams.say(teams.alice, "explain pay-* 1h")
    assert "Matches now: 3 indices" in answer
    assert "pay-audit, pay-none, pay-orders" in answer
    assert "New indices that match are included, too" in answer
    assert "“everyone”" in answer
    assert "Would ask 3 owners" in answer
    assert "Nothing was filed" in answer
    assert "not asked for anything yet" in teams.say(teams.alice, "list")


def test_resources_lists_what_can_be_asked_for_and_names_what_has_no_owner(teams: Stage) -> None:
    answer = teams.say(teams.alice, "resources pay-")
    assert "pay-orders index, owner @payments" in answer
    assert "pay-none index, no owner: the integration owner decides" in answer
    assert "ship-1" not in answer
    assert "nothing called “nope”" in teams.say(teams.alice, "resources nope")
