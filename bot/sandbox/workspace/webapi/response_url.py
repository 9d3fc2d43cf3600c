"""Answers posted to a response_url: https://docs.slack.dev/interactivity/handling-user-interaction#message_responses."""

import json
import secrets
from dataclasses import replace
from typing import Any

from aiohttp import web

from bot.sandbox.workspace.errors import SlackError
from bot.sandbox.workspace.model import JsonObject, SlackMessage
from bot.sandbox.workspace.state import ResponseUrl, State
from bot.sandbox.workspace.webapi.chat import content
from bot.sandbox.workspace.webapi.endpoint import WebApi
from bot.sandbox.workspace.webapi.methods import truthy

USES = 5
LIFETIME_SECONDS = 30 * 60.0


class ResponseUrls:
    """Issues response_urls, and handles the answers posted to them."""

    def __init__(self, state: State, web_api: WebApi) -> None:
        self.state = state
        self.web_api = web_api
        self.root = ""

    def issue(self, user: str, channel: str, message: SlackMessage | None = None) -> str:
        """A new URL for one payload; `message` is the clicked message."""
        with self.state.lock:
            key = f"{self.state.team_id}/{self.state.new_id('')}/{secrets.token_hex(12)}"
            self.state.response_urls[key] = ResponseUrl(user, channel, self.state.clock(), message)
            return f"{self.root}/actions/{key}"

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Handle one answer from the app. For faults and hooks it is the method `response_url`."""
        try:
            body = json.loads(await request.text())
        except ValueError:
            body = None
        args: JsonObject = body if isinstance(body, dict) else {}
        key = request.match_info["key"]
        return await self.web_api.perform(request, "response_url", args, lambda: self._take(key, body))

    def _take(self, key: str, body: Any) -> tuple[int, JsonObject]:
        with self.state.lock:
            url = self.state.response_urls.get(key)
            if url is None or self.state.clock() - url.at > LIFETIME_SECONDS:
                return 404, SlackError("expired_url").answer()
            if url.uses >= USES:
                return 404, SlackError("used_url").answer()
            if not isinstance(body, dict):
                return 400, SlackError("invalid_payload").answer()
            try:
                answer_privately(self.state, url, body)
            except SlackError as error:
                return 404 if error.code == "message_not_found" else 400, error.answer()
            url.uses += 1
            return 200, {"ok": True}


def answer_privately(state: State, url: ResponseUrl, body: JsonObject) -> SlackMessage | None:
    """Post, replace or delete a message as the body asks; SlackError when it is invalid."""
    if truthy(body, "delete_original"):
        if url.message is not None:
            state.put_message(replace(_original(state, url.message), deleted=True))
        return None
    text, blocks = content(state, body)
    if truthy(body, "replace_original") and url.message is not None:
        return state.edit(_original(state, url.message), text, blocks)
    only_for = None if body.get("response_type") == "in_channel" else url.user
    return state.put_message(
        SlackMessage(url.channel, state.new_ts(), state.bot_user_id, text, blocks, only_for=only_for)
    )


def _original(state: State, message: SlackMessage) -> SlackMessage:
    now = state.find_message(message)
    if now is None or now.deleted:
        raise SlackError("message_not_found")
    return now
