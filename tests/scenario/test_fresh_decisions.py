"""On a real node, the last approval is a new decision: by the policy, the people and the resources of that moment."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from bot.sandbox.fault_proxy import CutConnection, FaultProxy
from bot.sandbox.node import Node
from tests.scenario.test_counter_offers import message_with, offer_less, thread
from tests.stage import Opened, Stage, set_stage

OK = 200

DAVE, CAROL, BOB = "dave@example.com", "carol@example.com", "bob@example.com"


@pytest.fixture
def resources(node: Node) -> Iterator[Node]:
    """Indices of carol and dave, and an alias to the one of carol. They are removed afterwards, with later ones."""
    node.create_index("fresh-carol", owner=CAROL, docs=[{"message": "x"}])
    node.create_index("other-dave", owner=DAVE, docs=[{"message": "x"}])
    node.client().indices.put_alias(index="fresh-carol", name="fresh-alias")
    yield node
    node.client().indices.delete(index=",".join(node.client().indices.get(index="fresh-*,other-dave")))


def load(stage: Stage, policy: str) -> None:
    """Replaces everything below the integrations in the file, and sends the signal."""
    config = stage.app.access_config
    top = config.read_text(encoding="utf-8").split("\naccess_flows:")[0].split("\npermissions:")[0]
    config.write_text(f"{top}\n{policy}", encoding="utf-8")
    before = len(stage.audit("policy.loaded"))
    stage.app.reload()
    stage.wait(lambda: len(stage.audit("policy.loaded")) > before, "the new policy")


def refused(stage: Stage, request: str) -> str:
    """What bob reads when he clicks Approve on what cannot be approved any more."""
    message = stage.approval(stage.bob, request)
    said = stage.answer_to(stage.bob, lambda: stage.workspace.click_raw(stage.bob, message, "Approve"))
    assert f"{request} cannot be approved any more. " in said
    assert "eny it" in said
    assert "Asked today, @alice would read:" in said
    assert "pending" in stage.say(stage.alice, "list")
    return said


def test_an_owner_whose_index_came_since_is_asked_and_everybody_sees_it(resources: Node, with_flows: Opened) -> None:
    stage = with_flows("  - {name: all}\n")
    request = stage.ask("fresh-* 1h")
    above = stage.approval(stage.carol, request)
    resources.create_index("fresh-dave", owner=DAVE, docs=[{"message": "secret"}])
    stage.approve(request, stage.carol)
    text = stage.reads(stage.carol, request, "1 owner more since it was filed.")
    assert "dave@example.com (1 match), asked since: waiting for one approval" in text
    assert "[ Approve ]" not in text
    thread(stage, stage.carol, above, "1 owner more since it was filed: dave@example.com.")
    assert not stage.made()
    assert "dave@example.com" in stage.audited("request.plan_changed", request)
    stage.approve(request, stage.dave)
    assert stage.search(stage.secret(request), "fresh-dave") == OK


def test_filing_asks_the_owner_of_an_index_that_was_created_a_moment_ago(resources: Node, with_flows: Opened) -> None:
    stage = with_flows("  - {name: all}\n")
    stage.say(stage.alice, "explain fresh-* 1h")  # the catalogue is kept for a minute from here on
    resources.create_index("fresh-dave", owner=DAVE)
    request = stage.ask("fresh-* 1h")
    stage.approval(stage.dave, request)
    stage.approval(stage.carol, request)


def test_an_extension_asks_the_owner_of_what_came_since(resources: Node, with_flows: Opened) -> None:
    stage = with_flows("  - {name: all}\n")
    request = stage.ask("fresh-* 1h")
    stage.approve(request, stage.carol)
    stage.secret(request)
    stage.is_active(request)
    resources.create_index("fresh-dave", owner=DAVE)
    extension = stage.ask(f"extend {request} 30m")
    stage.approval(stage.dave, extension)


BEFORE = """permissions:
  - {name: see, indices: [read]}
access_flows:
  - {name: pay, patterns: ["fresh-*", "other-*"], owners: integration, permissions: [read, see]}
"""

REFUSED = {
    "its flow was removed": (BEFORE.replace('["fresh-*", "other-*"]', '["logs-*"]'), "more than you may ask for"),
    "the limit is an hour": (BEFORE.replace("see]}", "see], max_duration: 1h, approvals: 2}"), "longest access is 1h"),
    "it is denied": (BEFORE + "  - {name: closed, deny: true, patterns: ['fresh-c*']}\n", "“closed” forbids it"),
    "its permission gives less": (BEFORE.replace("indices: [read]", "indices: [monitor]"), "no longer gives what"),
    "its credential is not given": (BEFORE.replace("see]}", "see], credentials: [api_key]}"), "gives API keys alone"),
    "only members may ask": (BEFORE.replace("see]}", "see], requesters: '@data-owners'}"), "lets you ask for this"),
    "it needs a reason": (BEFORE.replace("see]}", "see], reason: required}"), "needs a reason"),
}


def test_what_would_be_refused_under_the_policy_of_today_is_not_approved(resources: Node, tmp_path: Path) -> None:
    with ExitStack() as stack:
        stage = set_stage(resources, tmp_path, stack, policy=lambda _: BEFORE)
        stage.app.start()
        for what, (policy, why) in REFUSED.items():
            request = stage.ask("fresh-carol 3h see")
            stage.approval(stage.bob, request)
            load(stage, policy)
            assert why in refused(stage, request), what
            stage.say(stage.alice, f"cancel {request}")
            load(stage, BEFORE)
        renamed = BEFORE.replace("see", "look")
        request = stage.ask("fresh-carol 3h see")
        stage.approval(stage.bob, request)
        load(stage, renamed + "  - {name: closed, deny: true, patterns: ['fresh-*'], permissions: [look]}\n")
        assert "is not a permission" in refused(stage, request)
        assert not stage.made()


@pytest.mark.usefixtures("resources")
def test_a_flow_that_wants_two_approvals_and_reveals_the_secret_since_gets_both(with_flows: Opened) -> None:
    stage = with_flows(f"  - {{name: pay, owners: [{BOB}, {CAROL}]}}\n")
    request = stage.ask("fresh-carol 1h")
    stage.approval(stage.bob, request)
    load(stage, f"access_flows:\n  - {{name: pay, owners: [{BOB}, {CAROL}], approvals: 2, delivery: reveal}}\n")
    stage.approve(request, stage.bob)
    stage.reads(stage.carol, request, "@bob approved, waiting for one approval")
    assert not stage.made()
    stage.approve(request, stage.carol)
    stage.reads(stage.alice, f"ACCESS {request}", "Reveal")
    assert not any("Password: " in text for text in stage.texts(stage.alice))


def test_an_alias_that_was_moved_onto_what_is_denied_is_not_approved(resources: Node, with_flows: Opened) -> None:
    stage = with_flows("""
  - {name: closed, deny: true, patterns: ["other-*"]}
  - {name: pay, owners: integration}
""")
    request = stage.ask("fresh-alias 1h")
    stage.approval(stage.bob, request)
    resources.client().indices.update_aliases(
        actions=[
            {"remove": {"index": "fresh-carol", "alias": "fresh-alias"}},
            {"add": {"index": "other-dave", "alias": "fresh-alias"}},
        ]
    )
    assert "“closed” forbids it" in refused(stage, request)


@pytest.mark.usefixtures("resources")
def test_a_requester_who_left_the_group_since_is_not_given_it(with_flows: Opened) -> None:
    stage = with_flows('  - {name: pay, owners: integration, requesters: "@devs"}\n')
    stage.workspace.add_group("devs", [stage.alice])
    request = stage.wait(lambda: _asked(stage, "fresh-carol 1h"), "the group")
    stage.approval(stage.bob, request)
    stage.workspace.set_group("devs", [stage.dave])
    time.sleep(0.5)  # the event of the change arrives
    assert "No access flow lets you ask for this" in refused(stage, request)


def _asked(stage: Stage, text: str) -> str | None:
    said = stage.say(stage.alice, text)
    return said.split("Request ")[1].split(" ")[0] if "is filed" in said else None


@pytest.mark.usefixtures("resources")
def test_an_offer_that_falls_under_a_stricter_flow_is_one_yes_of_its_two(with_flows: Opened) -> None:
    stage = with_flows(f"""
  - name: pay
    patterns: ["fresh-*"]
    owners: [{BOB}, {CAROL}]
    approvals: 2
    delivery: reveal
    max_duration: 1h
  - {{name: wide, owners: [{BOB}]}}
""")
    request = stage.ask("*-carol 2h")
    offer_less(stage, stage.bob, request, {"duration": "1h", "patterns": "fresh-carol"})
    offer = message_with(stage, stage.alice, f"OFFER FOR {request}", "[ Accept ]")
    stage.workspace.click(stage.alice, offer, "Accept")
    stage.reads(stage.carol, request, "@bob approved, waiting for one approval")
    assert not stage.made()
    stage.approve(request, stage.carol)
    stage.reads(stage.alice, f"ACCESS {request}", "Reveal")
    assert not any("Password: " in text for text in stage.texts(stage.alice))


def test_a_friend_approves_what_is_theirs_and_not_what_stands_beside_it(resources: Node, with_flows: Opened) -> None:
    stage = with_flows("  - {name: any, groups: any}\n")
    request = stage.ask("fresh-carol,other-dave 1h")
    stage.approve(request, stage.dave)
    text = stage.reads(stage.carol, request, "One of these has to approve for each pattern:", "@dave approved")
    assert "[ Approve ]" in text
    assert not stage.made()
    stage.approve(request, stage.carol)
    secret = stage.secret(request)
    assert (stage.search(secret, "fresh-carol"), stage.search(secret, "other-dave")) == (OK, OK)
    resources.create_index("fresh-dave", owner=DAVE)
    request = stage.ask("fresh-* 1h")
    assert "For fresh-* your yes also gives the data of carol@example.com." in stage.read(
        stage.approval(stage.dave, request), stage.dave
    )


def test_a_last_yes_while_the_node_is_down_waits_for_it_and_says_so(node: Node, tmp_path: Path) -> None:
    flows = "access_flows:\n  - {name: exactly, owners: integration, scope: resolved}\n"
    with ExitStack() as stack:
        proxy = stack.enter_context(FaultProxy(node.url))
        stage = set_stage(node, tmp_path, stack, policy=lambda _: flows)
        config = stage.app.access_config
        config.write_text(config.read_text(encoding="utf-8").replace(node.url, proxy.url), encoding="utf-8")
        stage.app.start()
        request = stage.ask("logs-web 1h")
        stage.approval(stage.bob, request)
        proxy.hook = lambda _request, _phase: CutConnection()
        stage.approve(request, stage.bob)
        text = stage.reads(stage.bob, request, "@bob approved", "The cluster does not answer, so the request waits")
        assert "[ Approve ]" not in text
        assert stage.audited("request.waits", request)
        proxy.hook = None
        stage.app.move_clock(6)
        assert stage.search(stage.secret(request), "logs-web") == OK
        stage.reads(stage.bob, f"REQUEST {request}: APPROVED", "Approved by @bob")
