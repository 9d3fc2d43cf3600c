"""Web API: conversations.replies."""

from bot.sandbox.workspace.errors import SlackError
from bot.sandbox.workspace.model import JsonObject
from bot.sandbox.workspace.state import State
from bot.sandbox.workspace.webapi.chat import message_json, required_channel
from bot.sandbox.workspace.webapi.methods import method, required


@method("conversations.replies")
def conversations_replies(state: State, args: JsonObject) -> JsonObject:
    """A message and its replies, in one page: https://docs.slack.dev/reference/methods/conversations.replies."""
    channel = state.channels.get(required_channel(args))
    if channel is None or state.bot_user_id not in channel.members:
        raise SlackError("channel_not_found")
    # The required scope depends on the kind of conversation.
    scope = "im:history" if channel.is_im else "channels:history"
    if scope not in state.scopes:
        raise SlackError("missing_scope", needed=scope, provided=",".join(sorted(state.scopes)))
    parent = state.messages.get((channel.id, required(args, "ts")))
    if parent is None or parent.deleted:
        raise SlackError("thread_not_found")
    messages = [parent, *state.replies(parent)]
    return {"ok": True, "messages": [message_json(state, one) for one in messages], "has_more": False}
