"""Custom access details: a text of the administrator's, with places for what is known at delivery."""

import re
from collections.abc import Mapping
from typing import TypeVar

PLACEHOLDERS = ("url", "username", "expiry", "patterns")
"""Nothing else: a password is shown where the message can be taken back, and nowhere besides."""

_PLACE = re.compile(r"\{(" + "|".join(PLACEHOLDERS) + r")\}")

_Value = TypeVar("_Value")


def check_details(template: str) -> str:
    """The template as it is. Raises `ValueError` for a place that is not known, and for a brace by itself."""
    rest = _PLACE.sub("", template)
    if "{" in rest or "}" in rest:
        known = " ".join(f"{{{name}}}" for name in PLACEHOLDERS)
        raise ValueError(f"a brace that begins or ends none of {known}")
    if not all(line.isprintable() for line in template.replace("\t", " ").split("\n")):
        raise ValueError("holds a character that cannot be shown")
    return template


def fill_details(template: str, values: Mapping[str, _Value]) -> list[str | _Value]:
    """The parts in order: text as it is, and for each placeholder its value, as anything that can be shown.

    The template is cut, not formatted: a value is never read as a template. `values` has all of `PLACEHOLDERS`.
    """
    # With one group, `split` gives text and name by turns.
    parts = _PLACE.split(template)
    return [values[part] if place % 2 else part for place, part in enumerate(parts) if part]
