"""The page's actions: each calls a function of the workspace on behalf of one of its people."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from bot.sandbox.page.try_button import curl_line, try_line
from bot.sandbox.stage import Stage
from bot.sandbox.workspace import (
    Channel,
    NotShownError,
    PayloadDelivery,
    SlackError,
    SlackMessage,
    User,
    View,
    Workspace,
)
from bot.sandbox.workspace.model import JsonObject

LONGEST_JUMP_SECONDS = 31 * 24 * 3600.0
"""Largest move of the clock at once: a month."""


class RefusedError(Exception):
    """The action is impossible; the message is a sentence for the person."""


class PageApi:
    """Runs the page's actions. Each takes and returns JSON, and may wait for the application for up to 3 s."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._workspace: Workspace = stage.workspace
        self._actions: dict[str, Callable[[User, JsonObject], JsonObject]] = {
            "write": self._write,
            "click": self._click,
            "submit": self._submit,
            "close": self._close,
            "suggest": self._suggest,
            "home": self._home,
            "shortcut": self._shortcut,
            "message_shortcut": self._message_shortcut,
            "try": self._try,
            "clock": self._clock,
        }

    def do(self, name: str, body: JsonObject) -> JsonObject:
        """Runs the action `name`. Raises RefusedError, with a sentence, when it is impossible."""
        action = self._actions.get(name)
        if action is None:
            raise RefusedError(f"The page knows nothing called {name}.")
        try:
            return {"ok": True} | action(self._person(body), body)
        except (NotShownError, ValueError, SlackError) as error:
            raise RefusedError(str(error)) from error
        except (KeyError, TypeError, AttributeError) as error:
            raise RefusedError(f"The page asked for {name} in a way that is not understood: {error!r}") from error

    def _person(self, body: JsonObject) -> User:
        person = next((one for one in self._workspace.people if one.id == body.get("person")), None)
        if person is None:
            raise RefusedError("That person is not in this workspace (any more). Reload the page.")
        return person

    def _write(self, person: User, body: JsonObject) -> JsonObject:
        text, channel = str(body["text"]).strip(), self._channel(person, body)
        if text.startswith("/"):
            command, _, rest = text.partition(" ")
            return _result(self._workspace.command(person, command, rest.strip(), channel))
        if not channel.is_im:
            raise RefusedError("In a channel of the sandbox only commands can be typed.")
        self._workspace.say(person, text)
        return {}

    def _click(self, person: User, body: JsonObject) -> JsonObject:
        shown, action, block = self._shown(person, body), str(body["action_id"]), str(body["block_id"])
        if isinstance(shown, SlackMessage) and (before := _as_drawn(shown, block)) is not None:
            return _result(self._workspace.click_raw(person, before, action, block=block))
        return _result(
            self._workspace.click(person, shown, action, body.get("value"), block=block, filled=_values(body))
        )

    def _submit(self, person: User, body: JsonObject) -> JsonObject:
        return _result(self._workspace.submit(person, self._view(person, body), _values(body)))

    def _close(self, person: User, body: JsonObject) -> JsonObject:
        self._workspace.close_view(person, self._view(person, body), all_of_them=body.get("all") is True)
        return {}

    def _suggest(self, person: User, body: JsonObject) -> JsonObject:
        shown, typed = self._shown(person, body), str(body.get("typed", ""))
        return {
            "found": self._workspace.suggestions(
                person, shown, str(body["action_id"]), typed, block=str(body["block_id"])
            )
        }

    def _home(self, person: User, body: JsonObject) -> JsonObject:
        delivery = self._workspace.open_home(person, str(body.get("tab", "home")))
        return {} if delivery is None else _result(delivery)

    def _shortcut(self, person: User, body: JsonObject) -> JsonObject:
        return _result(self._workspace.shortcut(person, str(body["callback_id"])))

    def _message_shortcut(self, person: User, body: JsonObject) -> JsonObject:
        return _result(
            self._workspace.message_shortcut(person, str(body["callback_id"]), str(body["channel"]), str(body["ts"]))
        )

    def _try(self, person: User, body: JsonObject) -> JsonObject:
        line = curl_line(self._message(person, body))
        if line is None:
            raise RefusedError("There is no curl line in that message.")
        return try_line(line, self._stage.node.url)

    def _clock(self, _person: User, body: JsonObject) -> JsonObject:
        seconds = float(body["seconds"])
        if not 0 < seconds <= LONGEST_JUMP_SECONDS:
            raise RefusedError("The clock of the sandbox moves forwards alone, and by a month at most.")
        self._stage.app.move_clock(seconds)
        return {"moved_seconds": self._stage.app.moved}

    def _shown(self, person: User, body: JsonObject) -> SlackMessage | View:
        return self._view(person, body) if "view" in body else self._message(person, body)

    def _view(self, person: User, body: JsonObject) -> View:
        home = self._workspace.home(person)
        held = [*self._workspace.views(person), *([] if home is None else [home])]
        found = next((one for one in held if one.id == body["view"]), None)
        if found is None:
            raise RefusedError("That window is closed already.")
        return found

    def _message(self, person: User, body: JsonObject) -> SlackMessage:
        channel = self._channel(person, body)
        held = [*self._workspace.messages(channel), *self._workspace.ephemerals(person)]
        found = next((one for one in held if (one.channel, one.ts) == (channel.id, body["ts"])), None)
        if found is None:
            raise RefusedError("That message is gone.")
        return found

    def _channel(self, person: User, body: JsonObject) -> Channel:
        held = self._workspace.conversations(person)
        found = next((one for one in held if one.id == body["channel"]), None)
        if found is None:
            raise RefusedError("That person is not in this conversation.")
        return found


def _as_drawn(shown: SlackMessage, block: str) -> SlackMessage | None:
    """The message before an edit, if only that version had the block: a click may cross with the edit.

    Slack delivers such a click, and so does the page.
    """
    if any(each["block_id"] == block for each in shown.blocks):
        return None
    for version in reversed(shown.history):
        if any(each["block_id"] == block for each in version.blocks):
            return replace(shown, text=version.text, blocks=version.blocks)
    return None


def _values(body: JsonObject) -> dict[str, Any]:
    """Converts `{block_id: {action_id: value}}` for the workspace; an input block has one element."""
    return {block: next(iter(named.items())) for block, named in body.get("values", {}).items() if named}


def _result(delivery: PayloadDelivery) -> JsonObject:
    """What the person sees: Slack's own sentence if the application's answer was missing or bad."""
    return {} if delivery.error is None else {"shown": delivery.shown or delivery.error}
