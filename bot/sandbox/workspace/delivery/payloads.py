"""Builds Slack's payloads: slash commands, clicks, submissions and events.

https://docs.slack.dev/interactivity and https://docs.slack.dev/apis/events-api
"""

import html

from bot.sandbox.workspace.model import Channel, Group, JsonObject, SlackMessage, User, View
from bot.sandbox.workspace.state import State
from bot.sandbox.workspace.webapi.chat import message_json
from bot.sandbox.workspace.webapi.response_url import ResponseUrls
from bot.sandbox.workspace.webapi.views import view_json

# Slack still sends the old verification token; an app that checks it gets this one.
VERIFICATION_TOKEN = "deprecated-verification-token"  # noqa: S105 - not a secret, in Slack neither
DOMAIN = "sandbox"


class Payloads:
    """Builds payloads for one workspace."""

    def __init__(self, state: State, urls: ResponseUrls) -> None:
        self.state = state
        self.urls = urls

    def slash(self, user: User, command: str, text: str, channel: Channel) -> JsonObject:
        """A slash command. Slack escapes & < > in its text."""
        return {
            "token": VERIFICATION_TOKEN,
            "team_id": self.state.team_id,
            "team_domain": DOMAIN,
            "channel_id": channel.id,
            "channel_name": channel.name,
            "user_id": user.id,
            "user_name": user.name,
            "command": command,
            "text": html.escape(text, quote=False),
            "api_app_id": self.state.app_id,
            **({"enterprise_id": self.state.organisation} if self.state.organisation else {}),
            "is_enterprise_install": str(self.state.org_wide).lower(),
            "response_url": self.urls.issue(user.id, channel.id),
            "trigger_id": self.state.new_trigger(user.id),
        }

    def message_click(self, user: User, message: SlackMessage, action: JsonObject) -> JsonObject:
        """A click on an element of a message, with the message as the person saw it."""
        channel = self.state.channels[message.channel]
        return self._interactive("block_actions", user) | {
            "container": {
                "type": "message",
                "message_ts": message.ts,
                "channel_id": channel.id,
                "is_ephemeral": message.is_ephemeral,
            },
            "channel": {"id": channel.id, "name": channel.name},
            # Slack omits an ephemeral message.
            **({} if message.is_ephemeral else {"message": message_json(self.state, message)}),
            "state": {"values": {}},
            "response_url": self.urls.issue(user.id, channel.id, message),
            "trigger_id": self.state.new_trigger(user.id),
            "actions": [action],
        }

    def view_action(self, user: User, view: View, action: JsonObject) -> JsonObject:
        """A click or choice in a modal or the Home tab."""
        return self._interactive("block_actions", user) | {
            "container": {"type": "view", "view_id": view.id},
            "view": view_json(self.state, view),
            "trigger_id": self.state.new_trigger(user.id, view.id if view.type == "modal" else None),
            "actions": [action],
        }

    def suggestion(self, user: User, on: SlackMessage | View, block_id: str, action_id: str, typed: str) -> JsonObject:
        """A request for the options of an external select, while the person types."""
        return self._interactive("block_suggestion", user) | {
            **self._where(on),
            "block_id": block_id,
            "action_id": action_id,
            "value": typed,
        }

    def _where(self, on: SlackMessage | View) -> JsonObject:
        if isinstance(on, View):
            return {"container": {"type": "view", "view_id": on.id}, "view": view_json(self.state, on)}
        channel = self.state.channels[on.channel]
        return {
            "container": {"type": "message", "message_ts": on.ts, "channel_id": channel.id},
            "channel": {"id": channel.id, "name": channel.name},
            "message": message_json(self.state, on),
        }

    def shortcut(self, user: User, callback_id: str) -> JsonObject:
        """A global shortcut: https://docs.slack.dev/reference/interaction-payloads/shortcuts-interaction-payload."""
        return self._interactive("shortcut", user) | {
            "callback_id": callback_id,
            "trigger_id": self.state.new_trigger(user.id),
            "action_ts": self.state.new_ts(),
        }

    def message_shortcut(self, user: User, callback_id: str, message: SlackMessage) -> JsonObject:
        """A shortcut in a message's menu (`message_action`)."""
        channel = self.state.channels[message.channel]
        return self._interactive("message_action", user) | {
            "callback_id": callback_id,
            "trigger_id": self.state.new_trigger(user.id),
            "response_url": self.urls.issue(user.id, channel.id, message),
            "action_ts": self.state.new_ts(),
            "message_ts": message.ts,
            "channel": {"id": channel.id, "name": channel.name},
            "message": message_json(self.state, message),
        }

    def submission(self, user: User, view: View) -> JsonObject:
        """A submitted modal; its values are in `view.values`."""
        return self._interactive("view_submission", user) | {
            "view": view_json(self.state, view),
            "trigger_id": self.state.new_trigger(user.id, view.id),
            "response_urls": [],
        }

    def closed(self, user: User, view: View, *, cleared: bool) -> JsonObject:
        """A modal closed without submitting; `cleared` when the whole stack was closed."""
        return self._interactive("view_closed", user) | {
            "view": view_json(self.state, view),
            "is_cleared": cleared,
        }

    def event(self, event: JsonObject) -> JsonObject:
        """The Events API wrapper."""
        return {
            "token": VERIFICATION_TOKEN,
            "team_id": self.state.team_id,
            **({"enterprise_id": self.state.organisation} if self.state.organisation else {}),
            "api_app_id": self.state.app_id,
            "event": event,
            "type": "event_callback",
            "event_id": self.state.new_id("Ev"),
            "event_time": int(self.state.clock()),
            "authorizations": [
                {
                    "enterprise_id": self.state.organisation or None,
                    "team_id": None if self.state.org_wide else self.state.team_id,
                    "user_id": self.state.bot_user_id,
                    "is_bot": True,
                    "is_enterprise_install": self.state.org_wide,
                }
            ],
            "is_ext_shared_channel": False,
        }

    def home_opened(self, user: User, tab: str) -> JsonObject:
        event: JsonObject = {
            "type": "app_home_opened",
            "user": user.id,
            "channel": self.state.direct_message(user.id).id,
            "tab": tab,
            "event_ts": self.state.new_ts(),
        }
        held = self.state.homes.get(user.id) if tab == "home" else None
        return self.event(event | ({"view": view_json(self.state, held)} if held is not None else {}))

    def group_changed(self, event: str, group: Group) -> JsonObject:
        """A user group that was created or whose members changed."""
        subteam = {"id": group.id, "handle": group.handle, "users": list(group.members), "is_usergroup": True}
        return self.event({"type": event, "subteam": subteam, "event_ts": self.state.new_ts()})

    def said(self, user: User, message: SlackMessage) -> JsonObject:
        """A message a person wrote in the direct message with the app."""
        event: JsonObject = {
            "type": "message",
            "channel": message.channel,
            "channel_type": "im",
            "user": user.id,
            "text": message.text,
            "ts": message.ts,
            "event_ts": message.ts,
            "team": self.state.team_id,
        }
        return self.event(event | ({"thread_ts": message.thread_ts} if message.thread_ts else {}))

    def _team(self, user: User) -> str:
        return user.team or self.state.team_id

    def _interactive(self, kind: str, user: User) -> JsonObject:
        """What all of these have. `team` is null where the app is installed for a whole organisation."""
        organisation = {"id": self.state.organisation, "name": "Grid"} if self.state.organisation else None
        of_it = {f"enterprise_{key}": value for key, value in (organisation or {}).items()}
        return {
            "type": kind,
            "user": {"id": user.id, "username": user.name, "name": user.name, "team_id": self._team(user)},
            "api_app_id": self.state.app_id,
            "token": VERIFICATION_TOKEN,
            "team": None if self.state.org_wide else {"id": self.state.team_id, "domain": DOMAIN, **of_it},
            "enterprise": organisation,
            "is_enterprise_install": self.state.org_wide,
        }
