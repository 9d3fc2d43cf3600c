"""The pictures of the README, taken from a fresh sandbox if ES_ACCESS_PICTURES=1."""

import io
import os
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page as Tab
from playwright.sync_api import expect
from rich.console import Console

from bot.sandbox.node import DEFAULT_VERSION
from bot.sandbox.page import PageServer
from bot.sandbox.stage import running
from tests.browser.conftest import PHONE, Open, PersonColumn, request_in

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"

SIZE = {"width": 1280, "height": 760}

MOST_BYTES = 150_000
"""Largest picture: a README is also read over slow connections."""

COLOURS = 128


def take(tab: Tab, name: str) -> None:
    """Takes one picture with a small palette: the page has few colours, and the file shrinks to a third."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    path = PICTURES / f"{name}.png"
    with Image.open(io.BytesIO(tab.screenshot(animations="disabled"))) as whole:
        whole.convert("RGB").quantize(COLOURS).save(path, optimize=True)
    assert path.stat().st_size < MOST_BYTES


@pytest.mark.skipif("ES_ACCESS_PICTURES" not in os.environ, reason="pictures are taken when ES_ACCESS_PICTURES=1 asks")
def test_the_story_in_pictures(open_page: Open) -> None:
    with running(DEFAULT_VERSION, Console(file=io.StringIO())) as stage, PageServer(stage, port=0) as page:
        tab = open_page(page.url, SIZE)
        alice, bob = PersonColumn(tab, "alice"), PersonColumn(tab, "bob")
        alice.types("/es-access logs-* 1h fixing INC-42")
        filed = alice.message("is filed")
        expect(filed).to_be_visible()
        request = request_in(filed)
        expect(bob.message(request).get_by_role("button", name="Approve")).to_be_visible()
        take(tab, "asked")
        alice.types("/es-access")
        field = alice.window.get_by_role("combobox", name="Indices, data streams or aliases")
        field.click()
        field.fill("order")
        alice.window.get_by_role("option", name="orders").first.click()
        expect(alice.window).to_contain_text("Matches now")
        take(tab, "form")
        tab.keyboard.press("Escape")
        phone = open_page(f"{page.url}?as=bob", PHONE, "dark")
        expect(PersonColumn(phone, "bob").message(request).get_by_role("button", name="Approve")).to_be_in_viewport()
        take(phone, "phone")
        phone.close()
        bob.presses("Approve", request)
        given = alice.message(f"Access {request}", "Password:")
        given.get_by_role("button", name="Try it").click()
        expect(given).to_contain_text("HTTP 200 OK")
        expect(tab.locator("[data-made]")).to_have_count(2)
        take(tab, "approved")
        tab.get_by_role("button", name="One hour later").click()
        ended = alice.message(request, "removed from this message")
        ended.get_by_role("button", name="Try it").click()
        expect(ended).to_contain_text("HTTP 401")
        expect(tab.locator(".gone")).to_have_count(2)
        ended.scroll_into_view_if_needed()
        take(tab, "ended")
        tab.close()
