"""What one personal role can hold."""

from dataclasses import replace
from typing import Any

import pytest

from bot.access.accounts.role_entries import MOST_TEXT, check_together, entries_of
from bot.access.errors import InvalidRequest, RequestField
from bot.access.ports import Privileges
from tests.own_accounts import new_person, part

PERSON = new_person()


def test_parts_that_give_the_same_are_one_entry() -> None:
    first, second = part(PERSON, "a-*", "b"), part(PERSON, "b", "*-c")
    (entry,) = entries_of([first, second])
    assert entry.patterns == ("a-*", "b", "*-c")


@pytest.mark.parametrize(
    "change",
    [{"privileges": Privileges(("write",))}, {"withheld": ("b",)}, {"excluded": ("x-*",)}, {"opens_kibana": True}],
    ids=lambda change: next(iter(change)),
)
def test_parts_that_differ_keep_their_own_entries(change: dict[str, Any]) -> None:
    first, second = part(PERSON, "a"), part(PERSON, "b", **change)
    assert [each.patterns for each in entries_of([first, second, part(PERSON, "c")])] == [("a", "c"), ("b",)]


def test_entries_are_not_longer_than_a_name_may_be() -> None:
    parts = [part(PERSON, f"*-{number}-{'x' * 200}-*") for number in range(50)]
    entries = entries_of(parts)
    assert max(sum(map(len, each.patterns)) for each in entries) <= MOST_TEXT
    assert [pattern for each in entries for pattern in each.patterns] == [each.patterns[0] for each in parts]


def test_accesses_that_cannot_be_evaluated_together_are_refused_with_what_to_do() -> None:
    alike = [part(PERSON, f"logs*a{number}*b*") for number in range(20)]
    check_together(alike)
    differing = [replace(each, privileges=Privileges((f"x{n}",))) for n, each in enumerate(alike)]
    check_together(differing[:4])
    with pytest.raises(InvalidRequest, match="a password or an API key instead") as refused:
        check_together(differing)
    assert refused.value.about is RequestField.PATTERNS


def test_what_is_left_out_counts_where_it_takes_something_away() -> None:
    far = tuple(f"x*a{number}*{number}b*" for number in range(20))
    check_together([part(PERSON, "logs-*", "x-1", excluded=far)])
    with pytest.raises(InvalidRequest):
        check_together([part(PERSON, "*", excluded=far)])
