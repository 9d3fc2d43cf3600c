"""The JSON Schema of `access.yaml` (draft 2020-12).

It checks each value by itself. Checks across values, such as unknown names, run at the start.
"""

import json
from collections.abc import Mapping
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from bot.access.policy.limits.fields import FIELD_SHAPE
from bot.access.policy.limits.query import KINDS, canonical
from bot.access.policy.value_types import CHANNEL_SHAPE, NAME_SHAPE, OWNER_SHAPE, read_owners
from bot.config.access_yaml.model import KIBANA_PRIVILEGE, ONE_USER, PolicyFile
from bot.config.configuration import SPACE, URL_SHAPE
from bot.secret_stores import REFERENCE

DURATION = {"type": "string", "pattern": "^(?=.)([0-9]+[dD])?([0-9]+[hH])?([0-9]+[mM])?([0-9]+[sS])?$"}
TIME = {"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"}
OWNER = f"({OWNER_SHAPE.pattern})"
OWNERS = {
    "anyOf": [
        {"type": "string", "pattern": rf"^\s*{OWNER}(\s*,\s*{OWNER})*\s*$"},
        {"type": "array", "minItems": 1, "items": {"type": "string", "pattern": f"^{OWNER}$"}},
    ]
}

QUERY = {
    "type": "object",
    "minProperties": 1,
    "maxProperties": 1,
    "propertyNames": {"enum": list(KINDS)},
    "additionalProperties": {"type": "object", "minProperties": 1},
}

_NAME = {"pattern": f"^{NAME_SHAPE.pattern}$"}

SHAPES: Mapping[tuple[str, str], Mapping[str, Any]] = {
    ("IntegrationEntry", "name"): _NAME,
    ("IntegrationEntry", "url"): {"pattern": f"^{URL_SHAPE}$"},
    ("IntegrationEntry", "public_url"): {"pattern": f"^{URL_SHAPE}$"},
    ("IntegrationEntry", "kibana_url"): {"pattern": f"^{URL_SHAPE}$"},
    ("IntegrationEntry", "kibana_space"): {"pattern": f"^{SPACE}$"},
    ("IntegrationEntry", "cloud_id"): {"pattern": "^[^:]+:[^:]+$"},
    ("IntegrationEntry", "password"): {"pattern": f"^({REFERENCE})$"},
    ("IntegrationEntry", "api_key"): {"pattern": f"^({REFERENCE})$"},
    ("PermissionEntry", "name"): _NAME,
    ("PermissionEntry", "kibana"): {"items": {"type": "string", "pattern": f"^({KIBANA_PRIVILEGE})$"}},
    ("PermissionEntry", "spaces"): {"items": {"type": "string", "pattern": f"^{SPACE}$"}},
    ("PermissionEntry", "run_as"): {"items": {"type": "string", "pattern": f"^({ONE_USER})$"}},
    ("FieldLimits", "grant"): {"items": {"type": "string", "pattern": f"^{FIELD_SHAPE}$"}},
    ("FieldLimits", "except"): {"items": {"type": "string", "pattern": f"^{FIELD_SHAPE}$"}},
    ("AccessFlow", "channel"): {"pattern": f"^({CHANNEL_SHAPE.pattern})$"},
    ("AccessFlow", "name"): {"minLength": 1, "maxLength": 60},
}
"""The rules of our validators that a schema can express."""


class _AsWritten(GenerateJsonSchema):
    """Describes values as people write them in YAML, where Pydantic would describe JSON."""

    def timedelta_schema(self, schema: core_schema.TimedeltaSchema) -> JsonSchemaValue:  # noqa: ARG002
        return dict(DURATION)

    def time_schema(self, schema: core_schema.TimeSchema) -> JsonSchemaValue:  # noqa: ARG002
        return dict(TIME)

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])  # nobody should write a key without a value

    def function_before_schema(self, schema: core_schema.BeforeValidatorFunctionSchema) -> JsonSchemaValue:
        if schema["function"]["function"] is read_owners:
            return dict(OWNERS)
        if schema["function"]["function"] is canonical:
            return dict(QUERY)
        return super().function_before_schema(schema)

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])  # the documentation has the defaults


def schema() -> dict[str, Any]:
    """The schema as a document."""
    made = PolicyFile.model_json_schema(schema_generator=_AsWritten)
    models = {**made.pop("$defs"), "PolicyFile": made}
    for name, model in models.items():
        if "properties" in model:
            model.pop("title")
            for key, found in model["properties"].items():
                found.pop("title", None)
                found.update(SHAPES.get((name, key), {}))
    del models["PolicyFile"]
    return {"$schema": GenerateJsonSchema.schema_dialect, "title": "access.yaml of es-access", **made, "$defs": models}


def schema_text() -> str:
    """The schema as it is printed."""
    return json.dumps(schema(), indent=2, ensure_ascii=False)
