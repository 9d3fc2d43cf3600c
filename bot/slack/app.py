"""The Bolt app and the client of Slack's Web API."""

import ssl
from collections.abc import Sequence
from concurrent.futures import Executor
from http.client import HTTPException
from typing import Protocol

import structlog
from pydantic import SecretStr
from slack_bolt import App
from slack_bolt.error import BoltError
from slack_sdk import WebClient

from bot.slack.middleware import ContextExecutor, WorkspaceMiddleware

TIMEOUT_SECONDS = 10
"""For one call of Slack's Web API."""

LISTENER_THREADS = 32
"""Threads that take payloads up, of Bolt and of Socket Mode each."""

ANSWER_THREADS = 16
"""Threads that do what was asked for and answer: each waits for the database, the cluster or Slack."""

log = structlog.get_logger(__name__)


def web_client(token: SecretStr, api_url: str) -> WebClient:
    """A client without retries of its own: what is worth retrying is a row, and is tried again as one."""
    return WebClient(
        token=token.get_secret_value(), base_url=api_url, timeout=TIMEOUT_SECONDS, retry_handlers=[],
        ssl=ssl.create_default_context() if api_url.startswith("https:") else None,
    )  # fmt: skip


class ListenerGroup(Protocol):
    """Listeners for some of what Slack sends."""

    def register(self, app: App) -> None:
        """Hands them to Bolt."""
        ...


def bolt_app(
    client: WebClient,
    signing_secret: SecretStr | None,
    executor: Executor,
    listeners: Sequence[ListenerGroup],
    middleware: WorkspaceMiddleware,
    *,
    verified: bool,
) -> App:
    """The app with every listener.

    `verified`: Slack has just taken the token, so that Bolt may ask it who we are once, now, and not at the first
    event; otherwise it asks then, since Slack may be down at the start and be back by then.
    """

    def make_app(*, asking: bool) -> App:
        return App(
            name="es-access",  # or it looks through the source of all that called it, for 0.2 s
            client=client,
            # Socket Mode needs no signature: Bolt wants a value all the same, and never uses it there.
            signing_secret=signing_secret.get_secret_value() if signing_secret else "socket-mode",
            token_verification_enabled=asking,
            listener_executor=ContextExecutor(executor),
            raise_error_for_unhandled_request=False,
        )

    try:
        app = make_app(asking=verified)
    except (BoltError, OSError, HTTPException) as error:
        # Slack took the token a moment ago, so it is Slack that went away since: no reason not to start.
        log.warning("Slack did not say again who we are", error=type(error).__name__)
        app = make_app(asking=False)
    app.use(middleware)
    for each in listeners:
        each.register(app)
    return app
