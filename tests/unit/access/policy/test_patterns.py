"""Index patterns: which are allowed, and the names that they cover."""

import fnmatch
import time
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.access.errors import InvalidRequest
from bot.access.policy.patterns import (
    LONGEST_BYTES,
    MOST_PATTERNS,
    covers,
    matcher,
    nearest,
    overlap,
    parse_patterns,
    reaches,
)

SECURITY_INDICES = (
    ".security",
    ".security-6",
    ".security-7",
    ".security-tokens",
    ".security-tokens-7",
    ".security-profile",
    ".security-profile-8",
)

near_names = st.text(st.sampled_from("abeclogs*.-_7y"), max_size=20)
any_text = st.text(st.characters()) | st.text(st.sampled_from("ab*.,-_:/<>{} A\u00e9"), max_size=40)


def matching(patterns: list[str], names: list[str]) -> list[str]:
    return sorted(filter(matcher(patterns), names))


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("logs-*", ("logs-*",)),
        ("logs-*,metrics-*", ("logs-*", "metrics-*")),
        (" logs-a , logs-b ", ("logs-a", "logs-b")),
        ("logs-a,logs-a", ("logs-a",)),
        ("*", ("*",)),
        ("**", ("*",)),
        ("logs-***-x", ("logs-*-x",)),
        ("größe-*", ("größe-*",)),
        ("Logs-Prod,Logs-*", ("Logs-Prod", "Logs-*")),
    ],
)
def test_patterns_are_read_in_the_order_typed_and_each_once(typed: str, meant: tuple[str, ...]) -> None:
    assert parse_patterns(typed) == meant


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("", "empty pattern"),
        ("   ", "empty pattern"),
        ("logs-a,,logs-b", "empty pattern"),
        ("logs-a,", "empty pattern"),
        ("_all", "write \\* for all"),
        ("-logs", "nothing can be excluded"),
        ("logs-*,-logs-secret", "nothing can be excluded"),
        ("/x.*/", "regular expressions are not read"),
        ("<logs-{now/d}>", "date math is not read"),
        ("<!channel>", "date math is not read"),
        (".security", "security indices"),
        (".security*", "security indices"),
        (".s*", "security indices"),
        (".security-profile-9", "security indices"),
        (".*", "behind data streams"),
        (".ds-logs-web-2026.01.01-000001", "behind data streams"),
        (".f*", "behind data streams"),
        ("*security*", "security indices"),
        ("*-7", "security indices"),
        ("*s*", "security indices"),
        ("remote:logs-*", "another cluster"),
        ("*:*", "another cluster"),
        ("logs a", "has no space"),
        ("logs\ta", "cannot be shown"),
        ("logs\x00a", "cannot be shown"),
        ("logs\u202ea", "cannot be shown"),
        ("logs\ud800", "cannot be shown"),
        ("logs?", "has no \\?"),
        ("a|b", "has no \\|"),
        ('a"b', 'has no "'),
        ("a`b", "has no `"),
        ("a#b", "has no #"),
        ("_logs", "does not start with _"),
        ("+logs", "does not start with _ or +"),
        ("x" * 256, "at most 255 bytes"),
        ("é" * 128, "at most 255 bytes"),
    ],
)
def test_bad_pattern_is_refused_with_the_reason_and_an_example(typed: str, why: str) -> None:
    with pytest.raises(InvalidRequest, match=why) as refused:
        parse_patterns(typed)
    assert refused.value.example == "/es-access logs-*,metrics-* 1h"
    assert len(refused.value.message) < 300
    refused.value.message.encode()  # can be sent


def test_twenty_patterns_are_taken_and_one_more_is_not() -> None:
    names = [f"logs-{number}" for number in range(MOST_PATTERNS + 1)]
    assert len(parse_patterns(",".join(names[:-1]))) == MOST_PATTERNS
    with pytest.raises(InvalidRequest, match="21 patterns are too many"):
        parse_patterns(",".join(names))


def test_255_bytes_are_taken() -> None:
    assert parse_patterns("x" * LONGEST_BYTES) == ("x" * LONGEST_BYTES,)


@given(any_text)
def test_any_text_is_patterns_or_an_invalid_request(text: str) -> None:
    try:
        patterns = parse_patterns(text)
    except InvalidRequest:
        return
    assert 1 <= len(patterns) <= MOST_PATTERNS
    assert parse_patterns(",".join(patterns)) == patterns


@given(st.lists(near_names | st.from_regex(r"\*?[.security\-7tokn*]{1,12}", fullmatch=True), min_size=1, max_size=3))
def test_no_accepted_pattern_but_the_bare_star_could_match_a_security_index(texts: list[str]) -> None:
    try:
        patterns = parse_patterns(",".join(texts))
    except InvalidRequest:
        return
    for pattern in patterns:
        covered = [name for name in SECURITY_INDICES if fnmatch.fnmatchcase(name, pattern)]
        assert pattern == "*" or not covered


@given(near_names, st.lists(near_names, max_size=8))
def test_a_pattern_covers_what_a_shell_would_say_and_a_leading_dot_by_its_own_alone(
    pattern: str, names: list[str]
) -> None:
    expected = sorted(
        name
        for name in names
        if (pattern.startswith(".") or not name.startswith(".")) and fnmatch.fnmatchcase(name, pattern)
    )
    assert matching([pattern], names) == expected


def test_star_covers_everything_but_names_with_a_leading_dot() -> None:
    assert matching(["*"], ["b", ".security-7", "a", ".ds-logs-000001"]) == ["a", "b"]


def test_only_a_pattern_with_a_leading_dot_covers_hidden_names() -> None:
    names = [".alerts-web", ".ml-web", "alerts-web"]
    assert matching(["*alerts*", ".ml-*"], names) == [".ml-web", "alerts-web"]
    assert matching([".alerts-*"], names) == [".alerts-web"]
    assert not covers("*", ".alerts-*")
    assert not covers("*web", ".alerts-web")
    assert covers(".alerts-*", ".alerts-web")
    assert covers("*", ".alerts-*", hidden=True)


def test_access_without_a_leading_dot_reaches_no_hidden_name() -> None:
    assert overlap("*", ".alerts-*")
    assert not reaches("*", ".alerts-*")
    assert reaches(".alerts-*", "*")
    assert reaches(".alerts-*", ".alerts-web")


def test_several_patterns_cover_their_union() -> None:
    assert matching(["logs-*", "metrics-a"], ["logs-a", "metrics-a", "metrics-b"]) == ["logs-a", "metrics-a"]


def test_many_wildcards_cost_no_more_than_one() -> None:
    names = ["a" * 255] * 20
    before = time.process_time()
    assert matching(["*a" * 100 + "*b"], names) == []
    assert time.process_time() - before < 1  # with backtracking it would take years


@pytest.mark.parametrize(
    ("pattern", "names", "near"),
    [
        ("log-*", ["logs-a", "metrics-a"], ["logs-a"]),
        ("logs-2025*", ["logs-2026"], ["logs-2026"]),
        ("web", ["web-1", "web-2", "app"], ["web-1", "web-2"]),
        ("zzz", ["logs-a"], []),
        ("*", [], []),
        ("security", [".security-7"], []),
        ("Logs-*", ["logs-a", "logs-b"], ["logs-*"]),
        ("LOGS-B", ["logs-a", "logs-b"], ["logs-b"]),
    ],
)
def test_nearest_names_are_offered_and_system_indices_never(pattern: str, names: list[str], near: list[str]) -> None:
    assert nearest(pattern, names) == near


@pytest.mark.parametrize("typed", ["teem1-service3-prod-2026.01.02", "ab" * 127, "e" * 255])
def test_a_hint_is_found_among_ten_thousand_names_at_once(typed: str) -> None:
    days = [f"2026.{day // 28:02d}.{day % 28:02d}" for day in range(334)]
    names = [f"team{team}-service{team % 7}-prod-{day}" for team in range(30) for day in days]
    names += [("ab" * 100)[:200] + f"{number:05d}" * 10 for number in range(1000)]
    began = time.thread_time()
    nearest(typed, names)
    assert time.thread_time() - began < 0.5


def test_a_hint_names_the_closest_of_many_days() -> None:
    days = [f"logs-web-2026.{month:02d}.{day:02d}" for month in range(1, 13) for day in range(1, 29)]
    assert nearest("log-web-2026.03.04", [*days, "metrics"])[0] == "logs-web-2026.03.04"


# --- pairs of patterns ---

short_patterns = st.text(st.sampled_from("ab*"), min_size=1, max_size=6).filter(lambda text: "**" not in text)
ALL_SHORT_NAMES = ["".join(each) for length in range(9) for each in product("abc", repeat=length)]


@given(short_patterns, short_patterns)
@settings(max_examples=150)
def test_a_pattern_covers_another_when_it_matches_all_that_the_other_could(wide: str, narrow: str) -> None:
    # Neither pattern contains `c`, so these names include every case of a star.
    matched = matcher([wide])
    assert covers(wide, narrow) == all(matched(name) for name in filter(matcher([narrow]), ALL_SHORT_NAMES))


@pytest.mark.parametrize(
    ("wide", "narrow", "covered"),
    [
        ("*", "*", True),
        ("*", "logs-*", True),
        ("logs-*", "*", False),
        ("logs-*", "logs-*", True),
        ("logs-*", "logs-web-*", True),
        ("logs-*", "logs*", False),
        ("logs-*", "logs-", True),
        ("logs-*", "metrics-a", False),
        ("*-prod", "logs-*-prod", True),
        ("*-prod", "logs-prod-*", False),
        ("logs-*-prod", "logs-*", False),
        ("*a*a", "*aa", True),
        ("logs-a", "logs-a", True),
        ("logs-a", "logs-?", False),
    ],
)
def test_examples_of_what_is_covered(wide: str, narrow: str, covered: bool) -> None:
    assert covers(wide, narrow) is covered
