"""Custom access details: placeholders are filled, and everything else stays as it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.access.policy.access_details import PLACEHOLDERS, check_details, fill_details

VALUES = {name: name.upper() for name in PLACEHOLDERS}


def test_text_and_values_come_in_order() -> None:
    filled = fill_details("{url}: {patterns} as {username}, {username}, to {expiry}.", VALUES)
    assert filled == ["URL", ": ", "PATTERNS", " as ", "USERNAME", ", ", "USERNAME", ", to ", "EXPIRY", "."]


def test_values_may_be_anything_and_are_not_read_as_a_template() -> None:
    assert fill_details("{url} {expiry}", {**VALUES, "url": "{username}"}) == ["{username}", " ", "EXPIRY"]
    assert fill_details("to {expiry}", dict.fromkeys(PLACEHOLDERS, 3)) == ["to ", 3]


def test_without_places_the_text_stays_as_it_is() -> None:
    assert fill_details("two\nlines", VALUES) == ["two\nlines"]
    assert fill_details("", VALUES) == []


@pytest.mark.parametrize(
    "wrong", ["{password}", "{", "}", "{}", "{{url}}", "{url", "url}", "{Url}", "{url.x}", "{url!r}", "{url:>9}", "{0}"]
)
def test_a_brace_that_is_no_known_place_is_refused_with_those_that_are(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"\{url\} \{username\} \{expiry\} \{patterns\}") as refused:
        check_details(f"see {wrong} there")
    assert "password" not in str(refused.value)


@pytest.mark.parametrize("wrong", ["a\0b", "a\u202eb", "a\x1b[0m"])
def test_what_cannot_be_shown_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="cannot be shown"):
        check_details(wrong)


@given(st.text(alphabet="{}urlexpiy !\n", max_size=30))
def test_what_is_taken_is_filled_without_a_brace_left(template: str) -> None:
    try:
        check_details(template)
    except ValueError:
        assert "{" in template or "}" in template
        return
    filled = "".join(fill_details(template, VALUES))
    assert "{" not in filled
    assert "}" not in filled
