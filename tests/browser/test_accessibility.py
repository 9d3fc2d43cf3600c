"""axe checks of the page, light and dark, wide and narrow: roles, names, contrast, structure."""

from importlib.resources import files
from typing import Any

import pytest
from playwright.sync_api import Page as Tab
from playwright.sync_api import expect

from tests.browser.conftest import PHONE, WIDE, Open, PersonColumn, Sandbox

AXE = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")

STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def violations(tab: Tab) -> list[str]:
    """Each violated rule with its first places."""
    tab.evaluate(AXE)
    found: Any = tab.evaluate("tags => axe.run(document, {runOnly: {type: 'tag', values: tags}})", STANDARDS)
    places = [(one["id"], [node["html"][:160] for node in one["nodes"][:3]]) for one in found["violations"]]
    return [f"{rule} at {where}" for rule, where in places]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_axe_finds_nothing(sandbox: Sandbox, open_page: Open, scheme: str, size: dict[str, int]) -> None:
    tab = open_page(sandbox.page.url, size, scheme, may_err=True)
    alice, bob = PersonColumn(tab, "alice"), PersonColumn(tab, "bob")
    request = alice.asks("logs-* 1h")
    assert violations(tab) == []
    if size is PHONE:
        tab.get_by_role("group", name="Whose Slack is shown").get_by_role("button", name="Bob").click()
    bob.presses("Approve", request)
    expect(bob.message(f"Request {request}: approved")).to_be_visible()
    assert violations(tab) == []
    if size is PHONE:
        tab.get_by_role("group", name="Whose Slack is shown").get_by_role("button", name="Alice").click()
    alice.message(f"Access {request}", "Password:").get_by_role("button", name="Try it").click()
    expect(alice.message(f"Access {request}", "HTTP 200")).to_be_visible()
    alice.types("/es-access")
    permission = alice.window.get_by_role("combobox", name="Permission")
    permission.click()
    expect(alice.window.get_by_role("option", name="write")).to_be_visible()
    assert violations(tab) == []
    permission.press("Escape")
    alice.window.get_by_role("button", name="Ask").click()
    expect(alice.window.get_by_role("alert")).to_be_visible()
    assert violations(tab) == []
    tab.keyboard.press("Escape")
    expect(alice.window).to_have_count(0)
