"""The Home tab at its fullest, and its updates."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from bot.access.errors import Outage, Refusal
from bot.access.lookup.home_tab import MOST_FAVOURITES, SIZES, HomeTabContent, Section
from bot.access.models.columns import CredentialKind
from bot.access.models.home import Favourite
from bot.access.models.request_details import RequestDetails
from bot.access.store.home import RequestPage
from bot.runtime.home_refresher import HomeRefresher
from bot.sandbox.workspace.blockkit.blocks import VIEW_BYTES, check_view
from bot.slack.blocks.home import home
from tests.shown import ALICE, APPROVED, NOW, details, grant, request


def full(asked: dict[str, Any]) -> HomeTabContent:
    """Everything that a Home tab can hold, at maximum size."""
    live = details(request(APPROVED, **asked), grant(end_reason="x"))
    pages = {each: RequestPage([live] * size, "REQ-7K3F9Q", "REQ-7K3F9Q") for each, size in SIZES.items()}
    favourite = Favourite(
        person=ALICE, key="k", integration="prod", patterns=asked["patterns"], permission=asked["permission"],
        duration=60, kind=CredentialKind.API_KEY, reason=asked["reason"], saved_at=NOW,
    )  # fmt: skip
    return HomeTabContent(NOW, pages, 10_000, [favourite] * MOST_FAVOURITES)


@given(
    some.lists(some.text(min_size=1, max_size=255), min_size=1, max_size=20),
    some.text(min_size=1, max_size=64),
    some.text(max_size=1000),
)
def test_slack_takes_a_full_home_whatever_is_in_it(patterns: list[str], permission: str, reason: str) -> None:
    view = home(full({"patterns": patterns, "permission": permission, "reason": reason})).to_dict()
    assert check_view(view, ("home",)) == view


def test_a_home_at_its_largest_is_within_slacks_bytes() -> None:
    asked = {"patterns": ["\u00e9" * 127] * 20, "permission": "x" * 64, "reason": "\u00e9" * 1000}
    assert len(json.dumps(home(full(asked)).to_dict()).encode()) < VIEW_BYTES


def test_a_button_carries_an_id_and_nothing_else() -> None:
    view: Any = home(full({"patterns": ["a"], "permission": "read", "reason": ""})).to_dict()
    values = {one["value"] for block in view["blocks"] if block["type"] == "actions" for one in block["elements"]}
    assert values == {"REQ-7K3F9Q", "k", "ask", str(int(NOW.timestamp()))}


def test_a_story_without_a_grant_is_a_bug_where_something_is_live() -> None:
    pages = {each: RequestPage() for each in Section} | {Section.MINE: RequestPage([RequestDetails(request(APPROVED))])}
    with pytest.raises(LookupError):
        home(HomeTabContent(NOW, pages, 0, []))


class Slack:
    """Publishes, or fails on request."""

    def __init__(self) -> None:
        self.shown: list[str] = []
        self.errors: list[Exception] = []

    def publish(self, person: str) -> None:
        if self.errors:
            raise self.errors.pop(0)
        self.shown.append(person)


def test_a_home_that_could_not_be_shown_is_shown_later_and_once() -> None:
    slack, changed = Slack(), [["U1"], ["U1", "U2"], [], []]
    refresher = HomeRefresher(lambda: changed.pop(0), slack.publish)
    slack.errors = [Outage("slow down", retry_after=0)]
    refresher.run_once()
    assert slack.shown == []
    refresher.run_once()
    assert slack.shown == ["U1", "U2"]
    refresher.run_once()
    assert slack.shown == ["U1", "U2"]


def test_slack_is_left_alone_for_as_long_as_it_asks() -> None:
    slack, changed = Slack(), [["U1"], []]
    refresher = HomeRefresher(lambda: changed.pop(0), slack.publish)
    slack.errors = [Outage("slow down", retry_after=60)]
    refresher.run_once()
    refresher.run_once()
    assert slack.shown == []


def test_a_home_that_slack_refuses_is_tried_no_more_and_the_others_are_shown() -> None:
    slack, changed = Slack(), [["U1", "U2"], []]
    refresher = HomeRefresher(lambda: changed.pop(0), slack.publish)
    slack.errors = [Refusal("Slack answered not_enabled")]
    refresher.run_once()
    refresher.run_once()
    assert slack.shown == ["U2"]
