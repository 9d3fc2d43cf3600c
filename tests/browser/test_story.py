"""The product's story in a browser: request, decision, use and end on the sandbox's page."""

import re
from contextlib import suppress

from playwright.sync_api import Locator, expect
from playwright.sync_api import Page as Tab
from playwright.sync_api import TimeoutError as NotInTime

from tests.browser.conftest import PHONE, Open, PersonColumn, Sandbox

MARKUP = "<b>bold</b> <img src=x onerror=document.title='owned'> *stars* <!channel> <@U123>"


def test_asked_by_command_approved_tried_expired_and_tried_again(tab: Tab, sandbox: Sandbox) -> None:
    alice, bob = PersonColumn(tab, "alice"), PersonColumn(tab, "bob")
    request = alice.asks("logs-* 1h fixing INC-42")
    asked = bob.message(f"Request {request}")
    expect(asked).to_contain_text("Reason: fixing INC-42")
    bob.presses("Approve", request)
    expect(bob.message(f"Request {request}: approved").get_by_role("button", name="Approve")).to_have_count(0)

    given = alice.message(f"Access {request}", "Password:")
    given.get_by_role("button", name="Try it").click()
    expect(given).to_contain_text("HTTP 200 OK")
    account = f"es-access-{request.removeprefix('REQ-').lower()}"
    made = tab.get_by_label("Made in the cluster")
    expect(made.locator(f"[data-made='user {account}']")).to_contain_text("@alice")
    expect(made.locator(f"[data-made='role {account}']")).to_contain_text("on logs-*")

    tab.get_by_role("button", name="One hour later").click()
    ended = alice.message(f"Access {request} has ended", "Ended: expired", "removed from this message")
    expect(ended).to_be_visible()
    expect(ended).not_to_contain_text("Password:")
    ended.get_by_role("button", name="Try it").click()
    expect(ended).to_contain_text("HTTP 401")
    expect(bob.message(f"Access {request} has ended")).to_be_visible()
    expect(made.locator(f"[data-made='user {account}']")).to_have_count(0)
    expect(tab.locator("#about")).to_contain_text("ahead")
    assert sandbox.stage.app.moved >= 3600


def chooses(window: Locator, name: str, option: str, typed: str = "") -> None:
    """Chooses an option in a select of a modal, after typing a search text."""
    field = window.get_by_role("combobox", name=name)
    for _ in range(5):
        field.click()
        if typed:
            field.fill(typed)
        # The application's answer to the previous choice redraws the modal and closes the list.
        with suppress(NotInTime):
            window.get_by_role("option", name=option).first.click(timeout=3000)
            return
    raise AssertionError(f"{option} could not be chosen")


def test_asked_by_form_with_errors_at_the_fields(tab: Tab) -> None:
    alice = PersonColumn(tab, "alice")
    alice.types("/es-access")
    window = alice.window
    expect(window).to_be_visible()
    patterns = window.get_by_role("combobox", name="Indices, data streams or aliases")
    expect(patterns).to_be_focused()
    window.get_by_role("button", name="Ask").click()
    expect(window.get_by_role("alert")).to_have_text("Please fill in this field.")
    expect(patterns).to_have_attribute("aria-invalid", "true")
    chooses(window, "Indices, data streams or aliases", "logs-shop", typed="shop")
    expect(window).to_contain_text("Matches now")
    chooses(window, "Permission", "write")
    chooses(window, "For how long", "Another duration")
    custom = window.get_by_label("Duration", exact=True)
    custom.fill("soon")
    window.get_by_role("button", name="Ask").click()
    expect(window.get_by_role("alert")).to_contain_text("soon")
    custom.fill("45m")
    window.get_by_label("Reason").fill(MARKUP)
    window.get_by_role("button", name="Ask").click()
    expect(window).to_have_count(0)
    expect(alice.message("is filed", "write on logs-shop")).to_be_visible()
    expect(alice.node.get_by_label("Write to ES Access")).to_be_focused()


def test_markup_in_what_people_type_is_shown_as_typed(tab: Tab) -> None:
    alice, bob = PersonColumn(tab, "alice"), PersonColumn(tab, "bob")
    request = alice.asks(f"logs-web 1h {MARKUP}")
    asked = bob.message(f"Request {request}")
    expect(asked).to_contain_text(f"Reason: {MARKUP}")
    assert asked.locator("img, b, strong:has-text('stars')").count() == 0
    assert tab.locator("img").count() == 0
    assert "owned" not in tab.title()


def test_denied_with_a_reason(tab: Tab) -> None:
    alice, bob = PersonColumn(tab, "alice"), PersonColumn(tab, "bob")
    request = alice.asks("metrics-* 1h")
    bob.presses("Deny", request)
    bob.window.get_by_label("Reason, for the requester").fill("Not before the release")
    bob.window.get_by_role("button", name="Deny", exact=True).click()
    expect(alice.message(f"Request {request}: denied")).to_contain_text("Not before the release")


def test_two_owners_in_two_tabs_and_the_requester_in_a_third(sandbox: Sandbox, open_page: Open) -> None:
    tabs = {name: open_page(f"{sandbox.page.url}?as={name}") for name in ("alice", "bob", "carol")}
    alice, bob, carol = (PersonColumn(tab, name) for name, tab in tabs.items())
    request = alice.asks("logs-web,orders 1h two teams")
    bob.presses("Approve", request)
    expect(carol.message(f"Request {request}")).to_contain_text("@bob")
    expect(alice.message(f"Access {request}", "Password:")).to_have_count(0)
    carol.presses("Approve", request)
    expect(alice.message(f"Access {request}", "Password:")).to_be_visible()
    assert tabs["alice"].locator("[data-person]").count() == 1


def test_an_owner_offers_less_and_it_is_taken(tab: Tab) -> None:
    alice, bob = PersonColumn(tab, "alice"), PersonColumn(tab, "bob")
    request = alice.asks("logs-web 2h")
    bob.presses("Offer less…", request)
    bob.window.get_by_label("For how long").fill("30m")
    bob.window.get_by_role("button", name="Offer").click()
    offer = alice.message("offers less than you asked for", request)
    expect(offer).to_contain_text("30m")
    offer.get_by_role("button", name="Accept").click()
    given = alice.message(f"Access {request}", "Password:")
    expect(given).to_contain_text("for 30m")
    expect(bob.message(f"Request {request}: approved")).to_be_visible()
    given.get_by_role("button", name="Try it").click()
    expect(given).to_contain_text("HTTP 200")


def test_more_time_is_asked_for_and_given(tab: Tab) -> None:
    alice, bob = PersonColumn(tab, "alice"), PersonColumn(tab, "bob")
    request = alice.asks("logs-web 1h")
    bob.presses("Approve", request)
    alice.message(f"Access {request}", "Password:").get_by_role("button", name="Extend").click()
    alice.window.get_by_label("For how much longer").fill("2h")
    alice.window.get_by_role("button", name="Ask").click()
    bob.message("asks for more time", request).get_by_role("button", name="Approve").click()
    expect(alice.message("Extension", request)).to_contain_text("now ends")
    alice.message(f"Access {request}", "Password:").get_by_role("button", name="Revoke now").click()
    expect(alice.message(f"Access {request} has ended")).to_contain_text("revoked by @alice")


def test_approved_with_the_keyboard_alone(tab: Tab) -> None:
    alice, bob = PersonColumn(tab, "alice"), PersonColumn(tab, "bob")
    expect(bob.node).to_be_visible()
    keys = tab.keyboard
    keys.press("F6")
    expect(alice.node.get_by_label("Write to ES Access")).to_be_focused()
    keys.type("/es")
    expect(alice.node.get_by_text("/es-access logs-* 1h [write] [reason]")).to_be_visible()
    keys.press("Tab")
    keys.type("logs-shop 1h by keyboard --again")
    keys.press("Enter")
    expect(alice.message("is filed", "logs-shop")).to_be_visible()
    keys.press("F6")
    expect(bob.node.get_by_label("Write to ES Access")).to_be_focused()
    asked = bob.message("by keyboard")
    approve = asked.get_by_role("button", name="Approve")
    expect(approve).to_be_visible()
    for _ in range(40):
        keys.press("Shift+Tab")
        if approve.evaluate("node => node === document.activeElement"):
            break
    assert approve.evaluate("node => getComputedStyle(node).outlineStyle") == "solid", "the focus is seen"
    keys.press("Enter")
    decided = bob.message("by keyboard", "approved")
    expect(decided).to_be_focused()


def test_a_window_keeps_the_focus_and_escape_closes_it(tab: Tab) -> None:
    alice = PersonColumn(tab, "alice")
    alice.types("/es-access")
    expect(alice.window).to_be_visible()
    for _ in range(12):
        tab.keyboard.press("Tab")
        assert alice.window.evaluate("node => node.contains(document.activeElement)")
    permission = alice.window.get_by_role("combobox", name="Permission")
    permission.click()
    expect(alice.window.get_by_role("listbox", name="Permission")).to_be_visible()
    permission.press("Escape")
    expect(alice.window.get_by_role("listbox", name="Permission")).to_be_hidden()
    expect(alice.window).to_be_visible()
    tab.keyboard.press("Escape")
    expect(alice.window).to_have_count(0)
    expect(alice.node.get_by_label("Write to ES Access")).to_be_focused()


def test_on_a_phone_one_person_is_shown_and_the_other_has_an_unread_mark(sandbox: Sandbox, open_page: Open) -> None:
    tab = open_page(sandbox.page.url, PHONE)
    alice, bob = PersonColumn(tab, "alice"), PersonColumn(tab, "bob")
    expect(alice.node).to_be_visible()
    expect(bob.node).to_be_hidden()
    request = alice.asks("logs-web 1h from a phone")
    switch = tab.get_by_role("group", name="Whose Slack is shown")
    expect(switch.get_by_role("button", name=re.compile("Bob.*[0-9] unread"))).to_be_visible()
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing to scroll sideways"
    switch.get_by_role("button", name="Bob").click()
    expect(alice.node).to_be_hidden()
    expect(bob.message(request).get_by_role("button", name="Approve")).to_be_in_viewport()
    bob.presses("Approve", request)
    switch.get_by_role("button", name="Alice").click()
    expect(alice.message(f"Access {request}", "Password:")).to_be_visible()
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
    switch.get_by_role("button", name="Behind the scenes").click()
    expect(tab.get_by_label("Traffic, newest first")).to_be_visible()
    expect(alice.node).to_be_hidden()


def test_a_person_is_switched_in_place(tab: Tab) -> None:
    expect(PersonColumn(tab, "bob").node).to_be_visible()
    PersonColumn(tab, "bob").node.get_by_label("Person").select_option("carol")
    expect(PersonColumn(tab, "carol").node.get_by_label("Write to ES Access")).to_be_visible()
    expect(PersonColumn(tab, "bob").node).to_have_count(0)
    tab.get_by_role("tab", name="# data-help").last.click()
    expect(PersonColumn(tab, "carol").node.get_by_label("Write in #data-help")).to_be_visible()
    expect(tab.get_by_role("tab", name="# data-help").last).to_have_attribute("aria-selected", "true")


def test_the_traffic_shows_payloads_and_the_time_to_the_acknowledgement(tab: Tab) -> None:
    alice = PersonColumn(tab, "alice")
    alice.types("/es-access help")
    expect(alice.message("/es-access list")).to_be_visible()
    row = tab.get_by_label("Traffic, newest first").locator("li.to", has_text="/es-access").first
    expect(row).to_contain_text(re.compile(r"[\d.]+ ms"))
    row.locator("summary").click()
    expect(row.get_by_label("Sent, as JSON")).to_contain_text('"text": "help"')
