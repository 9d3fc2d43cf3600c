"""A secret that is one key of a JSON document, as people keep user and password together."""

import json
from typing import Any

from bot.access.errors import Refusal


def value_in(text: str, key: str | None, place: str) -> str | None:
    """The secret in the text of a store: all of it, or what stands under `key`. Raises `Refusal`."""
    if key is None:
        return text
    value = _parsed(text, place).get(key)
    if value is None:
        raise Refusal(f"{place} has no key {key}")
    if not isinstance(value, str):
        raise Refusal(f"{place}: what stands under {key} is no text")
    return value


def with_value(text: str, key: str | None, value: str, place: str) -> str:
    """The text with a new secret in it, and everything else as it was. Raises `Refusal`."""
    return value if key is None else json.dumps({**_parsed(text, place), key: value}, ensure_ascii=False)


def _parsed(text: str, place: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Refusal(f"{place} is no JSON document with keys")
    return found
