"""The request form in use: opened in every way, searched, changed, and sent with and without errors."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from bot.sandbox.node import Node
from bot.sandbox.workspace import User, View
from tests.stage import Stage, request_id, set_stage

Json = dict[str, Any]

FLOWS = """
access_flows:
  - {name: careful, owners: integration, patterns: ["logs-*"], max_duration: 4h, reason: required}
  - {name: writers, owners: integration, patterns: ["logs-*"], permissions: [write], max_duration: 7d}
  - {name: open, owners: integration, patterns: ["metrics-*"], permissions: [read, write], max_duration: 7d}
"""


@pytest.fixture(params=["socket", "http"])
def stage(request: pytest.FixtureRequest, node: Node, tmp_path: Path) -> Iterator[Stage]:
    """A stage whose flows need a reason for logs, once in each delivery mode."""
    with ExitStack() as stack:
        ready = set_stage(node, tmp_path, stack, http=request.param == "http", policy=lambda _: FLOWS)
        ready.app.start()
        yield ready


def opened(stage: Stage, text: str = "", person: User | None = None) -> View:
    who = person or stage.alice
    delivery = stage.workspace.command(who, "/es-access", text)
    assert delivery.error is None
    return stage.wait(lambda: stage.workspace.views(who), "the form")[-1]


def shows(stage: Stage, *words: str, person: User | None = None) -> str:
    """Waits until the form contains these words."""
    who = person or stage.alice

    def look() -> str | None:
        views = stage.workspace.views(who)
        text = stage.workspace.render(views[-1], who) if views else ""
        return text if all(word in text for word in words) else None

    return stage.wait(look, f"a form with {words}")


def option(stage: Stage, view: View, typed: str, value: str | None = None) -> Json:
    found = stage.workspace.suggest(stage.alice, view, "patterns", typed)
    return next(each for each in found if each["value"] == (value or typed))


def durations(stage: Stage) -> list[str]:
    """The options to choose from."""
    (view,) = stage.workspace.views(stage.alice)
    (block,) = [each for each in view.blocks if each["block_id"].startswith("duration")]
    return [each["value"] for each in block["element"]["options"]]


def choose(stage: Stage, view: View, *patterns: str) -> None:
    options = [option(stage, view, each) for each in patterns]
    assert stage.workspace.click(stage.alice, view, "patterns", options).error is None


def test_what_exists_is_found_while_somebody_types_and_asked_for(stage: Stage) -> None:
    view = opened(stage)
    assert "logs-*" in [each["value"] for each in stage.workspace.suggest(stage.alice, view, "patterns", "")]
    found = {each["value"]: each for each in stage.workspace.suggest(stage.alice, view, "patterns", "log")}
    assert {"log*", "logs-*", "logs-web", "logs-app"} <= set(found)
    assert found["logs-web"]["description"]["text"] == "index, no owner"
    choose(stage, view, "metrics-cpu")
    text = shows(stage, "Matches now: 1 index", "Would ask 1 owner", "“open”", "up to 7d")
    assert "@bob" in text
    stage.workspace.submit(stage.alice, view, {"reason": "by form"})
    assert not stage.workspace.views(stage.alice)
    asked = stage.reads(stage.bob, "asks for access", "by form")
    assert "read on metrics-cpu in elasticsearch for 1h" in asked
    stage.reads(stage.alice, "is filed")


def test_a_preview_follows_what_is_chosen_and_another_limit_offers_other_durations(stage: Stage) -> None:
    view = opened(stage)
    choose(stage, view, "metrics-cpu")
    shows(stage, "up to 7d")
    assert durations(stage)[-2:] == ["7d", "custom"]
    choose(stage, view, "logs-*")
    shows(stage, "“careful”", "up to 4h", "It needs a reason", "2 indices")
    assert durations(stage) == ["15m", "30m", "1h", "2h", "4h", "custom"]
    now = stage.workspace.views(stage.alice)[-1]
    assert now.values["patterns"]["patterns"]["selected_options"][0]["value"] == "logs-*"
    with pytest.raises(ValueError, match="Reason, for the owners is required"):
        stage.workspace.submit(stage.alice, now)
    stage.workspace.click(stage.alice, now, "permission", "write")
    shows(stage, "“writers”", "up to 7d")


def test_another_duration_than_those_to_choose_from_is_typed(stage: Stage) -> None:
    view = opened(stage)
    choose(stage, view, "metrics-cpu")
    shows(stage, "Would ask")
    stage.workspace.click(stage.alice, stage.workspace.views(stage.alice)[-1], "duration", "custom")
    shows(stage, "Such as 45m")
    now = stage.workspace.views(stage.alice)[-1]
    assert stage.workspace.submit(stage.alice, now, {"custom": "never"}).error is None
    (now,) = stage.workspace.views(stage.alice)
    assert "“never” is not a duration" in now.errors["custom"]
    stage.workspace.submit(stage.alice, now, {"custom": "45m"})
    stage.reads(stage.bob, "read on metrics-cpu in elasticsearch for 45m")


def test_a_half_typed_command_opens_the_form_with_what_was_typed(stage: Stage) -> None:
    opened(stage, "logs-* 2h read")
    text = shows(stage, "The access flow “careful” needs a reason.", "Matches now: 2 indices", "2 hours")
    assert "logs-*" in text
    stage.workspace.submit(stage.alice, stage.workspace.views(stage.alice)[-1], {"reason": "INC-42"})
    stage.reads(stage.bob, "read on logs-* in elasticsearch for 2h", "Reason: INC-42")


def test_what_is_missing_is_said_in_the_form(stage: Stage) -> None:
    for typed, missing in {"metrics-cpu": "Say for how long you need it.", "3h": "Say which indices you need."}.items():
        view = opened(stage, typed)
        shows(stage, missing)
        stage.workspace.close_view(stage.alice, view)
    assert not stage.workspace.ephemerals(stage.alice)


def test_shortcuts_open_the_form_and_a_message_becomes_the_reason(stage: Stage) -> None:
    workspace = stage.workspace
    assert workspace.shortcut(stage.alice, "ask").error is None
    view = stage.wait(lambda: workspace.views(stage.alice), "the form")[-1]
    workspace.close_view(stage.alice, view)
    said = workspace.say(stage.alice, f"<@{stage.bob.id}> logs are &lt;late&gt; " + "and slow " * 100)
    assert workspace.message_shortcut(stage.alice, "ask_about", said.channel, said.ts).error is None
    view = stage.wait(lambda: workspace.views(stage.alice), "the form")[-1]
    choose(stage, view, "logs-app")
    shows(stage, "careful")
    workspace.submit(stage.alice, workspace.views(stage.alice)[-1])
    text = stage.reads(stage.bob, "asks for access", "logs are <late> and slow")
    assert f".slack.com/archives/{said.channel}/p{said.ts.replace('.', '')}" in text


def test_errors_stand_at_their_fields_and_nothing_is_lost(stage: Stage) -> None:
    view = opened(stage, "metrics-cpu")
    shows(stage, "Matches now")
    stage.node.create_index("gone-soon", docs=[{"message": "x"}])
    try:
        stage.workspace.click(
            stage.alice, view, "patterns", [{"text": {"type": "plain_text", "text": "_logs"}, "value": "_logs"}]
        )
        shows(stage, "does not start with _ or +")
    finally:
        stage.node.client().indices.delete(index="gone-soon")
    now = stage.workspace.views(stage.alice)[-1]
    stage.workspace.submit(stage.alice, now, {"reason": "kept"})
    (now,) = stage.workspace.views(stage.alice)
    assert "does not start with _ or +" in now.errors["patterns"]
    assert now.values["reason"]["reason"]["value"] == "kept"


def test_a_form_that_the_policy_has_overtaken_says_so_at_the_field(stage: Stage) -> None:
    view = opened(stage)
    choose(stage, view, "metrics-cpu")
    shows(stage, "up to 7d")
    config, before = stage.app.access_config, len(stage.audit("policy.loaded"))
    config.write_text(
        config.read_text(encoding="utf-8").replace("max_duration: 7d", "max_duration: 30m"), encoding="utf-8"
    )
    stage.app.reload()
    stage.wait(lambda: len(stage.audit("policy.loaded")) > before, "the new policy")
    now = stage.workspace.views(stage.alice)[-1]
    stage.workspace.submit(stage.alice, now, {"reason": "kept"})
    (now,) = stage.workspace.views(stage.alice)
    (place,) = now.errors
    assert place.startswith("duration")
    assert "the longest access is" in now.errors[place]
    assert now.values["reason"]["reason"]["value"] == "kept"


def test_a_window_that_slack_opens_no_more_is_answered_with_what_to_type(stage: Stage) -> None:
    stage.workspace.faults.add("views.open", "expired_trigger_id")
    answer = stage.say(stage.alice, "logs-* 2h read")
    assert "Type it instead" in answer
    assert "/es-access logs-* 2h" in answer


def test_a_form_that_is_closed_meanwhile_is_no_trouble(stage: Stage) -> None:
    view = opened(stage, "logs-* 2h")
    stage.workspace.close_view(stage.alice, view)
    request = stage.ask("logs-* 1h read INC-1")
    assert request == request_id(request)
    assert not stage.workspace.notices(stage.alice)


def test_every_window_that_is_too_late_says_what_to_do_instead(stage: Stage) -> None:
    request = stage.ask("metrics-cpu 1h")
    late = ("views.open", "expired_trigger_id")
    stage.workspace.faults.add(*late)
    message = stage.approval(stage.bob, request)
    answer = stage.answer_to(stage.bob, lambda: stage.workspace.click(stage.bob, message, "Deny"))
    assert "Click Deny again." in answer
    stage.approve(request)
    stage.secret(request)
    (credential,) = [
        each for each in stage.workspace.messages(stage.alice) if "Extend" in stage.read(each, stage.alice)
    ]
    stage.workspace.faults.add(*late)
    answer = stage.answer_to(stage.alice, lambda: stage.workspace.click(stage.alice, credential, "Extend"))
    assert f"/es-access extend {request} 1h" in answer


def test_an_index_that_is_not_there_is_said_at_its_field(stage: Stage) -> None:
    view = opened(stage)
    choose(stage, view, "metrics-cpu")
    shows(stage, "Matches now")
    chosen = {"text": {"type": "plain_text", "text": "logs-gone"}, "value": "logs-gone"}
    now = stage.workspace.views(stage.alice)[-1]
    stage.workspace.submit(stage.alice, now, {"patterns": [chosen], "reason": "kept"})
    (now,) = stage.workspace.views(stage.alice)
    assert "“logs-gone” matches nothing that exists" in now.errors["patterns"]
    assert now.values["reason"]["reason"]["value"] == "kept"


def test_while_direct_messages_are_off_the_form_says_so_and_nothing_is_filed(stage: Stage) -> None:
    view = opened(stage)
    choose(stage, view, "metrics-cpu")
    shows(stage, "Matches now")
    stage.workspace.set_messages_tab(enabled=False)
    request = stage.ask("metrics-cpu 2h")
    stage.hears(stage.alice, f"Request {request} was cancelled")
    now = stage.workspace.views(stage.alice)[-1]
    stage.workspace.submit(stage.alice, now, {"reason": "kept"})
    (now,) = stage.workspace.views(stage.alice)
    assert any("Nothing was filed" in each for each in now.errors.values())
    stage.workspace.set_messages_tab(enabled=True)
    stage.workspace.submit(stage.alice, now, {"reason": "kept"})
    stage.reads(stage.bob, "asks for access", "kept")
