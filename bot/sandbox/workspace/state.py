"""The workspace's state: people, conversations, messages, views, triggers. One lock guards all of it.

It is independent of HTTP. Every change notifies `changed`, so that a waiting test or page sees it at once.
"""

import itertools
import secrets
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from bot.sandbox.workspace.manifest import Manifest
from bot.sandbox.workspace.model import (
    Call,
    Channel,
    Group,
    JsonObject,
    PayloadDelivery,
    SlackMessage,
    User,
    Version,
    View,
)

# Slack's ids are a letter and ten characters of 0-9A-Z.
ID_DIGITS = 10
FIRST_ID = 0x8A5C0D1
MICROS = 1_000_000
# Calls and deliveries kept: enough for any test, bounded for a demo that runs all day.
TRAFFIC = 20_000


@dataclass
class Trigger:
    """A trigger_id, valid once within 3 s. `view` is the modal that created it."""

    user: str
    at: float
    view: str | None = None
    used: bool = False


@dataclass
class ResponseUrl:
    """A URL that accepts answers to one payload. `message` is the clicked message."""

    user: str
    channel: str
    at: float
    message: SlackMessage | None = None
    uses: int = 0


class State:
    """Everything in the workspace. Take `lock` for any read that spans two fields."""

    def __init__(self, manifest: Manifest, clock: Callable[[], float]) -> None:
        self.manifest = manifest
        self.clock = clock
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.changes = 0
        self._numbers = itertools.count(FIRST_ID)
        self._last_micros = 0
        self.team_id, self.app_id = self.new_id("T"), self.new_id("A")
        self.bot_id, self.bot_user_id = self.new_id("B"), self.new_id("U")
        self.bot_token = f"xoxb-{secrets.token_hex(24)}"
        self.app_token = f"xapp-1-{self.app_id}-{secrets.token_hex(24)}"
        self.signing_secret = secrets.token_hex(16)
        # Socket Mode: its URL, and the unused tickets.
        self.socket_root = ""
        self.tickets: set[str] = set()
        self.users: dict[str, User] = {}
        self.groups: dict[str, Group] = {}
        self.channels: dict[str, Channel] = {}
        # Settings that an administrator of a real workspace controls.
        self.messages_tab = manifest.messages_tab
        self.paid_plan = True
        # The Enterprise Grid organisation of the workspace, if any, and whether the app is installed for all of it.
        self.organisation, self.org_wide = "", False
        self.revoked_scopes: set[str] = set()
        self.forget()
        bot = User(self.bot_user_id, "es-access", "", manifest.bot_name, "Etc/UTC", is_bot=True)
        self.users[bot.id] = bot

    def forget(self) -> None:
        """Drop messages, views and traffic; people, groups and channels stay."""
        self.messages: dict[tuple[str, str], SlackMessage] = {}
        self.ephemerals: dict[tuple[str, str], SlackMessage] = {}
        self.notices: dict[str, list[str]] = {}
        self.views: dict[str, list[View]] = {}
        self.homes: dict[str, View] = {}
        self.triggers: dict[str, Trigger] = {}
        self.response_urls: dict[str, ResponseUrl] = {}
        self.calls: deque[Call] = deque(maxlen=TRAFFIC)
        self.deliveries: deque[PayloadDelivery] = deque(maxlen=TRAFFIC)

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Hold the lock, and notify waiting threads at the end."""
        with self.changed:
            try:
                yield
            finally:
                self.changes += 1
                self.changed.notify_all()

    def wait_for_change(self, before: int, seconds: float) -> None:
        """Wait until `changes` differs from `before`, for at most `seconds`."""
        with self.changed:
            self.changed.wait_for(lambda: self.changes != before, seconds)

    @property
    def scopes(self) -> frozenset[str]:
        return self.manifest.scopes - self.revoked_scopes

    def organisation_of(self, user: User) -> str:
        """The organisation that a person is at home in; empty without one."""
        return user.organisation if user.team else self.organisation

    def new_id(self, prefix: str) -> str:
        return f"{prefix}{next(self._numbers):0{ID_DIGITS}X}"

    def new_ts(self) -> str:
        """A unique Slack timestamp: seconds, a dot, six digits; always later than the last."""
        with self.lock:
            self._last_micros = max(int(self.clock() * MICROS), self._last_micros + 1)
            return f"{self._last_micros // MICROS}.{self._last_micros % MICROS:06d}"

    def direct_message(self, user: str) -> Channel:
        """The conversation between the user and the app, made on first use."""
        with self.lock:
            found = self.find_direct_message(user)
            if found is None:
                found = Channel(self.new_id("D"), "directmessage", frozenset({user, self.bot_user_id}), user)
                with self.changing():
                    self.channels[found.id] = found
            return found

    def find_direct_message(self, user: str) -> Channel | None:
        with self.lock:
            return next((c for c in self.channels.values() if c.user == user), None)

    def put_message(self, message: SlackMessage) -> SlackMessage:
        """Store a new message, or a new version of one."""
        with self.changing():
            shelf = self.ephemerals if message.is_ephemeral else self.messages
            shelf[message.channel, message.ts] = message
            return message

    def edit(self, message: SlackMessage, text: str, blocks: tuple[JsonObject, ...]) -> SlackMessage:
        """Replace the content of a message; the old content stays in `history`."""
        before = Version(message.text, message.blocks)
        history = (*message.history, before)
        return self.put_message(replace(message, text=text, blocks=blocks, edited=self.new_ts(), history=history))

    def find_message(self, message: SlackMessage) -> SlackMessage | None:
        """The current version of the message; None after `forget`."""
        with self.lock:
            shelf = self.ephemerals if message.is_ephemeral else self.messages
            return shelf.get((message.channel, message.ts))

    def replies(self, parent: SlackMessage) -> list[SlackMessage]:
        """The replies in the thread of a message, oldest first."""
        with self.lock:
            held = self.messages.values()
            return [m for m in held if (m.channel, m.thread_ts) == (parent.channel, parent.ts) and not m.deleted]

    def new_trigger(self, user: str, view: str | None = None) -> str:
        with self.lock:
            trigger = f"{next(self._numbers)}.{next(self._numbers)}.{secrets.token_hex(16)}"
            self.triggers[trigger] = Trigger(user, self.clock(), view)
            return trigger

    def find_view(self, view_id: str) -> View | None:
        with self.lock:
            shown = itertools.chain(self.homes.values(), *self.views.values())
            return next((view for view in shown if view.id == view_id), None)

    def put_view(self, view: View) -> View:
        """Replace an open modal with the same id in its stack, or the Home tab."""
        with self.changing():
            if view.type == "home":
                self.homes[view.user] = view
                return view
            stack = self.views.setdefault(view.user, [])
            self.views[view.user] = [view if held.id == view.id else held for held in stack]
            return view

    def notice(self, user: str, text: str) -> None:
        """Add a notice from Slack itself to the user (Slackbot, only visible to them)."""
        with self.changing():
            self.notices.setdefault(user, []).append(text)
