"""The Bolt app and the client of Slack's Web API."""

import ssl
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import Protocol

from pydantic import SecretStr
from slack_bolt import App, BoltContext, BoltResponse
from slack_bolt.authorization import AuthorizeResult
from slack_sdk import WebClient

from bot.access.call_failures import OnFailure, ignore_failure
from bot.slack.actor import ContextExecutor
from bot.slack.client import SlackClient
from bot.slack.errors import NoRetries, slack_proxy
from bot.slack.middleware import WorkspaceMiddleware

TIMEOUT_SECONDS = 10
"""The timeout of one call of Slack's Web API."""

LISTENER_THREADS = 32
"""Threads that receive payloads, in Bolt and in Socket Mode each."""

ANSWERS = 16
"""Answers worked on at the same time, not counting those that wait for a cluster or for Slack."""

ANSWER_THREADS = 128
"""Answers worked on or waiting. Threads start when they are needed."""


def web_client(token: SecretStr, api_url: str, on_failure: OnFailure = ignore_failure) -> WebClient:
    """A client without retries of its own: whatever is worth a retry is a row, and the workers retry it."""
    proxy = slack_proxy(api_url)
    return SlackClient(
        token=token.get_secret_value(), base_url=api_url, timeout=TIMEOUT_SECONDS,
        retry_handlers=NoRetries(on_failure),
        ssl=ssl.create_default_context() if api_url.startswith("https:") else None,
        proxy=proxy.url if proxy else None,
    )  # fmt: skip


class ListenerGroup(Protocol):
    """Listeners for one part of the application."""

    def register(self, app: App) -> None:
        """Registers them with Bolt."""
        ...


def bolt_app(
    client: WebClient,
    signing_secret: SecretStr | None,
    executor: Executor,
    listeners: Sequence[ListenerGroup],
    middleware: WorkspaceMiddleware,
) -> App:
    """The app with every listener."""
    app = App(
        name="es-access",  # without a name Bolt searches the source of all its callers, for 0.2 s
        client=client,
        # Bolt requires a value even in Socket Mode, where it never uses it.
        signing_secret=signing_secret.get_secret_value() if signing_secret else "socket-mode",
        # The middleware knows who is served. Bolt would ask Slack at the first payload, and without an answer
        # acknowledge that payload, or drop one that was acknowledged before a restart.
        authorize=lambda: AuthorizeResult(enterprise_id=None, team_id=None, bot_token=client.token),
        listener_executor=ContextExecutor(executor),
        # Listeners only acknowledge and queue work. When Bolt returns, it is known whether one did.
        process_before_response=True,
        raise_error_for_unhandled_request=False,
    )

    def use_client(context: BoltContext, next: Callable[[], BoltResponse]) -> BoltResponse:  # noqa: A002 (Bolt's name)
        context["client"] = client  # Bolt makes one for each payload, without our gates
        return next()

    app.use(use_client)
    app.use(middleware)
    for each in listeners:
        each.register(app)
    return app
