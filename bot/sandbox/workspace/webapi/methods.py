"""The register of Web API methods: who may call each, with which scope."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from bot.sandbox.workspace.errors import SlackError
from bot.sandbox.workspace.model import Json
from bot.sandbox.workspace.state import State

Token = Literal["bot", "app"]
Function = Callable[[State, Json], Json]


@dataclass(frozen=True)
class Method:
    """`scope` is what Slack asks for, None when any token will do."""

    name: str
    scope: str | None
    token: Token
    function: Function


METHODS: dict[str, Method] = {}


def method(name: str, scope: str | None = None, token: Token = "bot") -> Callable[[Function], Function]:  # noqa: S107
    """Register a function as the Web API method `name`."""

    def register(function: Function) -> Function:
        METHODS[name] = Method(name, scope, token, function)
        return function

    return register


def required(args: Json, name: str) -> str:
    """A string argument that must be there; SlackError as Slack words it otherwise."""
    value = args.get(name)
    if not isinstance(value, str) or not value:
        raise SlackError("invalid_arguments", [f"missing required field: {name}"])
    return value


def truthy(args: Json, name: str) -> bool:
    """A flag as JSON or as a form says it."""
    return args.get(name) in (True, "true", "True", "1", 1)
