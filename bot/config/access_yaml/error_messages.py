"""Pydantic's errors as sentences with lines."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from bot.access.policy.model import AccessFlow, Escalation, Hours
from bot.config.access_yaml.model import IntegrationEntry, PermissionEntry, PolicyFile, did_you_mean
from bot.config.access_yaml.problems import Problem
from bot.config.access_yaml.yaml_tree import Items, Keys, Tree

_Location = tuple[int | str, ...]

MODELS: Mapping[tuple[str, ...], type[BaseModel]] = {
    (): PolicyFile,
    ("integrations",): IntegrationEntry,
    ("permissions",): PermissionEntry,
    ("access_flows",): AccessFlow,
    ("access_flows", "escalation"): Escalation,
    ("access_flows", "when"): Hours,
}
"""What holds which keys, by the keys that lead there."""

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
"""What is said again of an unknown key: anything else could be a secret in the wrong place."""


def sentences(errors: Sequence[ErrorDetails], tree: Tree) -> Iterator[Problem]:
    """A problem for each error, on the line of the key or of the item in the list."""
    errors = [each for each in errors if not _is_echo(each, errors)]
    words = {_field(each["loc"]): _expected(each) for each in errors if _of_union(each)}
    for each in errors:
        if not _of_union(each):
            yield _problem(each, words.get(_field(each["loc"])), tree)


def _is_echo(error: ErrorDetails, errors: Sequence[ErrorDetails]) -> bool:
    """Whether pydantic calls a list too short because what is in it was refused."""
    place = error["loc"]
    return error["type"] == "too_short" and any(
        len(each["loc"]) > len(place) and each["loc"][: len(place)] == place for each in errors
    )


def _of_union(error: ErrorDetails) -> bool:
    """Whether it is about the one word that could stand instead of owners."""
    return error["type"] == "literal_error" and str(error["loc"][-1]).startswith("literal[")


def _field(location: _Location) -> _Location:
    """Up to the key, without the alternatives of a union that pydantic adds, and the places in them."""
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
    """The line, the known keys that lead there, and whether it is anything less than the whole file."""
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
    return tuple(model.model_fields) if model else ()


def sentence_of(error: ErrorDetails) -> str:
    """What is wrong with the value, without it, to stand behind the name of what it was meant for."""
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
