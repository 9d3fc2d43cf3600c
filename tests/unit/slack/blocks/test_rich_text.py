"""Every text fits Slack's limits, is shortened at a word, and stays data."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sandbox.workspace.blockkit.blocks import check_message_blocks
from bot.slack.blocks.content import LONGEST_BODY, LONGEST_TEXT, LONGEST_TITLE, MessageContent, content, plain
from bot.slack.blocks.rich_text import Bold, Code, Line, LocalTime, Person, Pre, fallback, shortened, within

TEXTS = st.text(max_size=400) | st.text("ab <>&\n", max_size=6_000)
PARTS = st.one_of(
    TEXTS, st.builds(Bold, TEXTS), st.builds(Code, TEXTS), st.just(Person("U0WHO")),
    st.just(LocalTime(datetime(2026, 11, 24, tzinfo=UTC))),
)  # fmt: skip
LINES = st.lists(st.one_of(st.lists(PARTS, max_size=6).map(tuple), st.builds(Pre, TEXTS)), max_size=30)


def blocks_of(shown: MessageContent) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(json.dumps([each.to_dict() for each in shown.blocks]))
    return found


def characters(part: object) -> int:
    """All text in a block."""
    if isinstance(part, dict):
        return sum(characters(value) for key, value in part.items() if key in {"text", "elements"})
    return sum(map(characters, part)) if isinstance(part, list) else len(part) if isinstance(part, str) else 0


@pytest.mark.parametrize(
    ("text", "most", "short"),
    [
        ("logs are here", 13, "logs are here"),
        ("logs are here", 12, "logs are…"),
        ("logs are here", 9, "logs are…"),
        ("logs are here", 8, "logs…"),
        ("logsarehere", 5, "logs…"),
    ],
)
def test_a_text_is_shortened_at_a_word(text: str, most: int, short: str) -> None:
    assert shortened(text, most) == short


@given(TEXTS, st.integers(2, 200))
def test_a_shortened_text_is_never_longer_and_says_that_something_is_missing(text: str, most: int) -> None:
    short = shortened(text, most)
    assert len(short) <= most
    assert short == text or short.endswith("…")


@given(LINES, st.integers(10, 500))
def test_lines_within_a_limit_are_a_beginning_of_what_was_said(lines: list[Line], most: int) -> None:
    kept = within(lines, most)
    assert len(fallback(kept)) <= most
    assert kept[:-1] == lines[: max(0, len(kept) - 1)]


@given(LINES)
def test_what_is_short_is_left_as_it_is(lines: list[Line]) -> None:
    assert within(lines, 10_000_000) == lines


@given(st.text(min_size=1, max_size=500).filter(str.strip), LINES)
def test_no_message_is_refused_by_slack(title: str, lines: list[Line]) -> None:
    for shown in (content(title, [("A line.",), *lines]), plain([("A line.",), *lines])):
        blocks = blocks_of(shown)
        check_message_blocks(blocks)  # raises the error that Slack would answer
        assert sum(map(characters, blocks)) <= LONGEST_BODY + LONGEST_TITLE
        assert len(shown.text) <= LONGEST_TEXT + LONGEST_TITLE + 1
