"""Both kinds of credentials in a stage: finds them in messages, uses them, and presses their buttons."""

import re
from collections.abc import Callable
from typing import NamedTuple

from bot.access.ids import attempt_username
from bot.sandbox.curl_runner import CurlAnswer, run_curl
from bot.sandbox.node import Node
from bot.sandbox.workspace import SlackMessage, User, View
from tests.nodes import make_visible
from tests.stage import Stage

OK, UNAUTHORIZED, FORBIDDEN = 200, 401, 403

MOST_ATTEMPTS = 30
"""Attempts at one secret in any test."""


class Shown(NamedTuple):
    """A credential as shown to a person: `line` is the command to paste."""

    secret: str
    line: str

    def tried(self) -> CurlAnswer:
        """The answer to the pasted line."""
        return run_curl(self.line)

    @property
    def works(self) -> bool:
        """Whether the cluster accepts it."""
        return self.tried().status == OK


def read_key(text: str) -> Shown | None:
    """The API key in a text, if any."""
    return _read(text, "API key")


def read_password(text: str) -> Shown | None:
    """The password in a text, if any."""
    return _read(text, "Password")


def _read(text: str, label: str) -> Shown | None:
    secret = re.search(rf"^{label}: (\S+)$", text, re.MULTILINE)
    line = re.search(r"^curl .*$", text, re.MULTILINE)
    return Shown(secret.group(1), line.group()) if secret and line else None


def message_of(stage: Stage, request: str, words: str = "", person: User | None = None) -> SlackMessage:
    """Waits for the requester's message about that access that contains these words."""
    who = person or stage.alice

    def look() -> SlackMessage | None:
        return next((each for each in messages_of(stage, request, who) if words in stage.read(each, who)), None)

    return stage.wait(look, f"the message of {request} with “{words}”")


def messages_of(stage: Stage, request: str, person: User | None = None) -> list[SlackMessage]:
    """All messages about that access: two if Slack's answer to a post was lost, one of them without a secret."""
    who = person or stage.alice
    held = stage.workspace.messages(who)
    return [each for each in held if stage.read(each, who).startswith(f"ACCESS {request}")]


def _shown_in(stage: Stage, request: str, read: Callable[[str], Shown | None], but: str) -> Shown | None:
    found = [read(stage.read(each, stage.alice)) for each in messages_of(stage, request)]
    return next((each for each in found if each and each.secret != but), None)


def key_of(stage: Stage, request: str, *, but: str = "") -> Shown:
    """Waits for an API key other than `but` in the message of that access."""
    return stage.wait(lambda: _shown_in(stage, request, read_key, but), f"a key of {request}")


def password_of(stage: Stage, request: str, *, but: str = "") -> Shown:
    """The same for a password."""
    return stage.wait(lambda: _shown_in(stage, request, read_password, but), f"a password of {request}")


def granted_key(stage: Stage, text: str = "logs-* 1h --key") -> tuple[str, Shown]:
    """Requests, approves and delivers a key."""
    request = stage.ask(text)
    stage.approve(request, stage.bob)
    key = key_of(stage, request)
    stage.is_active(request)
    return request, key


def press(stage: Stage, request: str, button: str) -> None:
    """Presses that button on the requester's message of that access."""
    delivery = stage.workspace.click(stage.alice, message_of(stage, request, f"[ {button} ]"), button)
    assert delivery.error is None, delivery.error


def window(stage: Stage, words: str) -> View:
    """Waits for the requester's open window to contain these words."""

    def look() -> View | None:
        views = stage.workspace.views(stage.alice)
        return views[-1] if views and words in stage.workspace.render(views[-1], stage.alice) else None

    return stage.wait(look, f"a window with “{words}”")


def window_text(stage: Stage, words: str) -> str:
    """The same as rendered text."""
    return stage.workspace.render(window(stage, words), stage.alice)


def ever(message: SlackMessage) -> list[tuple[str, object]]:
    """The text and blocks of a message, now and in every earlier version."""
    return [(message.text, message.blocks), *((each.text, each.blocks) for each in message.history)]


def username(request: str) -> str:
    """The name of a grant's user and role, and the owner of its keys."""
    return f"es-access-{request.removeprefix('REQ-').lower()}"


def usernames(request: str) -> list[str]:
    """The names of the first attempts at a grant's secret."""
    return [attempt_username(username(request), attempt) for attempt in range(1, MOST_ATTEMPTS + 1)]


def live_keys(node: Node, request: str) -> list[str]:
    """The ids of the API keys of a grant that the cluster accepts."""
    make_visible(node)  # keys are found by a search, which for up to a second still finds a key that has ended
    security = node.client().security
    found = [security.get_api_key(username=name, active_only=True)["api_keys"] for name in usernames(request)]
    return [each["id"] for keys in found for each in keys]


def user_or_role(node: Node, request: str) -> list[str]:
    """Which of a grant's user and role exist. Reads them one by one, since several users are found by a search, which
    needs a refresh.
    """
    security = node.client().options(ignore_status=404).security
    names = usernames(request)
    there = {
        "user": any(security.get_user(username=each).body for each in names),
        "role": any(security.get_role(name=each).body for each in names),
    }
    return [kind for kind, found in there.items() if found]
