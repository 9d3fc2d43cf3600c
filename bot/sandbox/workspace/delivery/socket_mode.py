"""Socket Mode: https://docs.slack.dev/apis/events-api/using-socket-mode.

Up to ten connections; an envelope goes to exactly one of them, in turn.
"""

import asyncio
import itertools
import json
import logging
import secrets
from collections.abc import Callable
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, web

from bot.sandbox.workspace.errors import SlackError
from bot.sandbox.workspace.model import JsonObject
from bot.sandbox.workspace.state import State
from bot.sandbox.workspace.webapi.methods import method

log = logging.getLogger(__name__)
CONNECTIONS = 10
# Slack pings too. A client blocked in recv() notices its own close only at the next frame, so pings are frequent.
PING_SECONDS = 0.25
# How long an old connection stays open after a request to refresh.
REFRESH_SECONDS = 10.0
# Timeout for the answer to a close frame, after which the connection is cut.
CLOSE_SECONDS = 1.0


@method("apps.connections.open", token="app")  # noqa: S106 - the kind of a token, not a token
def apps_connections_open(state: State, _args: JsonObject) -> JsonObject:
    """A URL for one connection. `ticket` and `app_id` are as in Slack's own URLs."""
    if not state.manifest.socket_mode:
        raise SlackError("socket_mode_disabled")
    ticket = secrets.token_hex(16)
    state.tickets.add(ticket)
    return {"ok": True, "url": f"{state.socket_root}/link/?ticket={ticket}&app_id={state.app_id}"}


class SocketConnection:
    """One WebSocket. `draining`: it was asked to refresh. `swallowing`: it is half-open and loses every message."""

    def __init__(self, socket: web.WebSocketResponse, transport: asyncio.BaseTransport, name: str) -> None:
        self.socket = socket
        self.transport = transport
        self.name = name
        self.draining = False
        self.swallowing = False


class Sockets:
    """The app's connections. Runs on the server's loop."""

    def __init__(self, state: State, on_ack: Callable[[str, Any], None]) -> None:
        self.state = state
        self.on_ack = on_ack
        self.connections: list[SocketConnection] = []
        self._turn = itertools.count()
        self._names = itertools.count(1)
        self._tasks: set[asyncio.Task[None]] = set()
        self.arrived = asyncio.Event()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one WebSocket, from hello to close."""
        ticket = request.query.get("ticket", "")
        if ticket not in self.state.tickets:
            return web.json_response(SlackError("invalid_ticket").answer(), status=403)
        if len(self.connections) >= CONNECTIONS:
            return web.json_response(SlackError("too_many_websockets").answer(), status=429)
        self.state.tickets.discard(ticket)
        socket = web.WebSocketResponse(autoping=False, compress=False, timeout=CLOSE_SECONDS)
        await socket.prepare(request)
        transport = request.transport
        if transport is None:
            return socket
        connection = SocketConnection(socket, transport, f"connection-{next(self._names)}")
        await self._greet(connection)
        pinger = asyncio.create_task(self._ping(connection))
        try:
            await self._listen(connection)
        finally:
            pinger.cancel()
            self._forget(connection)
        return socket

    async def _greet(self, connection: SocketConnection) -> None:
        hello = {
            "type": "hello",
            "num_connections": len(self.connections) + 1,
            "debug_info": {"host": connection.name, "build_number": 1, "approximate_connection_time": 18060},
            "connection_info": {"app_id": self.state.app_id},
        }
        await connection.socket.send_json(hello)
        with self.state.changing():
            self.connections.append(connection)
        self.arrived.set()

    async def _listen(self, connection: SocketConnection) -> None:
        async for message in connection.socket:
            if connection.swallowing:
                continue
            if message.type is WSMsgType.PING:
                await connection.socket.pong(message.data)
            elif message.type is WSMsgType.TEXT:
                self._acknowledge(message.data)

    def _acknowledge(self, text: str) -> None:
        try:
            answer = json.loads(text)
            self.on_ack(answer["envelope_id"], answer.get("payload"))
        except (ValueError, TypeError, KeyError):
            log.warning("the app sent a message that is not an acknowledgement")

    async def _ping(self, connection: SocketConnection) -> None:
        while not connection.socket.closed:
            await asyncio.sleep(PING_SECONDS)
            if not connection.swallowing:
                try:
                    # Never empty, like Slack's pings: the builtin client takes a frame of two bytes for half a frame.
                    await connection.socket.ping(f"Ping from {connection.name}".encode())
                except ConnectionError:
                    return

    def _forget(self, connection: SocketConnection) -> None:
        with self.state.changing():
            if connection in self.connections:
                self.connections.remove(connection)

    async def send(self, envelope: JsonObject, patience: float) -> str | None:
        """Send the envelope over one connection and return its name; None when there is no connection.

        While all connections are being refreshed, wait up to `patience` seconds for a new one.
        """
        text = json.dumps(envelope)
        while self.connections:
            ready = [one for one in self.connections if not one.draining]
            if not ready:
                if not await self._new_connection(patience):
                    return None
                continue
            chosen = ready[next(self._turn) % len(ready)]
            if chosen.swallowing:
                return chosen.name
            try:
                await chosen.socket.send_str(text)
            except ConnectionError:
                self._forget(chosen)
                continue
            return chosen.name
        return None

    async def _new_connection(self, patience: float) -> bool:
        self.arrived.clear()
        try:
            await asyncio.wait_for(self.arrived.wait(), patience)
        except TimeoutError:
            return False
        return True

    async def refresh(self) -> None:
        """Ask the app to replace every connection, as Slack does every few hours; close the old ones later."""
        for connection in list(self.connections):
            connection.draining = True
            await connection.socket.send_json(
                {"type": "disconnect", "reason": "refresh_requested", "debug_info": {"host": connection.name}}
            )
            task = asyncio.create_task(self._retire(connection))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _retire(self, connection: SocketConnection) -> None:
        await asyncio.sleep(REFRESH_SECONDS)
        await connection.socket.close()

    async def drop(self, *, abrupt: bool) -> None:
        """Close every connection; `abrupt` sends no close frame."""
        for connection in list(self.connections):
            self._forget(connection)
            if abrupt and isinstance(connection.transport, asyncio.Transport):
                connection.transport.abort()
            else:
                await connection.socket.close(code=WSCloseCode.GOING_AWAY)

    async def close(self) -> None:
        """Close everything when the workspace ends."""
        for task in list(self._tasks):
            task.cancel()
        await self.drop(abrupt=False)
