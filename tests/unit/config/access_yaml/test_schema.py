"""The JSON Schema of `access.yaml`: what editors are told agrees with what the application takes."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from bot.config.access_yaml import PolicyFileError, parse
from bot.config.access_yaml.error_messages import MODELS
from bot.config.access_yaml.schema import schema
from tests.unit.config.access_yaml.test_reader import GOOD, VARIABLES, WRONG

ROOT = Path(__file__).parents[4]
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
VALIDATOR = Draft202012Validator(schema())

NOT_OF_SHAPE = {
    "a password behind env", "a variable that is not set", "a variable that is empty",
    "no such file", "a key that is not set", "a broken cloud id",
    "a user with a colon", "an unknown placeholder", "a brace by itself", "a permission built in",
    "an unknown permission", "an unknown cluster", "a system index", "no expression", "a dangerous expression",
    "automatic for everyone", "a total below one",
    "no time zone", "a key given twice", "an anchor", "a tag", "a key that is a list",
    "a second document", "where owners are, and no key",
}  # fmt: skip
"""What depends on the machine, on other values or on the YAML: only the application can know."""

NO_YAML = {"a tab", "a group without quotes", "a star without quotes", "a quote that is open", "a colon too much",
           "no key", "a bracket that is open"}  # fmt: skip


def loaded(text: str) -> Any:
    """As an editor reads it, which knows 22:00 as a text."""
    return yaml.safe_load(re.sub(r"\b(\d\d:\d\d)\b", r"'\1'", text))


def objects(part: Any) -> Iterator[dict[str, Any]]:
    if isinstance(part, dict):
        yield part
    for each in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from objects(each)


def test_the_command_prints_a_schema_that_is_one() -> None:
    printed = subprocess.run([sys.executable, "-m", "bot", "schema"], capture_output=True, check=True).stdout
    found = json.loads(printed)
    Draft202012Validator.check_schema(found)
    assert found["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert found == schema()


def test_each_key_has_a_description_and_each_object_refuses_unknown_keys() -> None:
    found = [each for each in objects(schema()) if "properties" in each]
    assert len(found) == len(MODELS)
    for each in found:
        assert each["additionalProperties"] is False
        assert all(key["description"].endswith((".", "]+")) for key in each["properties"].values())


def test_it_has_the_keys_of_the_models_and_requires_what_they_require() -> None:
    made = schema()
    for path, model in MODELS.items():
        found = made["$defs"][model.__name__] if path else made
        assert set(found["properties"]) == {each.alias or name for name, each in model.model_fields.items()}
        required = {name for name, each in model.model_fields.items() if each.is_required()}
        assert set(found.get("required", ())) == required


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_valid(example: Path) -> None:
    VALIDATOR.validate(yaml.safe_load(example.read_text(encoding="utf-8")))


def test_what_the_application_takes_is_valid() -> None:
    parse(GOOD.encode(), VARIABLES)
    VALIDATOR.validate(loaded(GOOD))


@pytest.mark.parametrize("case", sorted(WRONG.keys() - NOT_OF_SHAPE - NO_YAML))
def test_what_the_application_refuses_for_its_shape_is_not_valid(case: str) -> None:
    before, after, *_ = WRONG[case]
    assert not VALIDATOR.is_valid(loaded(GOOD.replace(before, after, 1)))


@pytest.mark.parametrize("duration", ["1h", "2h30m", "1D", "90s", "", "h", "1", "1h2d", "-1h", "1 h", "1.5h"])
def test_a_duration_is_valid_where_it_is_taken(duration: str) -> None:
    text = GOOD.replace("pending_duration: 1d", f"pending_duration: '{duration}'")
    try:
        parse(text.encode(), VARIABLES)
        taken = True
    except PolicyFileError:
        taken = False
    assert VALIDATOR.is_valid(loaded(text)) is taken
