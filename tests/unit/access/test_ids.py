"""Ids of requests."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.access.ids import new_id, read_id


@pytest.mark.parametrize("typed", ["REQ-7K3F9Q", "req-7k3f9q", " Req-7K3f9Q ", "7k3f9q", "REQ7K3F9Q"])
def test_an_id_is_read_in_any_case_and_without_its_prefix(typed: str) -> None:
    assert read_id(typed) == "REQ-7K3F9Q"


def test_misread_letters_are_taken_for_the_digits_they_look_like() -> None:
    assert read_id("req-oil000") == "REQ-011000"


@pytest.mark.parametrize(
    "typed", ["", "REQ-", "REQ-7K3F9", "REQ-7K3F9QQ", "7K3F-9Q", "<@U1>", "REQ-7K3F9\n\nQ", "\uff32EQ-7K3F9Q"]
)
def test_other_text_is_no_id(typed: str) -> None:
    assert read_id(typed) is None


def test_new_ids_read_back_as_themselves_and_differ() -> None:
    ids = {new_id() for _ in range(1000)}
    assert len(ids) > 990
    assert {read_id(each.lower()) for each in ids} == ids


@given(st.text(st.characters()))
def test_any_text_is_an_id_or_none(text: str) -> None:
    found = read_id(text)
    assert found is None or (len(found) == 10 and found.startswith("REQ-") and found.isascii())
