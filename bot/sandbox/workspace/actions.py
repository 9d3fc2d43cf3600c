"""What people do in the workspace: type, press, fill in, open. Each call returns when the app has answered."""

from copy import deepcopy
from dataclasses import replace
from typing import Any

from bot.sandbox.workspace import form
from bot.sandbox.workspace.errors import SlackError
from bot.sandbox.workspace.model import Channel, Delivery, Json, Message, User, View
from bot.sandbox.workspace.response_url import answer_privately
from bot.sandbox.workspace.server import Server
from bot.sandbox.workspace.state import ResponseUrl, State
from bot.sandbox.workspace.views import apply_submission

TROUBLE = "We had some trouble connecting. Try again?"


class Actions:
    """The deeds of people. Safe from any number of threads at once."""

    _state: State
    _server: Server

    def command(self, user: User, command: str, text: str = "", channel: Channel | None = None) -> Delivery:
        """Type a slash command, in the direct message with the app unless `channel` says where."""
        here = channel or self._state.direct_message(user.id)
        self._require_member(user, here)
        if command not in self._state.manifest.commands:
            shown = f"{command} is not a valid command. In Slack, all messages that start with / are commands."
            self._state.notice(user.id, shown)
            return Delivery("slash_commands", {}, error="invalid_command", shown=shown)
        payload = self._server.payloads.slash(user, command, text, here)
        delivery = self._server.run(self._server.deliveries.send("slash_commands", payload))
        if delivery.error is None:
            self._show_answer(user, here, delivery)
        if delivery.error is not None:
            delivery.shown = f'{command} failed with the error "{delivery.error}"'
            self._state.notice(user.id, delivery.shown)
        return delivery

    def click(self, user: User, on: Message | View, what: str, value: Any = None) -> Delivery:
        """Press what the person sees now: `what` is a visible text or an action_id.

        `value` is the choice in a select (its value or text). NotShownError when there is nothing such.
        """
        now = self._now(user, on)
        block, element = form.find_element(now.blocks, what)
        return self._press(user, now, form.action(block, element, value, self._state.new_ts()))

    def click_raw(
        self, user: User, on: Message | View, what: str | None = None, overrides: Json | None = None
    ) -> Delivery:
        """Press in `on` as it was then, shown or not: a stale, doubled or forged click.

        `overrides` replaces top-level keys of the payload; within `actions[0]` it replaces key by key.
        """
        ts, changes = self._state.new_ts(), dict(overrides or {})
        press: Json = {"type": "button", "action_id": "forged", "block_id": "forged", "action_ts": ts}
        if what is not None:
            block, element = form.find_element(on.blocks, what)
            press = form.action(block, element, None, ts)
        press |= changes.pop("actions", [{}])[0]
        return self._press(user, on, press, changes)

    def _press(self, user: User, on: Message | View, press: Json, overrides: Json | None = None) -> Delivery:
        payloads = self._server.payloads
        payload = (
            payloads.message_action(user, on, press)
            if isinstance(on, Message)
            else payloads.view_action(user, on, press)
        )
        return self._interact(user, payload | (overrides or {}))

    def suggest(self, user: User, view: View, action_id: str, typed: str = "") -> list[Json]:
        """Type into an external select and see its options; [] when the app offers none in time."""
        block, element = form.find_element(self._now(user, view).blocks, action_id)
        payload = self._server.payloads.suggestion(user, view, block["block_id"], element["action_id"], typed)
        body = self._interact(user, payload).ack_body
        return list(form.options_of(body)) if isinstance(body, dict) else []

    def submit(self, user: User, view: View, values: form.Values | None = None) -> Delivery:
        """Fill in and submit a modal. What the app answers is done to it: close, errors, update, push, clear."""
        now = self._open_view(user, view)
        filled = form.filled_in(now.blocks, values or {}, now.values)
        now = self._state.put_view(replace(now, values=filled, errors={}))
        delivery = self._interact(user, self._server.payloads.submission(user, now))
        if delivery.error is None:
            try:
                with self._state.lock:
                    apply_submission(self._state, self._open_view(user, now), delivery.ack_body)
            except SlackError as error:
                delivery.error = error.code
                delivery.shown = TROUBLE
        return delivery

    def close_view(self, user: User, view: View, *, all_of_them: bool = False) -> Delivery | None:
        """Close the top modal, or the whole stack. The app hears of it when the view asked for it."""
        now = self._open_view(user, view)
        with self._state.changing():
            stack = self._state.views[user.id]
            self._state.views[user.id] = [] if all_of_them else [one for one in stack if one.id != now.id]
        if not now.body.get("notify_on_close"):
            return None
        return self._interact(user, self._server.payloads.closed(user, now, cleared=all_of_them))

    def open_home(self, user: User) -> Delivery | None:
        """Open the app's Home tab; None when the app has not asked for the event or has no such tab."""
        manifest = self._state.manifest
        if not manifest.home_tab or "app_home_opened" not in manifest.events:
            return None
        payload = self._server.payloads.home_opened(user)
        return self._server.run(self._server.deliveries.send_event(payload))

    def say(self, user: User, text: str) -> Message:
        """Write to the app; it hears of it when it asked for `message.im`. SlackError when writing is off."""
        if not self._state.messages_tab or self._state.manifest.messages_read_only:
            raise SlackError("messages_tab_disabled")
        channel = self._state.direct_message(user.id)
        message = self._state.put_message(Message(channel.id, self._state.new_ts(), user.id, text))
        if "message.im" in self._state.manifest.events:
            payload = self._server.payloads.said(user, message)
            self._server.run(self._server.deliveries.send_event(payload))
        return message

    def _interact(self, user: User, payload: Json) -> Delivery:
        if not self._state.manifest.interactive:
            shown = "This app is not configured to handle interactive responses."
            return Delivery("interactive", payload, error="interactivity_disabled", shown=shown)
        delivery = self._server.run(self._server.deliveries.send("interactive", payload))
        if delivery.error is not None:
            delivery.shown = TROUBLE
            self._state.notice(user.id, TROUBLE)
        return delivery

    def _show_answer(self, user: User, channel: Channel, delivery: Delivery) -> None:
        """A command may be answered in its acknowledgement."""
        body = delivery.ack_body
        if not isinstance(body, dict) or not (body.get("text") or body.get("blocks")):
            return
        try:
            with self._state.lock:
                answer_privately(self._state, ResponseUrl(user.id, channel.id, 0.0), deepcopy(body))
        except SlackError as error:
            delivery.error = error.code

    def _now(self, user: User, on: Message | View) -> Message | View:
        if isinstance(on, View):
            return self._open_view(user, on)
        now = self._state.find_message(on)
        if now is None or now.deleted or now.only_for not in (None, user.id):
            raise form.NotShownError(f"{user.name} does not see that message")
        self._require_member(user, self._state.channels[now.channel])
        return now

    def _open_view(self, user: User, view: View) -> View:
        now = self._state.find_view(view.id)
        if now is None or now.user != user.id:
            raise form.NotShownError(f"{user.name} does not see the view {view.title!r}")
        return now

    def _require_member(self, user: User, channel: Channel) -> None:
        if user.id not in channel.members:
            raise form.NotShownError(f"{user.name} is not in {channel.name} ({channel.id})")
