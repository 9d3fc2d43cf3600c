"""Actions of people in the workspace: type, click, fill in, open. Each returns when the app has answered."""

from copy import deepcopy
from dataclasses import replace
from typing import Any

from bot.sandbox.workspace import interaction
from bot.sandbox.workspace.blockkit.elements import problems_of_options
from bot.sandbox.workspace.errors import SlackError
from bot.sandbox.workspace.model import Channel, JsonObject, PayloadDelivery, SlackMessage, User, View
from bot.sandbox.workspace.server import WorkspaceServer
from bot.sandbox.workspace.state import ResponseUrl, State
from bot.sandbox.workspace.webapi.chat import find_thread
from bot.sandbox.workspace.webapi.response_url import answer_privately
from bot.sandbox.workspace.webapi.views import apply_submission

# Default `min_query_length` of an external select: https://docs.slack.dev/reference/block-kit/block-elements.
MIN_QUERY_CHARS = 3
TROUBLE = "We had some trouble connecting. Try again?"


class Actions:
    """People's actions. Thread-safe."""

    _state: State
    _server: WorkspaceServer

    def command(self, user: User, command: str, text: str = "", channel: Channel | None = None) -> PayloadDelivery:
        """Type a slash command in `channel`, by default in the direct message with the app."""
        here = channel or self._state.direct_message(user.id)
        self._require_member(user, here)
        if command not in self._state.manifest.commands:
            shown = f"{command} is not a valid command. In Slack, all messages that start with / are commands."
            self._state.notice(user.id, shown)
            return PayloadDelivery("slash_commands", {}, error="invalid_command", shown=shown)
        payload = self._server.payloads.slash(user, command, text, here)
        delivery = self._server.run(self._server.deliveries.send("slash_commands", payload))
        if delivery.error is None:
            self._show_answer(user, here, delivery)
        if delivery.error is not None:
            delivery.shown = f'{command} failed with the error "{delivery.error}"'
            self._state.notice(user.id, delivery.shown)
        return delivery

    def click(
        self,
        user: User,
        on: SlackMessage | View,
        what: str,
        value: Any = None,
        *,
        block: str | None = None,
        filled: interaction.Values | None = None,
    ) -> PayloadDelivery:
        """Click an element that the person sees now: `what` is its visible text or action_id.

        `block` is a block_id, for a button that several blocks have. `value` is the choice in a select (its value
        or text), or the text typed into a field with `dispatch_action`; `filled` are the current values of the
        other fields of a view. NotShownError when there is no such element, or when Slack would not notify the
        app of it.
        """
        now = self._now(user, on)
        around, element = interaction.find_element(now.blocks, what, block)
        if not interaction.dispatches_action(around):
            raise interaction.NotShownError(
                f"the app hears of {what!r} when the form is sent: it has no dispatch_action"
            )
        if isinstance(now, View):
            own = {} if value is None or element["type"] in interaction.WITHOUT_STATE else {around["block_id"]: value}
            now = self.fill(user, now, {**(filled or {}), **_named(element, own)})
        return self._press(user, now, interaction.action(around, element, value, self._state.new_ts()))

    def fill(self, user: User, view: View, values: interaction.Values) -> View:
        """Fill in fields of a view without submitting it. The app sees the values with the next click in it."""
        with self._state.lock:
            now = self._open_view(user, view)
            filled = interaction.filled_in(now.blocks, values, now.values, to_be_sent=False)
            return self._state.put_view(replace(now, values=filled))

    def click_raw(
        self,
        user: User,
        on: SlackMessage | View,
        what: str | None = None,
        overrides: JsonObject | None = None,
        *,
        block: str | None = None,
    ) -> PayloadDelivery:
        """Click in `on` as given, whether or not it is still shown: a stale, repeated or forged click.

        `block` is as in `click`. `overrides` replaces top-level keys of the payload; within `actions[0]` it replaces
        key by key.
        """
        ts, changes = self._state.new_ts(), dict(overrides or {})
        press: JsonObject = {"type": "button", "action_id": "forged", "block_id": "forged", "action_ts": ts}
        if what is not None:
            around, element = interaction.find_element(on.blocks, what, block)
            press = interaction.action(around, element, None, ts)
        press |= changes.pop("actions", [{}])[0]
        return self._press(user, on, press, changes)

    def _press(
        self, user: User, on: SlackMessage | View, press: JsonObject, overrides: JsonObject | None = None
    ) -> PayloadDelivery:
        payloads = self._server.payloads
        payload = (
            payloads.message_click(user, on, press)
            if isinstance(on, SlackMessage)
            else payloads.view_action(user, on, press)
        )
        return self._interact(user, payload | (overrides or {}))

    def suggest(self, user: User, on: SlackMessage | View, action_id: str, typed: str = "") -> list[JsonObject]:
        """Type into an external select and return its options; [] when the app offers none in time."""
        return list(interaction.options_of(self.suggestions(user, on, action_id, typed)))

    def suggestions(
        self, user: User, on: SlackMessage | View, action_id: str, typed: str = "", block: str | None = None
    ) -> JsonObject:
        """Type into an external select and return the answer: `options`, `option_groups` or neither.

        The app is asked from `min_query_length` characters on; options that Slack would refuse are not shown.
        """
        now = self._now(user, on)
        around, element = interaction.find_element(now.blocks, action_id, block)
        if len(typed) < element.get("min_query_length", MIN_QUERY_CHARS):
            return {}
        payload = self._server.payloads.suggestion(user, now, around["block_id"], element["action_id"], typed)
        delivery = self._interact(user, payload)
        if delivery.error is not None or not isinstance(delivery.ack_body, dict):
            return {}
        problems = problems_of_options(delivery.ack_body)
        if problems:
            delivery.error, delivery.shown = "invalid_options", f"Slack would not take the options: {problems[0]}"
            self._state.notice(user.id, delivery.shown)
            return {}
        return delivery.ack_body

    def shortcut(self, user: User, callback_id: str) -> PayloadDelivery:
        """Choose a global shortcut. NotShownError when the app has no such shortcut."""
        self._require_shortcut(callback_id, "global")
        return self._interact(user, self._server.payloads.shortcut(user, callback_id))

    def message_shortcut(self, user: User, callback_id: str, channel: Channel | str, ts: str) -> PayloadDelivery:
        """Choose a shortcut in a message's menu. NotShownError when the person sees no such message or entry."""
        self._require_shortcut(callback_id, "message")
        where = channel if isinstance(channel, str) else channel.id
        message = self._now(user, SlackMessage(where, ts, "", ""))
        if isinstance(message, View):  # impossible: a message was looked up
            raise TypeError(message)
        return self._interact(user, self._server.payloads.message_shortcut(user, callback_id, message))

    def submit(self, user: User, view: View, values: interaction.Values | None = None) -> PayloadDelivery:
        """Fill in and submit a modal, and apply the app's answer to it: close, errors, update, push or clear."""
        now = self._open_view(user, view)
        filled = interaction.filled_in(now.blocks, values or {}, now.values)
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

    def close_view(self, user: User, view: View, *, all_of_them: bool = False) -> PayloadDelivery | None:
        """Close the top modal, or the whole stack. The app is notified if the view has `notify_on_close`."""
        now = self._open_view(user, view)
        with self._state.changing():
            stack = self._state.views[user.id]
            self._state.views[user.id] = [] if all_of_them else [one for one in stack if one.id != now.id]
        if not now.body.get("notify_on_close"):
            return None
        return self._interact(user, self._server.payloads.closed(user, now, cleared=all_of_them))

    def open_home(self, user: User, tab: str = "home") -> PayloadDelivery | None:
        """Open the app's Home or Messages `tab`; None when it has no such tab or does not subscribe to the event."""
        manifest = self._state.manifest
        shown = manifest.home_tab if tab == "home" else self._state.messages_tab
        if not shown or "app_home_opened" not in manifest.events:
            return None
        payload = self._server.payloads.home_opened(user, tab)
        return self._server.run(self._server.deliveries.send_event(payload))

    def say(self, user: User, text: str, thread_ts: str | None = None) -> SlackMessage:
        """Write to the app, which is notified if it subscribes to `message.im`. SlackError when writing is off."""
        if not self._state.messages_tab or self._state.manifest.messages_read_only:
            raise SlackError("messages_tab_disabled")
        channel = self._state.direct_message(user.id)
        thread = find_thread(self._state, channel, thread_ts)
        message = self._state.put_message(
            SlackMessage(channel.id, self._state.new_ts(), user.id, text, thread_ts=thread)
        )
        if "message.im" in self._state.manifest.events:
            payload = self._server.payloads.said(user, message)
            self._server.run(self._server.deliveries.send_event(payload))
        return message

    def _interact(self, user: User, payload: JsonObject) -> PayloadDelivery:
        if not self._state.manifest.interactive:
            shown = "This app is not configured to handle interactive responses."
            return PayloadDelivery("interactive", payload, error="interactivity_disabled", shown=shown)
        delivery = self._server.run(self._server.deliveries.send("interactive", payload))
        if delivery.error is not None:
            delivery.shown = TROUBLE
            self._state.notice(user.id, TROUBLE)
        return delivery

    def _show_answer(self, user: User, channel: Channel, delivery: PayloadDelivery) -> None:
        """Show the answer, if the acknowledgement of a command contains one."""
        body = delivery.ack_body
        if not isinstance(body, dict) or not (body.get("text") or body.get("blocks")):
            return
        try:
            with self._state.lock:
                answer_privately(self._state, ResponseUrl(user.id, channel.id, 0.0), deepcopy(body))
        except SlackError as error:
            delivery.error = error.code

    def _now(self, user: User, on: SlackMessage | View) -> SlackMessage | View:
        if isinstance(on, View):
            return self._open_view(user, on)
        now = self._state.find_message(on)
        if now is None or now.deleted or now.only_for not in (None, user.id):
            raise interaction.NotShownError(f"{user.name} does not see that message")
        self._require_member(user, self._state.channels[now.channel])
        return now

    def _open_view(self, user: User, view: View) -> View:
        now = self._state.find_view(view.id)
        if now is None or now.user != user.id:
            raise interaction.NotShownError(f"{user.name} does not see the view {view.title!r}")
        return now

    def _require_shortcut(self, callback_id: str, kind: str) -> None:
        offered = [one.callback_id for one in self._state.manifest.shortcuts if one.kind == kind]
        if callback_id not in offered:
            raise interaction.NotShownError(
                f"no {kind} shortcut {callback_id!r}; shown: {', '.join(offered) or 'none'}"
            )

    def _require_member(self, user: User, channel: Channel) -> None:
        if user.id not in channel.members:
            raise interaction.NotShownError(f"{user.name} is not in {channel.name} ({channel.id})")


def _named(element: JsonObject, values: dict[str, Any]) -> dict[str, Any]:
    """The values with the element's action_id, since an actions block may hold several elements."""
    return {block: (element["action_id"], value) for block, value in values.items()}
