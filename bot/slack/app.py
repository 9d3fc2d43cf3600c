"""The Bolt app, and its two ways to hear from Slack."""

import ssl
import threading
from collections.abc import Iterable
from concurrent.futures import Executor
from typing import Any, Protocol

import structlog
from pydantic import SecretStr
from slack_bolt import App
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_sdk import WebClient
from slack_sdk.socket_mode.builtin import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest

from bot.access.errors import Outage, Refusal
from bot.slack.afterwards import Afterwards
from bot.slack.errors import domain_errors

TIMEOUT_SECONDS = 10
"""For one call of Slack's Web API."""

LISTENERS = 32
"""Threads that acknowledge, of Bolt and of Socket Mode each."""

ANSWERERS = 16
"""Threads that do what was asked for and answer: each waits for the database, the cluster or Slack."""

LEAVE_SECONDS = 5.0
"""For closing the connection: it takes about one. What Slack sends after that, it sends to another connection."""

RECONNECT_SECONDS = 5.0
"""Between attempts to reach Slack at the start."""

log = structlog.get_logger(__name__)


def web_client(token: SecretStr, api_url: str) -> WebClient:
    """A client without retries of its own: what is worth retrying is a row, and is tried again as one."""
    return WebClient(
        token=token.get_secret_value(), base_url=api_url, timeout=TIMEOUT_SECONDS, retry_handlers=[],
        ssl=ssl.create_default_context() if api_url.startswith("https:") else None,
    )  # fmt: skip


class Registers(Protocol):
    """Listeners of one kind."""

    def register(self, app: App) -> None:
        """Hands every listener to Bolt."""
        ...


def bolt_app(
    client: WebClient,
    signing_secret: SecretStr | None,
    executor: Executor,
    listeners: Iterable[Registers],
    *,
    verified: bool,
) -> App:
    """The app with every listener.

    `verified`: Slack has just taken the token, so that Bolt may ask it who we are once, now, and not at the first
    event; otherwise it asks then, since Slack may be down at the start and be back by then.
    """
    app = App(
        client=client,
        # Socket Mode needs no signature: Bolt wants a value all the same, and never uses it there.
        signing_secret=signing_secret.get_secret_value() if signing_secret else "socket-mode",
        token_verification_enabled=verified,
        listener_executor=executor,
        raise_error_for_unhandled_request=False,
    )
    for each in listeners:
        each.register(app)
    return app


def identify(client: WebClient) -> dict[str, Any]:
    """Who the bot token belongs to. Raises `Outage`, `Refusal`."""
    with domain_errors():
        return dict(client.auth_test().data)  # type: ignore[arg-type]  # JSON answers are dicts


class _Handler(SocketModeHandler):
    def __init__(self, app: App, app_token: str, afterwards: Afterwards) -> None:
        super().__init__(app, app_token, concurrency=LISTENERS)
        self._afterwards = afterwards

    def handle(self, client: SocketModeClient, req: SocketModeRequest) -> None:  # type: ignore[override]
        with self._afterwards.acknowledging():
            super().handle(client, req)


class SocketMode:
    """Hears from Slack over its WebSocket. The first connection is tried until it stands; its client keeps it up."""

    def __init__(self, app: App, app_token: SecretStr, afterwards: Afterwards) -> None:
        self._handler = _Handler(app, app_token.get_secret_value(), afterwards)
        self._stopping = threading.Event()
        self._first = threading.Thread(target=self._connect, name="slack-connect", daemon=True)

    def start(self) -> None:
        """Connects, at once where Slack is up: returns when connected, or when the first attempt has failed."""
        if not self._try():
            self._first.start()

    def check(self) -> None:
        """Raises `Outage` while there is no connection."""
        if not self._handler.client.is_connected():
            raise Outage("there is no connection to Slack")

    def stop(self) -> None:
        """Leaves Slack: no more envelopes come to this process."""
        self._stopping.set()
        if self._first.is_alive():
            self._first.join()
        # Its client waits for threads of its own, one of which may be waiting for Slack.
        leaving = threading.Thread(target=self._handler.close, name="slack-leave", daemon=True)
        leaving.start()
        leaving.join(LEAVE_SECONDS)

    def _connect(self) -> None:
        while not self._stopping.wait(RECONNECT_SECONDS) and not self._try():
            pass

    def _try(self) -> bool:
        try:
            with domain_errors():
                self._handler.connect()  # type: ignore[no-untyped-call]
        except (Outage, Refusal) as error:
            log.warning("cannot connect to Slack yet", error=str(error))
            return False
        return True
