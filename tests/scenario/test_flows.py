"""Access flows: N of M, any group, escalation, rules, automatic access, scope, deny, reload."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from bot.sandbox.node import VERSIONS, Node
from tests.stage import Opened, Stage, integrations, set_stage

OK, UNAUTHORIZED, FORBIDDEN = 200, 401, 403


def test_two_of_a_group_have_to_approve(with_flows: Opened) -> None:
    stage = with_flows("""
  - name: two
    owners: [bob@example.com, carol@example.com, dave@example.com]
    approvals: 2
""")
    request = stage.ask("logs-* 1h")
    stage.approve(request, stage.bob)
    stage.reads(stage.carol, request, "@bob approved, waiting for one approval")
    assert "[ Approve ]" not in stage.reads(stage.bob, request, "@bob approved")
    assert not stage.made()
    stage.approve(request, stage.dave)
    assert stage.search(stage.secret(request), "logs-web") == OK


def test_a_reminder_and_then_the_next_group_is_asked(with_flows: Opened) -> None:
    stage = with_flows("""
  - name: escalating
    owners: integration
    escalation: {after: 30m, to: "@data-owners"}
""")
    request = stage.ask("logs-* 1h")
    stage.approval(stage.bob, request)
    stage.app.move_clock(30 * 60 + 1)
    stage.reads(stage.bob, f"STILL WAITING: {request}")
    assert not stage.texts(stage.carol)
    stage.app.move_clock(30 * 60)
    stage.reads(stage.carol, f"REQUEST {request}", "You are asked because nobody else has decided yet")
    stage.approve(request, stage.carol)
    assert stage.search(stage.secret(request), "logs-web") == OK
    stage.reads(stage.bob, f"REQUEST {request}: APPROVED", "Approved by @carol")


def test_a_rule_approves_by_itself_for_its_members_alone(with_flows: Opened) -> None:
    stage = with_flows("""
  - name: on call
    requesters: "@data-owners"
    max_duration: 2h
    approve: rule
  - name: everyone else
    owners: integration
""")
    answer = stage.say(stage.carol, "logs-* 1h")
    assert "The access flow “on call” approves it by itself" in answer
    assert not stage.texts(stage.bob)
    stage.reads(stage.carol, "Password: ")
    assert "Asked 1 owner: @bob" in stage.say(stage.alice, "logs-* 1h")
    assert "Asked 1 owner: @bob" in stage.say(stage.carol, "logs-* 3h --again")


def test_members_of_an_automatic_flow_have_access_while_they_are_members(with_flows: Opened) -> None:
    stage = with_flows("""
  - name: data owners
    requesters: "@data-owners"
    automatic: true
    patterns: ["logs-*"]
    default_duration: 4h
""")
    text = stage.reads(stage.carol, "Password: ", "read on logs-*")
    secret = stage.secret_in(text)
    assert stage.search(secret, "logs-web") == OK
    stage.app.move_clock(3 * 3600)
    stage.wait(lambda: stage.audit("grant.extended"), "the extension")
    stage.app.move_clock(2 * 3600)
    assert stage.search(secret, "logs-web") == OK
    stage.workspace.set_group("data-owners", [stage.dave])
    stage.reads(stage.dave, "Password: ", "read on logs-*")
    stage.refused(secret)
    stage.reads(stage.carol, "HAS ENDED", "no longer a member")


def test_a_deny_beats_an_allow_wherever_it_stands(with_flows: Opened) -> None:
    stage = with_flows("""
  - name: all
    owners: integration
  - name: no metrics
    deny: true
    patterns: ["metrics-*"]
""")
    assert "“no metrics” forbids it" in stage.say(stage.alice, "metrics-cpu 1h")
    assert "“no metrics” forbids it" in stage.say(stage.alice, "* 1h")
    stage.ask("logs-* 1h")


def test_a_resolved_scope_covers_what_matched_and_nothing_later(with_flows: Opened) -> None:
    stage = with_flows("""
  - name: exact
    owners: integration
    scope: resolved
""")
    request = stage.ask("logs-* 1h")
    assert "Only these, nothing created later" in stage.read(stage.approval(stage.bob, request), stage.bob)
    stage.approve(request, stage.bob)
    secret = stage.secret(request)
    stage.node.create_index("logs-later", docs=[{"message": "later"}])
    assert stage.search(secret, "logs-web") == OK
    assert stage.search(secret, "logs-later") == FORBIDDEN
    stage.node.client().indices.delete(index="logs-later")


def test_a_flow_may_need_a_reason_and_have_a_duration_of_its_own(with_flows: Opened) -> None:
    stage = with_flows("""
  - name: ticketed
    owners: integration
    reason: required
    reason_pattern: "INC-[0-9]+"
    default_duration: 45m
    max_duration: 2h
""")
    stage.workspace.command(stage.alice, "/es-access", "logs-* 1h")
    view = stage.wait(lambda: stage.workspace.views(stage.alice), "the form, for the reason")[-1]
    assert "needs a reason" in stage.workspace.render(view, stage.alice)
    stage.workspace.close_view(stage.alice, view)
    assert "INC-[0-9]+" in stage.say(stage.alice, "logs-* 1h because")
    assert "the longest access is 2h" in stage.say(stage.alice, "logs-* 3h INC-1")
    assert "for 1h" in stage.say(stage.alice, "logs-* 1h fixing INC-42")


def test_thirty_letters_against_an_expression_that_invites_backtracking_are_answered_at_once(
    with_flows: Opened,
) -> None:
    stage = with_flows(r"""
  - name: ticketed
    owners: integration
    reason_pattern: '^(\w+\s?)+INC-\d+$'
""")
    began = time.monotonic()
    assert "INC-" in stage.say(stage.alice, f"logs-* 1h read {'a' * 30}!")
    assert time.monotonic() - began < 2
    assert "is filed" in stage.say(stage.alice, "logs-* 1h read fixing INC-42")


def test_a_default_duration_is_taken_when_none_is_typed(with_flows: Opened) -> None:
    stage = with_flows("  - {name: short, owners: integration, default_duration: 45m}\n")
    assert "read on logs-* in elasticsearch for 45m" in stage.say(stage.alice, "logs-*")


def test_kibana_features_are_part_of_the_role(with_flows: Opened) -> None:
    stage = with_flows("""
  - name: discover
    owners: integration
    permissions: [discover]
permissions:
  - name: discover
    indices: [read, view_index_metadata]
    kibana: [feature_discover.read]
""")
    request = stage.ask("logs-* 1h discover")
    stage.approve(request, stage.bob)
    secret = stage.secret(request)
    role = stage.node.client().security.get_role(name=secret.username)[secret.username]
    (application,) = role["applications"]
    assert application["application"] == "kibana-.kibana"
    assert application["privileges"] == ["feature_discover.read"]
    assert application["resources"] == ["space:default"]
    assert role["cluster"] == []


def test_a_changed_policy_is_taken_at_a_signal_and_a_broken_one_is_not(with_flows: Opened) -> None:
    stage = with_flows("  - {name: short, owners: integration, max_duration: 1h}\n")
    config = stage.app.access_config
    before = config.read_text(encoding="utf-8")
    assert "the longest access is 1h" in stage.say(stage.alice, "logs-* 2h")
    config.write_text(before.replace("max_duration: 1h", "max_duration: sometimes"), encoding="utf-8")
    stage.app.reload()
    stage.wait(lambda: stage.audit("policy.refused"), "the refusal of the broken policy")
    assert "the longest access is 1h" in stage.say(stage.alice, "logs-* 2h")
    config.write_text(before.replace("max_duration: 1h", "max_duration: 3h"), encoding="utf-8")
    stage.app.reload()
    stage.wait(lambda: stage.audit("policy.loaded"), "the new policy")
    stage.ask("logs-* 2h")


def test_a_request_waits_while_slack_does_not_say_who_the_owners_are(with_flows: Opened) -> None:
    stage = with_flows("  - {name: all, owners: integration}\n")
    stage.workspace.faults.add("users.lookupByEmail", 500, times=1)
    answer = stage.say(stage.alice, "logs-* 1h")
    assert "so it waits" in answer
    stage.app.move_clock(6)
    stage.reads(stage.bob, "asks for access")


def test_one_group_is_enough_where_the_flow_says_so(with_flows: Opened) -> None:
    stage = with_flows("  - {name: any, groups: any}\n")
    stage.node.create_index("any-carol", owner="@data-owners", docs=[{"message": "x"}])
    stage.node.create_index("any-dave", owner="dave@example.com", docs=[{"message": "x"}])
    try:
        request = stage.ask("any-* 1h")
        assert "One of these has to approve:" in stage.read(stage.approval(stage.carol, request), stage.carol)
        stage.approve(request, stage.dave)
        assert stage.search(stage.secret(request), "any-carol") == OK
        stage.reads(stage.carol, f"REQUEST {request}: APPROVED", "Approved by @dave")
    finally:
        stage.node.client().indices.delete(index="any-carol,any-dave")


@pytest.fixture
def two_clusters(node: Node, node_of: Callable[[str], Node], tmp_path: Path) -> Iterator[tuple[Stage, Node]]:
    """A stage with a second cluster, `staging`, which is a node of the other version and has an index of its own."""
    other = node_of(next(version for version in VERSIONS if version != node.version))
    other.create_index("staged", docs=[{"message": "x"}])
    with ExitStack() as stack:
        stage = set_stage(
            node, tmp_path, stack,
            policy=lambda _: "access_flows:\n  - {name: all, owners: integration}\n",
            settings={"OTHER_PASSWORD": other.connector().password},
        )  # fmt: skip
        config = stage.app.access_config
        second = integrations(other, stage.bob, "staging").replace("env:CONNECTOR_PASSWORD", "env:OTHER_PASSWORD")
        entry = second.removeprefix("\nintegrations:\n")
        text = config.read_text(encoding="utf-8").replace("access_flows:", f"{entry}access_flows:")
        config.write_text(text, encoding="utf-8")
        stage.app.start()
        yield stage, other
        other.client().indices.delete(index="staged")


def test_several_clusters_are_told_apart_by_name(two_clusters: tuple[Stage, Node]) -> None:
    stage, other = two_clusters
    stage.workspace.command(stage.alice, "/es-access", "logs-* 1h")
    asks = stage.wait(lambda: stage.workspace.views(stage.alice), "the form")[-1]
    assert "Say which cluster you mean: elasticsearch, staging" in stage.workspace.render(asks, stage.alice)
    stage.workspace.close_view(stage.alice, asks)
    assert "matches nothing that exists" in stage.say(stage.alice, "staged 1h --cluster elasticsearch")
    request = stage.ask("staged 1h --cluster staging")
    stage.approve(request, stage.bob)
    text = stage.reads(stage.alice, f"ACCESS {request}", "Password: ")
    assert f"URL: {other.url}" in text
    secret = stage.secret(request)
    with other.client_of(secret.username, secret.password) as there:
        assert there.search(index="staged").meta.status == OK
    assert stage.search(secret, "logs-web") == UNAUTHORIZED
    stage.say(stage.alice, f"revoke {request}")
    stage.reads(stage.alice, f"ACCESS {request} HAS ENDED", "read back from the cluster")
    assert not other.client().options(ignore_status=404).security.get_user(username=secret.username).body


def test_the_form_offers_the_clusters(two_clusters: tuple[Stage, Node]) -> None:
    stage, _ = two_clusters
    stage.workspace.command(stage.alice, "/es-access", "")
    view = stage.wait(lambda: stage.workspace.views(stage.alice), "the form")[-1]
    stage.workspace.click(stage.alice, view, "cluster", "staging")
    (staged,) = stage.workspace.suggest(stage.alice, view, "patterns", "staged")
    stage.workspace.submit(stage.alice, view, {"cluster": "staging", "patterns": [staged], "permission": "read"})
    stage.reads(stage.bob, "read on staged in staging for 1h")
