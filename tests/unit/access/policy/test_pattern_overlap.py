"""`overlap`, compared with trying every short name."""

from itertools import product

import pytest

from bot.access.policy.patterns import matcher, overlap


def texts(letters: str, most: int) -> list[str]:
    return ["".join(each) for length in range(1, most + 1) for each in product(letters, repeat=length)]


def test_patterns_overlap_when_some_name_is_matched_by_both() -> None:
    patterns = [each for each in texts("ab*", 3) if "**" not in each]
    matched = {pattern: {name for name in texts("ab", 6) if matcher([pattern])(name)} for pattern in patterns}
    wrong = [
        pair for pair in product(patterns, repeat=2) if overlap(*pair) != bool(matched[pair[0]] & matched[pair[1]])
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("one", "other", "meet"),
    [
        ("*", "logs-web-*", True),
        ("logs-*", "logs-web", True),
        ("logs-*", "*-web", True),
        ("logs-*", "metrics-*", False),
        ("*-prod", "*-test", False),
        ("logs-*-web-*", "logs-*-db-*", True),
        ("logs-*-web", "logs-web", False),
    ],
)
def test_examples(one: str, other: str, meet: bool) -> None:
    assert overlap(one, other) is overlap(other, one) is meet
