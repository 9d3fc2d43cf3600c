"""The registry of Web API methods, with the scope and kind of token that each requires."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from bot.sandbox.workspace.errors import SlackError
from bot.sandbox.workspace.model import JsonObject
from bot.sandbox.workspace.state import State

Token = Literal["bot", "app"]
Function = Callable[[State, JsonObject], JsonObject]


@dataclass(frozen=True)
class Method:
    """A Web API method. `scope` is the required scope, None when none is."""

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


def required(args: JsonObject, name: str) -> str:
    """A required string argument; raises Slack's own error when it is missing."""
    value = args.get(name)
    if not isinstance(value, str) or not value:
        raise SlackError("invalid_arguments", [f"missing required field: {name}"])
    return value


def truthy(args: JsonObject, name: str) -> bool:
    """Whether a flag is set, in JSON or in a form."""
    return args.get(name) in (True, "true", "True", "1", 1)
