"""The Web API's HTTP endpoint: parses arguments, checks tokens and scopes, injects faults and records traffic."""

import asyncio
import json
import logging
import time
from collections.abc import Callable

from aiohttp import web

from bot.sandbox.workspace.errors import RateLimitedError, SlackError
from bot.sandbox.workspace.faults import Fault, Faults, Hook, Phase
from bot.sandbox.workspace.model import Call, JsonObject
from bot.sandbox.workspace.state import State
from bot.sandbox.workspace.webapi import chat, people, threads, views  # noqa: F401 - they register their methods
from bot.sandbox.workspace.webapi.methods import METHODS, Method
from bot.sandbox.workspace.webapi.rate_limits import RateLimits

log = logging.getLogger(__name__)
# The effect of a call: returns (HTTP status, answer) or raises SlackError.
Act = Callable[[], tuple[int, JsonObject]]
# Arguments that are JSON text in a form.
JSON_ARGUMENTS = ("blocks", "view", "attachments", "metadata")
# The answer of a proxy that intercepts the call.
SIGN_IN = "<html><body>Please sign in to this network.</body></html>"


class WebApi:
    """Answers POST and GET /api/METHOD."""

    def __init__(self, state: State, faults: Faults) -> None:
        self.state = state
        self.faults = faults
        self.rates = RateLimits(state.clock)
        self.hooks: list[Hook] = []

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one call of a Web API method."""
        name = request.match_info["method"]
        try:
            args = await _arguments(request)
        except SlackError as error:
            return self._reply(error.answer())
        except ConnectionResetError:  # the client died before the end of its request
            return _hang_up(request)
        token = _token(request, args)
        return await self.perform(request, name, args, lambda: self._call(name, token, args))

    async def perform(self, request: web.Request, name: str, args: JsonObject, act: Act) -> web.StreamResponse:
        """Run `act` with hooks and faults before and after it, and record the call in the traffic."""
        started, clock = self.state.clock(), time.perf_counter()
        answer: JsonObject | None = None
        response: web.StreamResponse | None = None
        fault = self.faults.take(name, args)
        if await self._hooked(name, args, "before") == "drop":
            fault = Fault(name, "nothing", 0, 0, after=False, when=None)
        if fault is None or fault.after:
            answer, response = self._act(act)
        if fault is None and await self._hooked(name, args, "after") == "drop":
            fault = Fault(name, "nothing", 0, 0, after=True, when=None)
        if fault is not None:
            said, response = await self._inject(request, fault)
            answer = said or answer
        status = response.status if response is not None else None
        self._keep(Call(name, args, answer, status, started, time.perf_counter() - clock))
        return response if response is not None else _hang_up(request)

    def _act(self, act: Act) -> tuple[JsonObject, web.Response]:
        try:
            status, answer = act()
        except RateLimitedError as error:
            return error.answer(), _too_many(error.retry_after)
        except SlackError as error:
            status, answer = 200, error.answer()
        return answer, self._reply(answer, status)

    def _call(self, name: str, token: str | None, args: JsonObject) -> tuple[int, JsonObject]:
        with self.state.lock:
            self._authenticate(token)
            found = METHODS.get(name)
            if found is None:
                raise SlackError("unknown_method", req_method=name)
            self._authorize(found, token)
            self.rates.check(name, args)
            return 200, found.function(self.state, args)

    def _authenticate(self, token: str | None) -> None:
        if token is None:
            raise SlackError("not_authed")
        if token not in (self.state.bot_token, self.state.app_token):
            raise SlackError("invalid_auth")

    def _authorize(self, found: Method, token: str | None) -> None:
        expected = self.state.app_token if found.token == "app" else self.state.bot_token  # noqa: S105
        if token != expected:
            raise SlackError("not_allowed_token_type")
        if found.scope is not None and found.scope not in self.state.scopes:
            provided = ",".join(sorted(self.state.scopes))
            raise SlackError("missing_scope", needed=found.scope, provided=provided)

    async def _hooked(self, name: str, args: JsonObject, phase: Phase) -> str | None:
        """Hooks may block (a test kills the application in one), so they run in threads."""
        verdicts = [await asyncio.to_thread(hook, name, args, phase) for hook in list(self.hooks)]
        return "drop" if "drop" in verdicts else None

    async def _inject(self, request: web.Request, fault: Fault) -> tuple[JsonObject | None, web.StreamResponse | None]:
        """Slack's JSON answer, if any, and the HTTP response; no response when the connection is to be closed."""
        if fault.answer == "hang":
            await self.faults.hang()
            return None, None
        if fault.answer == "nothing":
            return None, None
        if fault.answer == "garbage":
            return None, web.Response(text=SIGN_IN, content_type="text/html")
        if fault.answer == "half":
            return None, await _half(request)
        if isinstance(fault.answer, str):
            refusal = SlackError(fault.answer).answer()
            return refusal, self._reply(refusal)
        if fault.answer == 429:
            return None, _too_many(fault.retry_after)
        return None, web.Response(status=fault.answer, text="the workspace was told to fail")

    def _reply(self, answer: JsonObject, status: int = 200) -> web.Response:
        headers = {"x-oauth-scopes": ",".join(sorted(self.state.scopes)), "x-slack-req-id": self.state.new_id("R")}
        return web.json_response(answer, status=status, headers=headers)

    def _keep(self, call: Call) -> None:
        with self.state.changing():
            self.state.calls.append(call)


async def _half(request: web.Request) -> web.StreamResponse:
    """Send half of an answer, then close the connection."""
    response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": "100"})
    await response.prepare(request)
    await response.write(b'{"ok": true, "ts": "17')
    if request.transport is not None:
        request.transport.close()
    return response


def _too_many(retry_after: int) -> web.Response:
    body = {"ok": False, "error": "ratelimited"}
    return web.json_response(body, status=429, headers={"Retry-After": str(retry_after)})


def _hang_up(request: web.Request) -> web.Response:
    """Close the connection without sending a byte."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)


def _token(request: web.Request, args: JsonObject) -> str | None:
    """The token from the header or the arguments; it is removed from the arguments, to keep it out of the traffic."""
    given = args.pop("token", None)
    scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and bearer:
        return bearer.strip()
    return given if isinstance(given, str) else None


async def _arguments(request: web.Request) -> JsonObject:
    """Arguments from the query, a form or a JSON body: https://docs.slack.dev/apis/web-api/#basics."""
    args: JsonObject = dict(request.query)
    if not request.can_read_body:
        return _decoded(args)
    kind = request.content_type
    if kind == "application/json":
        return args | _json_object(await request.text())
    if kind in ("application/x-www-form-urlencoded", "multipart/form-data"):
        return _decoded(args | {name: str(value) for name, value in (await request.post()).items()})
    raise SlackError("invalid_post_type")


def _json_object(text: str) -> JsonObject:
    try:
        body = json.loads(text)
    except ValueError:
        raise SlackError("invalid_json") from None
    if not isinstance(body, dict):
        raise SlackError("json_not_object")
    return {name: value for name, value in body.items() if value is not None}


def _decoded(args: JsonObject) -> JsonObject:
    for name in JSON_ARGUMENTS:
        if name in args:
            try:
                args[name] = json.loads(args[name])
            except ValueError:
                code = "invalid_blocks_format" if name == "blocks" else "invalid_arguments"
                raise SlackError(code) from None
    return args
