"""Every block and element on the page, with an application that uses all of them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page as Tab
from playwright.sync_api import expect

from bot.sandbox.page import PageServer
from bot.sandbox.page.api import PageApi
from bot.sandbox.stage import Stage
from bot.sandbox.workspace import User, Workspace
from tests.browser.conftest import Open, PersonColumn, Sandbox
from tests.browser.gallery import MESSAGE, Gallery, button
from tests.integration.bolt_app import by_socket
from tests.integration.wider_manifest import wider


@dataclass(frozen=True)
class Scene:
    """Alice's tab and the application behind it."""

    tab: Tab
    alice: PersonColumn
    user: User
    gallery: Gallery
    stage: Stage

    @property
    def workspace(self) -> Workspace:
        return self.stage.workspace

    def opens_form(self) -> None:
        """Opens the form from the menu of shortcuts."""
        self.alice.node.get_by_role("button", name="Shortcuts", exact=True).click()
        self.alice.node.get_by_role("menuitem", name="Ask for access").click()
        expect(self.alice.window.get_by_role("heading", name="Every element")).to_be_visible()


@pytest.fixture
def scene(sandbox: Sandbox, open_page: Open, tmp_path: Path) -> Iterator[Scene]:
    """A second workspace and application on the same node."""
    with Workspace.start(wider(tmp_path)) as workspace:
        alice = workspace.add_user("alice", tz="America/New_York")
        workspace.add_user("bob")
        gallery = Gallery(workspace)
        stage = replace(sandbox.stage, workspace=workspace)
        with by_socket(workspace, gallery.app), PageServer(stage, port=0) as page:
            tab = open_page(f"{page.url}?as=alice")
            yield Scene(tab, PersonColumn(tab, "alice"), alice, gallery, stage)
            tab.close()  # before the page stops, which would be an error in the tab


def test_every_block_of_a_message_is_drawn(scene: Scene) -> None:
    scene.gallery.client.chat_postMessage(channel=scene.user.id, text="Every block", blocks=MESSAGE)
    shown = scene.alice.message("Every block")
    expect(shown.get_by_role("heading", name="Every block")).to_be_visible()
    for tag, words in (("strong", "strong"), ("em", "slanted"), ("s", "gone"), ("code", "code"), ("strong", "context")):
        expect(shown.locator(tag, has_text=words).first).to_be_visible()
    expect(shown).to_contain_text("<b> 5:13 PM")
    expect(shown).to_contain_text("Tuesday, November 14, 2023 at 5:13 PM")
    expect(shown.locator(".rich li")).to_have_text("one of a list")
    expect(shown.locator("blockquote")).to_have_text("a quote")
    expect(shown.locator("pre")).to_have_text("<pre> & formatted")
    expect(shown.get_by_role("link")).to_have_count(1)
    expect(shown.get_by_role("link", name="a link")).to_have_attribute("rel", "noopener noreferrer")
    expect(shown.get_by_role("img", name="a cat")).to_be_visible()
    expect(scene.tab.locator(".unknown")).to_have_count(0)


def test_buttons_confirm_menus_and_selects_reach_the_application(scene: Scene) -> None:
    scene.gallery.client.chat_postMessage(channel=scene.user.id, text="Every block", blocks=MESSAGE)
    shown, node = scene.alice.message("Every block"), scene.alice.node
    shown.get_by_role("button", name="End").click()
    dialog = node.get_by_role("alertdialog", name="Are you sure?")
    expect(dialog).to_contain_text("It ends now.")
    dialog.get_by_role("button", name="Keep it").click()
    expect(dialog).to_have_count(0)
    expect(shown.get_by_role("button", name="End")).to_be_focused()
    assert scene.gallery.heard == []
    shown.get_by_role("button", name="End").click()
    dialog.get_by_role("button", name="End it").click()
    heard(scene, "action_id", "End")
    shown.get_by_role("button", name="More actions").click()
    scene.tab.keyboard.press("ArrowDown")
    scene.tab.keyboard.press("Enter")
    assert heard(scene, "action_id", "more")["selected_option"]["value"] == "Delete"
    pick = shown.get_by_role("combobox", name="Pick one")
    pick.fill("bl")
    expect(shown.get_by_role("option")).to_have_count(1)
    pick.press("ArrowDown")
    pick.press("Enter")
    assert heard(scene, "action_id", "pick")["selected_option"]["value"] == "blue"


def heard(scene: Scene, key: str, value: str) -> dict[str, Any]:
    """Waits until the application's latest action has this value, and returns the action."""

    def look() -> dict[str, Any] | None:
        actions = [each["actions"][0] for each in scene.gallery.heard if each.get("type") == "block_actions"]
        return actions[-1] if actions and actions[-1][key] == value else None

    return scene.workspace.wait_for(look, what=f"{key} {value}")


def test_a_form_is_filled_by_keyboard_and_search_changed_and_sent(scene: Scene) -> None:
    scene.opens_form()
    window = scene.alice.window
    index = window.get_by_role("combobox", name="index", exact=True)
    index.click()
    expect(window.get_by_text("Type 1 or more characters").first).to_be_visible()
    index.press_sequentially("hosts")
    expect(window.get_by_role("option", name="metrics-hosts")).to_contain_text("of the platform team")
    index.press("ArrowDown")
    expect(index).to_have_attribute("aria-activedescendant", re.compile("option-"))
    index.press("Enter")
    expect(index).to_have_value("metrics-hosts")
    several = window.get_by_role("combobox", name="indices (optional)")
    for name in ("logs-web", "logs-shop"):
        several.click()
        window.get_by_role("option", name=name).click()
    expect(window.get_by_role("button", name="Remove logs-web")).to_be_visible()
    several.press("Backspace")
    expect(window.get_by_role("button", name="Remove logs-shop")).to_have_count(0)
    window.get_by_label("why").fill("no")
    window.get_by_label("write").check()
    expect(window.get_by_text("You chose write")).to_be_visible()
    told = scene.gallery.last("block_actions")["view"]["state"]["values"]
    assert told["index"]["index"]["selected_option"]["value"] == "metrics-hosts"
    expect(window.get_by_label("write")).to_be_checked()
    expect(window.get_by_label("why")).to_have_value("no")
    expect(window.get_by_label("until")).to_have_value("2023-11-14T17:13")
    window.get_by_label("until").fill("2023-11-14T18:00")
    window.get_by_role("button", name="Send").click()
    expect(window.get_by_role("alert")).to_have_text("At least 3 characters, please.")
    window.get_by_label("why").fill("because")
    window.get_by_role("button", name="Send").click()
    expect(window.get_by_role("alert")).to_have_text("Say it better")
    expect(window.get_by_label("why")).to_be_focused()
    window.get_by_label("urgent").check()
    window.get_by_label("why").fill("it is on fire")
    window.get_by_role("button", name="Send").click()
    expect(window).to_have_count(0)
    sent = scene.gallery.last("view_submission")["view"]["state"]["values"]
    assert [one["value"] for one in sent["indices"]["indices"]["selected_options"]] == ["logs-web"]
    assert sent["kind"]["kind"]["selected_option"]["value"] == "write"
    assert sent["boxes"]["boxes"]["selected_options"][0]["value"] == "urgent"
    assert sent["until"]["until"]["selected_date_time"] == 1_700_002_800
    assert sent["why"]["why"]["value"] == "it is on fire"


def test_windows_are_stacked_and_what_was_typed_below_stays(scene: Scene) -> None:
    scene.opens_form()
    scene.alice.window.get_by_label("why").fill("half a")
    scene.alice.window.get_by_role("button", name="Push").click()
    expect(scene.alice.window.get_by_role("heading", name="On top")).to_be_visible()
    scene.tab.keyboard.press("Escape")
    expect(scene.alice.window.get_by_role("heading", name="Every element")).to_be_visible()
    expect(scene.alice.window.get_by_label("why")).to_have_value("half a")


def test_home_is_published_when_it_is_opened(scene: Scene) -> None:
    scene.alice.node.get_by_role("tab", name="Home").click()
    home = scene.alice.node.get_by_role("tabpanel", name="Home")
    expect(home.get_by_role("heading", name="Your access")).to_be_visible()
    home.get_by_role("button", name="At home").click()
    heard(scene, "action_id", "At home")
    assert scene.gallery.last("block_actions")["view"]["type"] == "home"
    scene.alice.node.get_by_role("tab", name="Home").press("ArrowLeft")
    expect(scene.alice.node.get_by_role("tab", name="ES Access")).to_be_focused()
    expect(home).to_be_hidden()


def test_answers_stand_under_their_parent_and_a_message_has_its_shortcuts(scene: Scene) -> None:
    client = scene.gallery.client
    sent = client.chat_postMessage(channel=scene.user.id, text="the parent")
    client.chat_postMessage(channel=scene.user.id, text="another message")
    client.chat_postMessage(channel=scene.user.id, text="the answer", thread_ts=sent["ts"])
    thread = scene.alice.node.get_by_role("list", name="Answers in the thread")
    expect(thread).to_contain_text("the answer")
    expect(scene.alice.node.locator(".messages > li")).to_have_count(2)
    scene.alice.message("another message").get_by_role("button", name="Shortcuts for this message").click()
    scene.alice.node.get_by_role("menuitem", name="Look closer").click()
    scene.workspace.wait_for(lambda: scene.gallery.heard, what="the shortcut")
    assert scene.gallery.last("message_action")["message"]["text"] == "another message"


def test_a_click_that_crosses_an_edit_reaches_the_application_as_it_was_made(scene: Scene) -> None:
    client, blocks = scene.gallery.client, [{"type": "actions", "elements": [button("Plain")]}]
    sent = client.chat_postMessage(channel=scene.user.id, text="before", blocks=blocks)
    (drawn,) = scene.workspace.messages(scene.user)
    client.chat_update(channel=drawn.channel, ts=drawn.ts, text="after", blocks=[])
    click = {"person": scene.user.id, "channel": drawn.channel, "ts": sent["ts"], "action_id": "Plain"}
    told = PageApi(scene.stage).do("click", click | {"block_id": drawn.blocks[0]["block_id"], "value": None})
    assert told == {"ok": True}
    assert heard(scene, "action_id", "Plain")["value"] == "Plain"
    assert scene.gallery.last("block_actions")["message"]["text"] == "before"
