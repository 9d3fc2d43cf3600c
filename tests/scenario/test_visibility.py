"""People in Slack see names and owners under their own access flows, and none that are denied to them."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from bot.sandbox.node import Node
from bot.sandbox.workspace import User
from tests.stage import Stage, set_stage

FLOWS = """
access_flows:
  - {name: no secrets, deny: true, requesters: ["@contractors"], patterns: ["vis-secret*"]}
  - {name: finance, requesters: ["@finance"], patterns: ["visit-*"]}
  - {name: by rule, patterns: ["vis-rule-*"], approve: rule}
  - {name: rest, patterns: ["vis-*"]}
"""

HIDDEN = ("vis-secret", "vis-shortcut", "@keepers", "visit-")
"""Names and owners that Alice, a contractor, may not read."""


@pytest.fixture
def stage(node: Node, tmp_path: Path) -> Iterator[Stage]:
    """Alice is a contractor, Dave is in finance, Carol is neither."""
    client = node.client()
    for name, owner in (("vis-open", "@web"), ("vis-secret-1", "@keepers"), ("visit-pay", "@finance")):
        node.create_index(name, owner=owner, docs=[{"message": name}])
    client.indices.put_alias(index="vis-secret-1", name="vis-shortcut")
    client.indices.put_alias(index="visit-pay", name="vis-rule-pay")
    with ExitStack() as stack:
        ready = set_stage(node, tmp_path, stack, policy=lambda _: FLOWS)
        ready.workspace.add_group("contractors", [ready.alice])
        ready.workspace.add_group("finance", [ready.dave])
        ready.workspace.add_group("web", [ready.bob])
        ready.workspace.add_group("keepers", [ready.carol])
        ready.app.start()
        yield ready
        client.indices.delete(index=["vis-open", "vis-secret-1", "visit-pay"])


def hides(text: str) -> bool:
    return not any(each in text for each in HIDDEN)


def test_resources_are_those_that_the_person_may_ask_for(stage: Stage) -> None:
    answer = stage.say(stage.alice, "resources")
    assert "vis-open index, owner @web" in answer
    assert hides(answer), answer
    for typed in ("secret", "shortcut", "pay-"):
        assert "nothing called" in stage.say(stage.alice, f"resources {typed}")
    assert "nothing called “@keepers”" in stage.say(stage.alice, "resources @keepers"), "owners are searched as well"
    assert "vis-secret-1 index, owner @keepers" in stage.say(stage.carol, "resources vis-s")
    assert "visit-pay" not in stage.say(stage.carol, "resources vis")
    assert "visit-pay index, owner @finance" in stage.say(stage.dave, "resources visit")


def suggested(stage: Stage, person: User, typed: str) -> str:
    stage.workspace.command(person, "/es-access", "")
    view = stage.wait(lambda: stage.workspace.views(person), "the form")[-1]
    return str(stage.workspace.suggest(person, view, "patterns", typed))


def test_the_form_suggests_and_counts_only_those(stage: Stage) -> None:
    assert "vis-open" in suggested(stage, stage.alice, "vis")
    for typed in ("", "vis", "vis*"):
        found = suggested(stage, stage.alice, typed)
        assert hides(found), found
    assert "Matches 2 now" in suggested(stage, stage.alice, "vis*"), "vis-open and the alias vis-rule-pay"
    assert "visit-pay" in suggested(stage, stage.dave, "visit")


def test_errors_suggest_only_those(stage: Stage) -> None:
    answer = stage.say(stage.alice, "vis-sec 1h")
    assert "matches nothing that exists" in answer
    assert hides(answer.replace("“vis-sec”", "")), answer
    assert "Did you mean vis-open" in stage.say(stage.alice, "vis-opn 1h")
    assert "Did you mean vis-secret-1" in stage.say(stage.carol, "vis-sec 1h")


def test_an_alias_that_a_rule_does_not_cover_is_refused_without_the_name_of_its_target(stage: Stage) -> None:
    for typed in ("vis-rule-pay 1h", "explain vis-rule-pay 1h"):
        answer = stage.say(stage.alice, typed)
        assert "points to data that the access flow “by rule” does not cover" in answer
        assert hides(answer), answer


def test_explain_names_no_owner_of_what_may_not_be_asked_for(stage: Stage) -> None:
    for typed in ("explain visit-* 1h", "explain vis-secret-1 1h", "explain vis-shortcut 1h", "explain vis-* 1h"):
        answer = stage.say(stage.alice, typed)
        assert "Would ask" not in answer
        assert "@keepers" not in answer, answer
        assert "@finance" not in answer, answer
    assert "@carol" in stage.say(stage.dave, "explain vis-secret-1 1h")
