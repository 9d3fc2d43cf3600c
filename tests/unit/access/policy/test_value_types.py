"""Owners as they stand in a policy and in the `_meta` of an index."""

import time

import pytest

from bot.access.policy.value_types import is_owner


@pytest.mark.parametrize("text", ["U012ABCDEF", "@web-team", "ada@example.com", "a.b+c@mail.example.org", "ä@ö.eu"])
def test_an_id_an_address_or_a_handle_is_an_owner(text: str) -> None:
    assert is_owner(text)


@pytest.mark.parametrize("text", ["", "ada", "@", "a@b", "a@b.", "a@.b", "a@b..c", "a@@b.c", "a b@c.d", "U12", "@a,b"])
def test_anything_else_is_none(text: str) -> None:
    assert not is_owner(text)


@pytest.mark.parametrize("text", ["a@" + "." * 200_000 + "@", "a@" + "b." * 100_000 + "@", "@" + "a" * 200_000 + ","])
def test_a_long_text_in_the_meta_of_an_index_keeps_nobody_waiting(text: str) -> None:
    began = time.thread_time()
    assert not is_owner(text)
    assert time.thread_time() - began < 0.5
