"""Reads and awaits the content that people see."""

import time
from collections.abc import Callable
from typing import TypeVar

from bot.sandbox.workspace.blockkit.render import render_text
from bot.sandbox.workspace.manifest import Manifest
from bot.sandbox.workspace.model import Call, Channel, PayloadDelivery, SlackMessage, User, View
from bot.sandbox.workspace.server import WorkspaceServer
from bot.sandbox.workspace.state import State

Found = TypeVar("Found")
# Poll interval of predicates that read something outside the workspace, whose changes do not notify.
OUTSIDE_SECONDS = 0.05


class Queries:
    """Read access to the workspace. Thread-safe."""

    _state: State
    _server: WorkspaceServer

    def messages(self, where: User | Channel, *, deleted: bool = False) -> list[SlackMessage]:
        """The messages of a channel or of a user's direct message with the app, oldest first.

        `deleted` includes deleted messages.
        """
        with self._state.lock:
            channel = self._state.find_direct_message(where.id) if isinstance(where, User) else where
            if channel is None:
                return []
            held = [one for one in self._state.messages.values() if one.channel == channel.id]
            return [one for one in held if deleted or not one.deleted]

    def ephemerals(self, user: User) -> list[SlackMessage]:
        """The ephemeral messages that this user sees in any conversation, oldest first."""
        with self._state.lock:
            held = self._state.ephemerals.values()
            return [one for one in held if one.only_for == user.id and not one.deleted]

    def replies(self, channel: Channel | str, ts: str) -> list[SlackMessage]:
        """The replies in the thread of that message, oldest first."""
        with self._state.lock:
            parent = self._state.messages.get((channel if isinstance(channel, str) else channel.id, ts))
            return [] if parent is None else self._state.replies(parent)

    def notices(self, user: User) -> list[str]:
        """Slack's own notices to the user about failed commands and clicks."""
        with self._state.lock:
            return list(self._state.notices.get(user.id, []))

    def views(self, user: User) -> list[View]:
        """The user's open modals, the top one last."""
        with self._state.lock:
            return list(self._state.views.get(user.id, []))

    def home(self, user: User) -> View | None:
        """The Home tab as last published for this user."""
        with self._state.lock:
            return self._state.homes.get(user.id)

    @property
    def people(self) -> list[User]:
        """Everybody but bots, in the order in which they were added."""
        with self._state.lock:
            return [one for one in self._state.users.values() if not one.is_bot]

    @property
    def names(self) -> dict[str, str]:
        """The names of people, groups and channels by id."""
        with self._state.lock:
            names = {user.id: user.name for user in self._state.users.values()}
            names |= {group.id: group.handle for group in self._state.groups.values()}
            return names | {channel.id: channel.name for channel in self._state.channels.values()}

    def conversations(self, user: User) -> list[Channel]:
        """The user's direct message with the app, if it exists, and channels."""
        with self._state.lock:
            return [one for one in self._state.channels.values() if user.id in one.members]

    @property
    def changes(self) -> int:
        """The number of changes so far, for `wait_for_change`."""
        return self._state.changes

    def wait_for_change(self, before: int, seconds: float) -> int:
        """Wait until `changes` differs from `before`, for at most `seconds`; return `changes`."""
        self._state.wait_for_change(before, seconds)
        return self._state.changes

    @property
    def manifest(self) -> Manifest:
        """The manifest of the installed app."""
        return self._state.manifest

    @property
    def traffic(self) -> list[Call]:
        """Every request the app made, oldest first."""
        with self._state.lock:
            return list(self._state.calls)

    @property
    def deliveries(self) -> list[PayloadDelivery]:
        """Everything sent to the app, oldest first."""
        with self._state.lock:
            return list(self._state.deliveries)

    def calls(self, method: str) -> list[Call]:
        """The app's requests for one method."""
        return [call for call in self.traffic if call.method == method]

    def render(self, shown: SlackMessage | View, reader: User) -> str:
        """A message or view as plain text, as this reader sees it."""
        return render_text(shown, reader.tz, self.names)

    def wait_for(
        self, predicate: Callable[[], Found | None], timeout: float = 5.0, what: str = "what was waited for"
    ) -> Found:
        """The first truthy result of `predicate`, which is called again at every change.

        AssertionError after `timeout` seconds, with what each person sees.
        """
        deadline = time.monotonic() + timeout
        while True:
            before = self._state.changes
            # Called without the lock, so that a predicate may also act in the workspace.
            if found := predicate():
                return found
            left = deadline - time.monotonic()
            if left <= 0:
                raise AssertionError(f"{what}: not within {timeout} s\n{self.dump()}")
            self._state.wait_for_change(before, min(left, OUTSIDE_SECONDS))

    def dump(self) -> str:
        """Everything that each person sees now, for the message of a failing test."""
        lines = []
        for user in [one for one in self._state.users.values() if not one.is_bot]:
            lines.append(f"== {user.name} ({user.id})")
            seen: list[tuple[str, SlackMessage | View]] = [("message", one) for one in self.messages(user)]
            seen += [("private", one) for one in self.ephemerals(user)]
            seen += [("modal", one) for one in self.views(user)]
            lines += [f"-- {kind}\n{self.render(one, user)}" for kind, one in seen]
            lines += [f"-- Slack: {text}" for text in self.notices(user)]
        calls = [f"{call.method} → {call.status} {_error(call)}" for call in self.traffic[-20:]]
        return "\n".join([*lines, "== last calls", *calls])


def _error(call: Call) -> str:
    return "" if call.answer is None or call.answer.get("ok") else str(call.answer.get("error"))
