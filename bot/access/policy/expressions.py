"""Regular expressions in a policy: matched in linear time, by an engine that never backtracks.

The engine is Rust's `regex`, which pydantic has on board (docs.rs/regex, "Untrusted input"). Python's `re` backtracks:
thirty letters can keep it, and with it every thread, busy for minutes.
"""

import re
import warnings
from functools import lru_cache

from pydantic_core import SchemaError, SchemaValidator
from pydantic_core.core_schema import str_schema

LONGEST_EXPRESSION = 500
"""Characters."""

LARGEST_EXPRESSION = 10_000
"""Characters after every counted repetition is written out. At this size, the longest reason takes about 0.1 s."""

_COUNTED = re.compile(r"(?P<group>\)?)\{(?P<least>\d*)(?:,(?P<most>\d*))?\}")
"""A counted repetition, of a group or of a single character."""

_MENDED = (
    (re.compile(r"\(\?<?[=!]"), "leave out look-around, such as (?=…): an access flow for each case can replace it"),
    (re.compile(r"\\[1-9]|\(\?P="), "leave out back references, such as \\1: write what they stand for once more"),
    (re.compile(r"\(\?>|[*+?}]\+"), "leave out atomic groups and possessive repetition: a plain group or + will do"),
    (re.compile(r"\\Z"), "write $ for \\Z"),
    (re.compile(r"\(\?#"), "leave out comments, such as (?#…)"),
    (re.compile(r"\(\?\(|\(\?[aLiu-]*[aLu]"), "leave out conditions, such as (?(1)…), and the flags a, L and u"),
    (re.compile(r"\{"), "repeat fewer times, and write {0,3} for {,3} and \\{ for a brace"),
)
"""What the engine does not read, or not at this size, and the advice for it. The first that is found counts."""


def check_expression(expression: str) -> str:
    """The expression unchanged. Raises `ValueError` for one that cannot be read, and says what to write instead."""
    if len(expression) > LONGEST_EXPRESSION:
        raise ValueError(f"has {len(expression)} characters: at most {LONGEST_EXPRESSION} are read")
    try:
        with warnings.catch_warnings():
            # Brackets and operators in a set, which engines read in different ways.
            warnings.simplefilter("error", FutureWarning)
            re.compile(expression)
    except FutureWarning:
        raise ValueError("is ambiguous: write \\[ \\& \\- \\~ for these characters in brackets") from None
    except (re.error, OverflowError, RecursionError) as error:
        place = getattr(error, "pos", None)
        raise ValueError(
            f"is no regular expression{'' if place is None else f' from character {place + 1} on'}"
        ) from None
    if _size(expression) > LARGEST_EXPRESSION:
        raise ValueError("repeats too often: give repeated groups smaller counts, or + and *")
    try:
        _compiled(expression)
    except SchemaError:
        advice = next((advice for found, advice in _MENDED if found.search(expression)), "write it in a simpler way")
        raise ValueError(f"cannot be matched in a bounded time: {advice}") from None
    return expression


def occurs(expression: str, text: str) -> bool:
    """Whether the checked expression matches anywhere in the text."""
    return _compiled(expression).isinstance_python(text)


def _size(expression: str) -> int:
    """At least the length of the expression with its counted repetitions written out."""
    groups, single = 1, len(expression)
    for found in _COUNTED.finditer(expression):
        count = int(found["most"] or found["least"] or 1)
        if found["group"]:
            groups *= count or 1  # the group may be in another that is repeated
        else:
            single += count
    return groups * single


@lru_cache(maxsize=256)
def _compiled(expression: str) -> SchemaValidator:
    return SchemaValidator(str_schema(pattern=expression, regex_engine="rust-regex"))
