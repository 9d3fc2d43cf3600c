"""Web API: chat.*. Messages are validated as in Slack before they are stored."""

from copy import deepcopy
from dataclasses import replace
from typing import Any

from bot.sandbox.workspace.blockkit.blocks import check_message_blocks, elements_of
from bot.sandbox.workspace.errors import SlackError
from bot.sandbox.workspace.model import Channel, JsonObject, SlackMessage
from bot.sandbox.workspace.state import State
from bot.sandbox.workspace.webapi.methods import method, required
from bot.sandbox.workspace.webapi.people import require_reachable

# Slack truncates longer texts; here they are refused.
# https://docs.slack.dev/changelog/2018-truncating-really-long-messages
TEXT_CHARS = 40_000


@method("chat.postMessage", scope="chat:write")
def post_message(state: State, args: JsonObject) -> JsonObject:
    channel = _destination(state, required_channel(args))
    text, blocks = content(state, args)
    message = state.put_message(
        SlackMessage(channel.id, state.new_ts(), state.bot_user_id, text, blocks, _thread(state, channel, args))
    )
    return {
        "ok": True,
        "channel": channel.id,
        "ts": message.ts,
        "message": message_json(state, message),
    }


@method("chat.postEphemeral", scope="chat:write")
def post_ephemeral(state: State, args: JsonObject) -> JsonObject:
    channel = _destination(state, required_channel(args))
    reader = required(args, "user")
    if reader not in state.users or reader not in channel.members:
        raise SlackError("user_not_in_channel")
    text, blocks = content(state, args)
    thread = _thread(state, channel, args)
    message = SlackMessage(channel.id, state.new_ts(), state.bot_user_id, text, blocks, thread, only_for=reader)
    state.put_message(message)
    return {"ok": True, "message_ts": message.ts}


@method("chat.update", scope="chat:write")
def update(state: State, args: JsonObject) -> JsonObject:
    """An omitted field keeps its value, also `blocks`: https://docs.slack.dev/reference/methods/chat.update."""
    message = _own(state, args, "cant_update_message")
    text, blocks = content(state, args)
    message = state.edit(
        message,
        text if args.get("text") is not None else message.text,
        blocks if args.get("blocks") is not None else message.blocks,
    )
    return {
        "ok": True,
        "channel": message.channel,
        "ts": message.ts,
        "text": message.text,
        "message": message_json(state, message),
    }


@method("chat.delete", scope="chat:write")
def delete(state: State, args: JsonObject) -> JsonObject:
    message = _own(state, args, "cant_delete_message")
    state.put_message(replace(message, deleted=True))
    return {"ok": True, "channel": message.channel, "ts": message.ts}


def required_channel(args: JsonObject) -> str:
    channel = args.get("channel")
    if not isinstance(channel, str) or not channel:
        raise SlackError("channel_not_found")
    return channel


def content(state: State, args: JsonObject) -> tuple[str, tuple[JsonObject, ...]]:
    """The text and blocks of a new message; SlackError when Slack would refuse them."""
    text, raw = args.get("text"), args.get("blocks")
    if args.get("attachments"):
        raise SlackError("invalid_attachments", ["legacy attachments are not spoken by this workspace"])
    if text is not None and not isinstance(text, str):
        raise SlackError("invalid_arguments", ["must be a string [json-pointer:/text]"])
    if len(text or "") > TEXT_CHARS:
        raise SlackError("msg_too_long")
    blocks = check_message_blocks(raw) if raw is not None else []
    if not (text or "").strip() and not blocks:
        raise SlackError("no_text")
    return text or "", with_ids(state, blocks)


def with_ids(state: State, blocks: list[JsonObject]) -> tuple[JsonObject, ...]:
    """Add the ids that Slack adds: a block_id to every block, an action_id to every interactive element."""
    named: list[JsonObject] = []
    for block in deepcopy(blocks):
        block["block_id"] = block.get("block_id") or state.new_id("b")
        for element in elements_of(block):
            element.setdefault("action_id", state.new_id("a"))
        named.append(block)
    return tuple(named)


def message_json(state: State, message: SlackMessage) -> JsonObject:
    """A message in the format of the Web API and interactive payloads."""
    found: JsonObject = {
        "type": "message",
        "user": message.author,
        "ts": message.ts,
        "text": message.text,
        "team": state.team_id,
    }
    if message.author == state.bot_user_id:
        found |= {"bot_id": state.bot_id, "app_id": state.app_id}
    if message.blocks:
        found["blocks"] = list(message.blocks)
    if message.thread_ts:
        found["thread_ts"] = message.thread_ts
    elif replies := state.replies(message):
        found |= {"thread_ts": message.ts, "reply_count": len(replies), "latest_reply": replies[-1].ts}
    if message.edited:
        found["edited"] = {"user": message.author, "ts": message.edited}
    return found


def _destination(state: State, name: str) -> Channel:
    """The channel for an id, a #name or a user's id (the direct message), if the bot may post to it."""
    channel: Any = state.channels.get(name)
    if channel is None and name.startswith("U"):
        if name not in state.users:
            raise SlackError("channel_not_found")
        channel = state.direct_message(require_reachable(state, name).id)
    if channel is None:
        plain = name.removeprefix("#")
        channel = next((c for c in state.channels.values() if c.name == plain and not c.is_im), None)
    if not isinstance(channel, Channel):
        raise SlackError("channel_not_found")
    if channel.user is not None:
        require_reachable(state, channel.user)
        if not state.messages_tab:
            raise SlackError("messages_tab_disabled")
    if state.bot_user_id not in channel.members and "chat:write.public" not in state.scopes:
        raise SlackError("not_in_channel")
    return channel


def _thread(state: State, channel: Channel, args: JsonObject) -> str | None:
    thread_ts = args.get("thread_ts")
    return find_thread(state, channel, None if thread_ts is None else str(thread_ts))


def find_thread(state: State, channel: Channel, thread_ts: str | None) -> str | None:
    """The ts of the thread for a reply to this message: that of its parent, since threads do not nest.

    SlackError when there is no such message.
    """
    if thread_ts is None:
        return None
    parent = state.messages.get((channel.id, thread_ts))
    if parent is None or parent.deleted:
        raise SlackError("thread_not_found")
    return parent.thread_ts or parent.ts


def _own(state: State, args: JsonObject, refusal: str) -> SlackMessage:
    channel = required_channel(args)
    if channel not in state.channels:
        raise SlackError("channel_not_found")
    message = state.messages.get((channel, required(args, "ts")))
    if message is None or message.deleted:
        raise SlackError("message_not_found")
    if message.author != state.bot_user_id:
        raise SlackError(refusal)
    return message
