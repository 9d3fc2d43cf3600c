"""A real Bolt app and the two ways to run it against the local workspace."""

import logging
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from slack_bolt import App
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_sdk import WebClient

from bot.sandbox.workspace import Workspace

APPROVE = {
    "type": "button",
    "action_id": "approve",
    "value": "REQ-1",
    "text": {"type": "plain_text", "text": "Approve"},
}
BUTTONS = [{"type": "actions", "block_id": "decide", "elements": [APPROVE]}]
INPUT = {
    "type": "input",
    "block_id": "reason",
    "label": {"type": "plain_text", "text": "Reason"},
    "element": {"type": "plain_text_input", "action_id": "why", "max_length": 5},
}
PICK = {
    "type": "input",
    "block_id": "pick",
    "optional": True,
    "label": {"type": "plain_text", "text": "Index"},
    "element": {"type": "external_select", "action_id": "index", "min_query_length": 0},
}
FORM = {
    "type": "modal",
    "callback_id": "form",
    "notify_on_close": True,
    "title": {"type": "plain_text", "text": "Ask"},
    "submit": {"type": "plain_text", "text": "Send"},
    "blocks": [INPUT, PICK],
}
NEXT = {"type": "modal", "title": {"type": "plain_text", "text": "Next"}, "blocks": [{"type": "divider"}]}


class QuietHandler(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
        pass


class ThreadedServer(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True


def bolt_app(ws: Workspace, secret: str | None = None) -> App:
    """An app that handles everything that the tests send."""
    client = WebClient(token=ws.bot_token, base_url=ws.api_url)
    logger = logging.getLogger("the-app-under-test")
    app = App(client=client, signing_secret=secret or ws.signing_secret, logger=logger)
    app.use(dawdle)
    app.command("/es-access")(command)
    app.action("approve")(approve)
    app.options("index")(options)
    app.view("form")(submitted)
    app.view_closed("form")(closed)
    app.event("app_home_opened")(home_opened)
    return app


def dawdle(body: Any, next: Callable[[], Any]) -> None:  # noqa: A002 - Bolt's name for it
    """Answers late. In a listener, Bolt would give up after 3 s and never acknowledge."""
    if str(body.get("text", "")).startswith("late"):
        time.sleep(3.2)
    next()


def command(ack: Any, body: Any, client: WebClient, respond: Any) -> None:
    text = body["text"]
    ack(f"you typed {text}" if "echo" in text else "")
    if text == "post":
        client.chat_postMessage(channel=body["user_id"], text="decide", blocks=BUTTONS)
    if text == "form":
        client.views_open(trigger_id=body["trigger_id"], view=FORM)
    if text == "private":
        respond("only you", blocks=BUTTONS)


def approve(ack: Any, body: Any, respond: Any, action: Any) -> None:
    ack()
    if "response_url" in body:
        respond(f"approved {action['value']}", replace_original=True)


def options(ack: Any, payload: Any) -> None:
    text = {"type": "plain_text", "text": f"{payload['value']}-app"}
    ack(options=[{"text": text, "value": "logs-app"}])


def submitted(ack: Any, view: Any) -> None:
    why = view["state"]["values"]["reason"]["why"]["value"]
    answers: dict[str, dict[str, Any]] = {
        "bad": {"response_action": "errors", "errors": {"reason": "say more"}},
        "wrong": {"response_action": "errors", "errors": {"no such block": "x"}},
        "more": {"response_action": "push", "view": NEXT},
        "other": {"response_action": "update", "view": NEXT},
        "clear": {"response_action": "clear"},
    }
    ack(**answers.get(why, {}))


def closed(ack: Any) -> None:
    ack()


def home_opened(event: Any, client: WebClient) -> None:
    client.views_publish(user_id=event["user"], view={"type": "home", "blocks": BUTTONS})


@contextmanager
def by_socket(ws: Workspace, app: App, connections: int = 1) -> Iterator[None]:
    handlers = [SocketModeHandler(app, ws.app_token, ping_interval=0.3) for _ in range(connections)]
    try:
        for handler in handlers:
            handler.connect()  # type: ignore[no-untyped-call]
        ws.wait_for(lambda: ws.connections == connections, what="the app connects")
        yield
    finally:
        for handler in handlers:
            handler.close()  # type: ignore[no-untyped-call]


@contextmanager
def by_http(ws: Workspace, app: Callable[..., Any]) -> Iterator[None]:
    server = make_server("127.0.0.1", 0, app, server_class=ThreadedServer, handler_class=QuietHandler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    ws.deliver_by_http(f"http://127.0.0.1:{server.server_port}/slack/events")
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
