"""Regular expressions of a policy: none is slow, and one that cannot be read is named with what to write instead."""

import re
import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.access.policy.expressions import check_expression, occurs
from bot.access.policy.model import LONGEST_REASON

AT_ONCE = 0.5
"""Seconds of processor time. An engine that backtracks takes minutes, or longer than the universe has existed."""


@pytest.mark.parametrize(
    "expression",
    [
        r"^(\w+\s?)+INC-\d+$",
        r"^(a+)+$",
        r"(a*)*b",
        r"(a|aa)+$",
        r"^(a?){50}a{50}b",
        r"(.*)(.*)(.*)(.*)(.*)(.*)(.*)x",
        r"(\w+\W*)*(\w+\W*)*x",
        r"(a{1,90}){1,90}b",
        r"(?i)(inc|i|n|c)*-",
    ],
)
@pytest.mark.parametrize("text", ["a" * 30 + "!", "a" * LONGEST_REASON, "inc " * (LONGEST_REASON // 4)])
def test_no_reason_keeps_the_process_busy(expression: str, text: str) -> None:
    check_expression(expression)
    began = time.thread_time()
    occurs(expression, text)
    assert time.thread_time() - began < AT_ONCE


@pytest.mark.parametrize(
    ("expression", "advice"),
    [
        (r"^(?=.*INC)(?=.*ok)", "leave out look-around"),
        (r"(?<!no )INC-1", "leave out look-around"),
        (r"(INC)-\1", "leave out back references"),
        (r"(?P<one>a)(?P=one)", "leave out back references"),
        (r"(?>INC)-1", "leave out atomic groups"),
        (r"INC-\d+\Z", r"write $ for \Z"),
        (r"INC(?#a ticket)", "leave out comments"),
        (r"(a)?(?(1)b|c)", "leave out conditions"),
        (r"(?a)\w", "leave out conditions"),
        (r"a{,3}", "write {0,3} for {,3}"),
        (r"\w{900}", "repeat fewer times"),
        (r"(?:(?:a{0,50}){0,50}){0,30}b", "repeats too often"),
        (r"(?:(?:a?){1,200}){1,200}b", "repeats too often"),
        (r"[a&&b]", "is ambiguous"),
        (r"[[a]", "is ambiguous"),
        ("(", "is no regular expression from character 1 on"),
        ("a{99999999999}", "is no regular expression"),
        ("(" * 3000, "at most 500 are read"),
    ],
)
def test_what_cannot_be_matched_in_a_bounded_time_is_named_with_what_to_write(expression: str, advice: str) -> None:
    began = time.thread_time()
    with pytest.raises(ValueError, match=re.escape(advice)):
        check_expression(expression)
    assert time.thread_time() - began < AT_ONCE


@pytest.mark.parametrize(
    ("expression", "text", "found"),
    [
        ("INC-[0-9]+", "see INC-42.", True),
        ("INC-[0-9]+", "see INC-", False),
        ("^INC", "see INC", False),
        (r"INC-\d+$", "INC-42", True),
        (r"INC-\d+$", "INC-42 or so", False),
        ("(?i)inc", "INC", True),
        (r"^\w+$", "Überlast", True),
        (r"\d", "٣", True),
        (r"a\.b", "axb", False),
        (r"(INC|PROBLEM)-[0-9]{2,4}", "PROBLEM-123", True),
    ],
)
def test_an_expression_means_what_it_means_in_python(expression: str, text: str, found: bool) -> None:
    assert occurs(check_expression(expression), text) is found


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_and_raises_no_other_error(expression: str) -> None:
    with suppress(ValueError):
        check_expression(expression)
        occurs(expression, expression)
