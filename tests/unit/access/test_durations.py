"""Durations as people type them."""

from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.access.durations import (
    LONGEST,
    SHORTEST,
    format_duration,
    is_plain_duration,
    parse_duration,
    read_duration_words,
)
from bot.access.errors import InvalidRequest


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("30m", timedelta(minutes=30)),
        ("1h", timedelta(hours=1)),
        ("2h30m", timedelta(hours=2, minutes=30)),
        ("1d", timedelta(days=1)),
        ("1D2H", timedelta(days=1, hours=2)),
        ("90s", timedelta(seconds=90)),
        ("01h", timedelta(hours=1)),
        ("1 hour", timedelta(hours=1)),
        ("1h ", timedelta(hours=1)),
        ("90min", timedelta(minutes=90)),
        ("4hrs", timedelta(hours=4)),
        ("an hour", timedelta(hours=1)),
        ("Half an hour", timedelta(minutes=30)),
        ("half a day", timedelta(hours=12)),
        ("quarter of an hour", timedelta(minutes=15)),
        ("an hour and a half", timedelta(minutes=90)),
        ("one and a half hours", timedelta(minutes=90)),
        ("two hours", timedelta(hours=2)),
        ("forty-five minutes", timedelta(minutes=45)),
        ("1h30", timedelta(minutes=90)),
        ("1h 30m", timedelta(minutes=90)),
        ("1 hour, 30 minutes", timedelta(minutes=90)),
        ("2 days , 3 hours and 30 minutes", timedelta(days=2, hours=3, minutes=30)),
        ("1.5h", timedelta(minutes=90)),
        ("1,5 h", timedelta(minutes=90)),
        ("1½h", timedelta(minutes=90)),
        ("½ hour", timedelta(minutes=30)),
        ("2 weeks", timedelta(days=14)),
        ("1w", timedelta(days=7)),
        ("\u0661h", timedelta(hours=1)),
        ("\uff11\uff48", timedelta(hours=1)),
    ],
)
def test_what_people_type_is_understood(typed: str, meant: timedelta) -> None:
    assert parse_duration(typed) == meant


@pytest.mark.parametrize(
    "typed",
    ["", " ", "abc", "-1h", "1", "1m1h", "1h1h", "1.5.2h", "1e3h", "01:30", "h", "a", "a m", "half", "1month", "1h x"],
)
def test_other_text_is_no_duration(typed: str) -> None:
    with pytest.raises(InvalidRequest, match="is not a duration") as refused:
        parse_duration(typed)
    assert refused.value.example == "/es-access logs-* 1h"


@pytest.mark.parametrize("typed", ["0h", "0m", "0d0h0m", "59s"])
def test_too_short_names_the_shortest(typed: str) -> None:
    with pytest.raises(InvalidRequest, match="too short: the shortest access is 1m"):
        parse_duration(typed)


@pytest.mark.parametrize("typed", ["99999d", "9999999d9999999h9999999m999999999s", "8d", "7d1s"])
def test_above_the_maximum_names_the_maximum(typed: str) -> None:
    with pytest.raises(InvalidRequest, match="too long: the longest access is 7d") as refused:
        parse_duration(typed, timedelta(days=7))
    assert refused.value.example == "/es-access logs-* 1h"


def test_example_does_not_exceed_a_short_maximum() -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse_duration("1h", timedelta(minutes=15))
    assert refused.value.example == "/es-access logs-* 15m"


def test_long_nonsense_is_not_repeated_in_full() -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse_duration("x" * 5000)
    assert len(refused.value.message) < 200


def test_the_words_of_a_duration_are_told_from_those_of_the_reason() -> None:
    for text, duration, count in (
        ("1h 30 servers are down", "1h", 1),
        ("1h, because", "1h", 1),
        ("1 hour and 30 minutes and more", "1h30m", 5),
        ("1h and metrics", "1h", 1),
        ("2 days of work", "2d", 2),
    ):
        assert read_duration_words(text.split()) == (duration, count), text


def test_only_the_short_form_is_plain() -> None:
    assert [each for each in ("1h", "1D2H", "1 h", "1.5h", "90min", "1w", "") if is_plain_duration(each)] == [
        "1h",
        "1D2H",
    ]


@given(st.text(st.characters()) | st.from_regex(r"[0-9dhmsDHMS\-. ]{0,30}", fullmatch=True))
def test_any_text_is_a_duration_in_bounds_or_an_invalid_request(text: str) -> None:
    with suppress(InvalidRequest):
        assert SHORTEST <= parse_duration(text) <= LONGEST


@given(st.integers(60, int(LONGEST.total_seconds())))
def test_what_is_shown_can_be_typed(seconds: int) -> None:
    assert parse_duration(format_duration(timedelta(seconds=seconds))) == timedelta(seconds=seconds)
