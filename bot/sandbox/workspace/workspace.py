"""The local Slack workspace: its life cycle, its people and channels, and its settings and faults."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from bot.sandbox.workspace.actions import Actions
from bot.sandbox.workspace.delivery.deliveries import RETRY_SECONDS
from bot.sandbox.workspace.faults import Faults, Hook
from bot.sandbox.workspace.manifest import Manifest
from bot.sandbox.workspace.model import Channel, Group, User
from bot.sandbox.workspace.queries import Queries
from bot.sandbox.workspace.server import WorkspaceServer
from bot.sandbox.workspace.state import State


class Workspace(Actions, Queries):
    """A real HTTP and WebSocket server that speaks Slack's protocols on 127.0.0.1.

    An application needs only SLACK_API_URL to use it. Use it as a context manager, or `close` it.
    """

    def __init__(self, state: State, server: WorkspaceServer, faults: Faults) -> None:
        self._state = state
        self._server = server
        self.faults = faults

    @classmethod
    def start(
        cls,
        manifest: Path,
        port: int = 0,
        clock: Callable[[], float] = time.time,
        retry_seconds: Sequence[float] = RETRY_SECONDS,
    ) -> "Workspace":
        """Install the app of `manifest` and serve. Port 0 takes a free one.

        `clock` (Unix seconds) stamps messages and ages triggers; `retry_seconds` are the pauses before an
        unacknowledged event is sent again. Raises ManifestError, and OSError when the port is taken.
        """
        state, faults = State(Manifest.load(manifest), clock), Faults()
        server = WorkspaceServer(state, faults, port, retry_seconds)
        server.start()
        return cls(state, server, faults)

    def close(self) -> None:
        """Disconnect the app and free the port."""
        self._server.stop()

    def __enter__(self) -> "Workspace":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # Settings of the application.

    @property
    def api_url(self) -> str:
        """For SLACK_API_URL."""
        return f"{self._server.root}/api/"

    @property
    def bot_token(self) -> str:
        return self._state.bot_token

    @property
    def app_token(self) -> str:
        return self._state.app_token

    @property
    def signing_secret(self) -> str:
        return self._state.signing_secret

    @property
    def bot_user_id(self) -> str:
        return self._state.bot_user_id

    # People, groups and channels.

    def add_user(
        self,
        name: str,
        *,
        email: str | None = None,
        real_name: str | None = None,
        tz: str = "Etc/UTC",
        deleted: bool = False,
        is_bot: bool = False,
        is_guest: bool = False,
        team: str = "",
        organisation: str = "",
    ) -> User:
        """Add a member, or a person of another `team` (workspace), in an `organisation` if it has one.

        The default e-mail is NAME@example.com, the default real name the capitalised name.
        """
        mail = f"{name}@example.com" if email is None else email
        user = User(
            self._state.new_id("U"), name, mail, real_name or name.title(), tz, deleted, is_bot, is_guest, team,
            organisation,
        )  # fmt: skip
        return self._put_user(user)

    def user(self, user_id: str) -> User:
        """The current state of the user; KeyError when there is none."""
        with self._state.lock:
            return self._state.users[user_id]

    def deactivate(self, user: User) -> User:
        """Mark the account deleted, as Slack does when someone leaves."""
        return self._put_user(replace(self.user(user.id), deleted=True))

    def reactivate(self, user: User) -> User:
        return self._put_user(replace(self.user(user.id), deleted=False))

    def transfer(self, user: User, organisation: str) -> User:
        """Give the person's home workspace another organisation."""
        return self._put_user(replace(self.user(user.id), organisation=organisation))

    def add_group(self, handle: str, members: Iterable[User]) -> Group:
        """Add the user group @handle."""
        return self._put_group(Group(self._state.new_id("S"), handle, tuple(user.id for user in members)))

    def set_group(self, handle: str, members: Iterable[User]) -> Group:
        """Replace the members of @handle; KeyError when there is none."""
        with self._state.lock:
            group = {one.handle: one for one in self._state.groups.values()}[handle]
        return self._put_group(replace(group, members=tuple(user.id for user in members)))

    def add_channel(self, name: str, members: Iterable[User] = (), *, with_app: bool = True) -> Channel:
        """Add a public channel; `with_app` adds the bot to it."""
        ids = {user.id for user in members} | ({self._state.bot_user_id} if with_app else set())
        channel = Channel(self._state.new_id("C"), name, frozenset(ids))
        with self._state.changing():
            self._state.channels[channel.id] = channel
        return channel

    def direct_message(self, user: User) -> Channel:
        """The conversation between the user and the app."""
        return self._state.direct_message(user.id)

    def _put_user(self, user: User) -> User:
        with self._state.changing():
            self._state.users[user.id] = user
        return user

    def _put_group(self, group: Group) -> Group:
        with self._state.changing():
            event = "subteam_updated" if group.id in self._state.groups else "subteam_created"
            self._state.groups[group.id] = group
        if event in self._state.manifest.events and self._server.deliveries.connected:
            self._server.run(self._server.deliveries.send_event(self._server.payloads.group_changed(event, group)))
        return group

    # Changes by an administrator, the network and Slack itself.

    def set_messages_tab(self, *, enabled: bool) -> None:
        """Turn direct messages with the app on or off."""
        self._state.messages_tab = enabled

    def set_paid_plan(self, *, paid: bool) -> None:
        """Switch the paid plan, which user groups need."""
        self._state.paid_plan = paid

    def join_organisation(self, *, org_wide: bool = False) -> str:
        """Make the workspace part of an Enterprise Grid organisation, and return its id.

        `org_wide`: the app is installed for the whole organisation, so that clicks name no workspace.
        """
        with self._state.changing():
            self._state.organisation, self._state.org_wide = self._state.new_id("E"), org_wide
        return self._state.organisation

    @property
    def organisation(self) -> str:
        """The id of the organisation of this workspace; empty without one."""
        return self._state.organisation

    def revoke_scope(self, scope: str) -> None:
        """Remove a scope from the installed app, as if the manifest did not contain it."""
        with self._state.changing():
            self._state.revoked_scopes.add(scope)

    def enforce_rate_limits(self, *, enforced: bool = True) -> None:
        """Count calls as Slack does and answer 429 above the limits."""
        self._server.web_api.rates.enforced = enforced

    def on_call(self, hook: Hook) -> Callable[[], None]:
        """Call `hook(method, payload, phase)` before and after each call takes effect.

        It may block, and may return "drop" to close the connection. Returns a function that removes the hook.
        """
        hooks = self._server.web_api.hooks
        hooks.append(hook)
        return lambda: hooks.remove(hook)

    def deliver_by_http(self, url: str | None) -> None:
        """Post signed payloads to `url` instead of Socket Mode; None switches back."""
        self._server.deliveries.http.url = url

    @property
    def connections(self) -> int:
        """The number of the app's Socket Mode connections."""
        return len(self._server.deliveries.sockets.connections)

    def refresh_connections(self) -> None:
        """Ask the app to replace its connections, as Slack does every few hours."""
        self._server.run(self._server.deliveries.sockets.refresh())

    def drop_connections(self, *, abrupt: bool = False) -> None:
        """Close every connection; `abrupt` without a close frame."""
        self._server.run(self._server.deliveries.sockets.drop(abrupt=abrupt))

    def half_open(self) -> None:
        """Make the present connections half-open, so that they lose every message; new ones work."""
        for connection in list(self._server.deliveries.sockets.connections):
            connection.swallowing = True

    def reset(self) -> None:
        """Drop messages, views, traffic, faults and settings; people, groups and channels stay."""
        self.faults.clear()
        self._server.web_api.rates.forget()
        self._server.web_api.rates.enforced = False
        self._server.web_api.hooks.clear()
        with self._state.changing():
            self._state.forget()
            self._state.revoked_scopes.clear()
            self._state.messages_tab = self._state.manifest.messages_tab
            self._state.paid_plan = True
            self._state.organisation, self._state.org_wide = "", False
