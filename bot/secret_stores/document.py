"""A secret that is one key of a JSON document, for people who store user and password together."""

import json
from typing import Any

from bot.access.errors import Refusal


def value_in(text: str, key: str | None, location: str) -> str | None:
    """The secret in the text from a store: the whole text, or the value of `key`. Raises `Refusal`."""
    if key is None:
        return text
    value = _parsed(text, location).get(key)
    if value is None:
        raise Refusal(f"{location} has no key {key}")
    if not isinstance(value, str):
        raise Refusal(f"{location}: what stands under {key} is no text")
    return value


def with_value(text: str, key: str | None, value: str, location: str) -> str:
    """The text with a new secret and everything else unchanged. Raises `Refusal`."""
    return value if key is None else json.dumps({**_parsed(text, location), key: value}, ensure_ascii=False)


def _parsed(text: str, location: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Refusal(f"{location} is no JSON document with keys")
    return found
