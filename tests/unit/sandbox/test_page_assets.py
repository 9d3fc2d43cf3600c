"""The page's own files: they load nothing from outside, and no text becomes markup."""

import re
from pathlib import Path

import pytest

import bot.sandbox.page

ASSETS = sorted((Path(bot.sandbox.page.__file__).parent / "assets").iterdir())

MARKUP = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\(|new Function|srcdoc")

OUTSIDE = re.compile(r"(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}")

NAMESPACE = "http://www.w3.org/2000/svg"
"""A name, not an address: browsers do not fetch it."""

LONGEST_FILE = 300


@pytest.mark.parametrize("file", ASSETS, ids=lambda file: file.name)
def test_an_asset_is_short_and_keeps_to_itself(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert MARKUP.findall(text) == []
    assert OUTSIDE.findall(text.replace(NAMESPACE, "")) == []
    assert len(text.splitlines()) < LONGEST_FILE


def test_the_page_has_no_inline_script_or_style_and_every_module_is_there() -> None:
    names = {file.name for file in ASSETS}
    page = next(file for file in ASSETS if file.name == "index.html").read_text(encoding="utf-8")
    assert re.findall(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son[a-z]+=", page) == []
    asked_for = set(re.findall(r'"/assets/([^"]+)"', page))
    for file in ASSETS:
        if file.suffix == ".js":
            asked_for |= set(re.findall(r'from "\./([^"]+)"', file.read_text(encoding="utf-8")))
    assert asked_for == names - {"index.html"}
