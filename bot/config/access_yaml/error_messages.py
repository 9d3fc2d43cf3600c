"""Translates Pydantic's errors into sentences with lines."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from bot.access.policy.access_flow import AccessFlow, Escalation
from bot.access.policy.hours import Hours
from bot.access.policy.limits.fields import FieldLimits
from bot.access.policy.value_types import AccountRules
from bot.config.access_yaml.model import IntegrationEntry, PermissionEntry, PolicyFile, did_you_mean
from bot.config.access_yaml.problems import Problem
from bot.config.access_yaml.yaml_tree import Items, Keys, Tree

_Location = tuple[int | str, ...]

MODELS: Mapping[tuple[str, ...], type[BaseModel]] = {
    (): PolicyFile,
    ("integrations",): IntegrationEntry,
    ("integrations", "accounts"): AccountRules,
    ("permissions",): PermissionEntry,
    ("permissions", "fields"): FieldLimits,
    ("access_flows",): AccessFlow,
    ("access_flows", "escalation"): Escalation,
    ("access_flows", "when"): Hours,
}
"""The model at each path of keys."""

_SENTENCES = {
    "missing": "is missing",
    "string_type": "must be a text",
    "tuple_type": "must be a list",
    "model_type": "must have keys below it, each as “key: value”",
    "too_short": "must not be empty",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a whole number, and not so large",
    "int_from_float": "must be a whole number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "time_delta_type": "must be a duration, written like 8h, 7d or 2h30m",
    "path_type": "must be a text",
    "time_type": "must be a time, written like 09:00",
    "time_parsing": "must be a time, written like 09:00",
}

_A_KEY = re.compile(r"[a-z]+(_[a-z]+)*")
"""An unknown key that a message may repeat. Anything else could be a secret in the wrong place."""


def sentences(errors: Sequence[ErrorDetails], tree: Tree) -> Iterator[Problem]:
    """A problem for each error, with the line of the key or list item."""
    errors = [each for each in errors if not _is_echo(each, errors)]
    words = {_field(each["loc"]): _expected(each) for each in errors if _of_union(each)}
    for each in errors:
        if not _of_union(each):
            yield _problem(each, words.get(_field(each["loc"])), tree)


def _is_echo(error: ErrorDetails, errors: Sequence[ErrorDetails]) -> bool:
    """Whether a list is too short only because Pydantic refused its items."""
    place = error["loc"]
    return error["type"] == "too_short" and any(
        len(each["loc"]) > len(place) and each["loc"][: len(place)] == place for each in errors
    )


def _of_union(error: ErrorDetails) -> bool:
    """Whether the error is about the word that is an alternative to owners."""
    return error["type"] == "literal_error" and str(error["loc"][-1]).startswith("literal[")


def _field(location: _Location) -> _Location:
    """The path up to the key, without the alternatives of a union that Pydantic adds, and positions in them."""
    cut = next((place for place, part in enumerate(location) if isinstance(part, str) and "[" in part), len(location))
    return location[:cut]


def _expected(error: ErrorDetails) -> str:
    return str(error.get("ctx", {}).get("expected", "")).replace("'", "")


def _problem(error: ErrorDetails, instead: str | None, tree: Tree) -> Problem:
    line, keys, inside = _find(error["loc"], tree)
    if error["type"] == "extra_forbidden":
        key = str(error["loc"][-1])
        shown = f" {key}" if _A_KEY.fullmatch(key) else ""
        return Problem(line, f"unknown key{shown}{did_you_mean(key, _known(keys))}")
    if error["type"] == "missing":
        keys = [*keys, str(error["loc"][-1])]
    sentence = sentence_of(error)
    if instead:
        sentence += f" ({_field(error['loc'])[-1]} is {instead}, or owners)"
    about = ": ".join(filter(None, [keys[-1] if keys else "", sentence]))
    return Problem(line, about if inside else f"the file: {sentence}")


def _find(location: _Location, tree: Tree) -> tuple[int, list[str], bool]:
    """The line, the known keys on the path, and whether the location is within the file and not the file itself."""
    line, keys = tree.line, []
    for part in location:
        if isinstance(tree, Keys) and part in tree.entries:
            line, tree = tree.entries[str(part)]
            keys.append(str(part))
        elif isinstance(tree, Items) and isinstance(part, int):
            tree = tree.items[part]
            line = tree.line
    return line, keys, bool(location)


def _known(keys: list[str]) -> tuple[str, ...]:
    model = MODELS.get(tuple(keys[:-1]))
    return tuple(field.alias or name for name, field in model.model_fields.items()) if model else ()


def sentence_of(error: ErrorDetails) -> str:
    """The problem as the end of a sentence that begins with the name of the setting. It does not repeat the value."""
    kind, context = error["type"], error.get("ctx", {})
    if kind in _SENTENCES:
        return _SENTENCES[kind]
    if kind == "value_error":
        return error["msg"].removeprefix("Value error, ")
    return _limit(kind, context) or "is not right here"


def _limit(kind: str, context: Mapping[str, Any]) -> str:
    return {
        "literal_error": "must be {expected}",
        "enum": "must be {expected}",
        "too_long": "has more than {max_length} of them",
        "string_too_long": "has more than {max_length} characters",
        "string_too_short": "must not be empty",
        "greater_than_equal": "must be {ge} or more",
        "less_than_equal": "must be {le} or less",
    }.get(kind, "").format_map({name: re.sub("'", "", str(value)) for name, value in context.items()})  # fmt: skip
