"""The sandbox as `bot sandbox` starts it, its page in a real Chromium, and the actions of people there."""

import io
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, expect, sync_playwright
from playwright.sync_api import Page as Tab
from rich.console import Console

from bot.sandbox.node import DEFAULT_VERSION
from bot.sandbox.page import PageServer
from bot.sandbox.stage import Stage, running
from tests.browser.chromium import NoChromiumError, chromium, flags

WAIT_MS = 15_000
"""Timeout of steps that take well under one second on an idle machine."""

TEST_SECONDS = 600
"""Timeout of a test: the first one may also install the browser."""

WIDE = {"width": 1400, "height": 860}
PHONE = {"width": 390, "height": 844}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.timeout(TEST_SECONDS))


@dataclass(frozen=True)
class Sandbox:
    """The running stage and its page."""

    stage: Stage
    page: PageServer


# Package scope, not session scope: a synchronous Playwright blocks the main thread's event loop.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    try:
        program = chromium()
    except NoChromiumError as error:
        pytest.skip(str(error))
    expect.set_options(timeout=WAIT_MS)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=flags())
        yield started
        started.close()


@pytest.fixture(scope="package")
def sandbox() -> Iterator[Sandbox]:
    with running(DEFAULT_VERSION, Console(file=io.StringIO())) as stage, PageServer(stage, port=0) as page:
        yield Sandbox(stage, page)


@dataclass
class Watch:
    """Forbidden events in a tab: errors, and requests to other addresses than the page's."""

    errors: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)


Open = Callable[..., Tab]


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Open]:
    """`open_page(url, width=…, scheme=…)` opens a new tab. Errors and outside requests of any tab fail the test."""
    watch = Watch()
    with ExitStack() as stack:

        def show(url: str, size: dict[str, int] = WIDE, scheme: str = "light", *, may_err: bool = False) -> Tab:
            context = browser.new_context(viewport=size, color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]  # Playwright's literals
            stack.callback(context.close)
            tab = context.new_page()
            tab.set_default_timeout(WAIT_MS)
            root = url.partition("?")[0]
            tab.on("pageerror", lambda error: watch.errors.append(str(error)))
            if not may_err:
                tab.on("console", lambda said: watch.errors.append(said.text) if said.type == "error" else None)
            tab.on("request", lambda sent: None if sent.url.startswith(root) else watch.outside.append(sent.url))
            tab.goto(url)
            return tab

        yield show
    assert watch.errors == []
    assert watch.outside == []


@pytest.fixture
def tab(sandbox: Sandbox, open_page: Open) -> Tab:
    """A tab with Alice and Bob side by side."""
    return open_page(sandbox.page.url)


class PersonColumn:
    """A person's column in a tab."""

    def __init__(self, tab: Tab, name: str) -> None:
        self.tab = tab
        self.node = tab.locator(f"[data-person={name}]")

    def types(self, text: str) -> None:
        """Types into the composer and sends the text."""
        box = self.node.get_by_label("Write to ES Access")
        box.fill(text)
        box.press("Enter")

    def asks(self, text: str) -> str:
        """Files a request by command, and returns its id."""
        # Once the composer has its placeholder, earlier messages are drawn.
        expect(self.node.get_by_label("Write to ES Access")).to_have_attribute("placeholder", "Type /es-access …")
        answers = self.node.locator("article.private", has_text="is filed")
        before = answers.count()
        # --again, since the tests share one sandbox: without it, an existing request would be the answer.
        self.types(f"/es-access {text} --again")
        expect(answers).to_have_count(before + 1)
        return request_in(answers.last)

    def message(self, *words: str) -> Locator:
        """The newest message that contains all of `words`."""
        found = self.node.locator("article")
        for each in words:
            found = found.filter(has_text=each)
        return found.last

    def presses(self, name: str, request: str) -> None:
        """Clicks a button of the message about that request."""
        self.message(request).get_by_role("button", name=name).click()

    @property
    def window(self) -> Locator:
        """The top modal."""
        return self.node.get_by_role("dialog")


def request_in(message: Locator) -> str:
    """The first request id in a message."""
    found = re.search(r"REQ-[0-9A-Z]{6}", message.inner_text())
    assert found is not None, message.inner_text()
    return found.group()
