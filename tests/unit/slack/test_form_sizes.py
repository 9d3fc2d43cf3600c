"""The form on a cluster with nothing in it, and on one with 10,000 indices."""

from time import monotonic
from typing import Any

import pytest

from bot.slack.blocks.form import FormValues
from bot.slack.blocks.form_preview import preview_form
from bot.slack.blocks.options import LONGEST_TEXT, LONGEST_VALUE, MOST_OPTIONS
from bot.slack.blocks.rich_text import fallback
from bot.slack.listeners.form import FormListeners
from tests.fakes import PRODUCTION, REQUESTER, World
from tests.unit.slack.test_form_listeners import Acked, body, form, sent, slack

__all__ = ["form", "slack"]

AT_ONCE = 1.0
"""Seconds for one search; Slack waits for three."""

LONGEST_PREVIEW = 1_000
"""Characters of the lines about what a wildcard matches."""

MANY = [f"logs-service-{number % 500:03}-{'x' * (number % 90)}-2026.{number:05}" for number in range(10_000)]


def searched(form: FormListeners, typed: str) -> list[dict[str, Any]]:
    ack: Any = Acked()
    form.search(ack, body() | {"value": typed})
    (answer,) = ack.answers
    return list(answer["options"])


def opened(form: FormListeners, slack: Any) -> None:
    form.open(slack, {"user": {"id": REQUESTER}, "trigger_id": "t"})


def test_on_an_empty_cluster_the_form_says_that_there_is_nothing(form: FormListeners, world: World, slack: Any) -> None:
    world.cluster.names = []
    opened(form, slack)
    (view,) = slack.of("update")
    assert "There is nothing to ask for on production." in str(view["view"].to_dict())
    assert searched(form, "") == []
    assert [each["value"] for each in searched(form, "logs-*")] == ["logs-*"]
    answer = sent(form, slack, body("logs-*"))
    assert "“logs-*” matches nothing that exists." in answer["errors"]["patterns"]


def test_where_there_is_something_nothing_is_said(form: FormListeners, slack: Any) -> None:
    opened(form, slack)
    assert not slack._told("update")


@pytest.mark.parametrize("typed", ["", "l", "logs-", "logs-service-1", "*", "*9*", "logs-service-499", "zzz", "2026.0"])
def test_among_10000_indices_a_search_is_quick_and_within_the_limits(
    form: FormListeners, world: World, typed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.cluster.names = MANY
    held = world.cluster.catalogue()
    monkeypatch.setattr(world.cluster, "catalogue", lambda: held)  # kept for half a minute, like the real one
    form.suggestions.index(PRODUCTION, REQUESTER)  # read when the form opens
    began = monotonic()
    found = searched(form, typed)
    assert monotonic() - began < AT_ONCE
    assert 0 < len(found) <= MOST_OPTIONS
    assert len({each["value"] for each in found}) == len(found)
    for each in found:
        assert 0 < len(each["text"]["text"]) <= LONGEST_TEXT
        assert len(each["value"]) <= LONGEST_VALUE
        assert len(each.get("description", {}).get("text", "")) <= LONGEST_TEXT


def test_a_wildcard_over_10000_indices_is_previewed(world: World) -> None:
    world.cluster.names = MANY
    _, lines = preview_form(world.requests, REQUESTER, FormValues(PRODUCTION.name, ("logs-*",), duration="1h"))
    assert "10000 indices" in fallback(lines)
    assert len(fallback(lines)) < LONGEST_PREVIEW
