"""Custom access details: a text by the administrator, with placeholders for values known at delivery."""

import re
from collections.abc import Mapping
from typing import TypeVar

PLACEHOLDERS = ("url", "username", "expiry", "patterns")
"""Deliberately without the password, which appears only in a message that can be deleted."""

_PLACE = re.compile(r"\{(" + "|".join(PLACEHOLDERS) + r")\}")

_Value = TypeVar("_Value")


def check_details(template: str) -> str:
    """Returns the template unchanged. Raises `ValueError` for an unknown placeholder or a single brace."""
    rest = _PLACE.sub("", template)
    if "{" in rest or "}" in rest:
        known = " ".join(f"{{{name}}}" for name in PLACEHOLDERS)
        raise ValueError(f"a brace that begins or ends none of {known}")
    if not all(line.isprintable() for line in template.replace("\t", " ").split("\n")):
        raise ValueError("holds a character that cannot be shown")
    return template


def fill_details(template: str, values: Mapping[str, _Value]) -> list[str | _Value]:
    """The parts of the filled template in order: text, and the value of each placeholder.

    Values are inserted into the split template, so braces in a value have no meaning. `values` has all `PLACEHOLDERS`.
    """
    # With one group in the expression, `split` returns text and names alternately.
    parts = _PLACE.split(template)
    return [values[part] if place % 2 else part for place, part in enumerate(parts) if part]
