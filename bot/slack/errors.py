"""Maps Slack's errors to the domain's."""

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from http.client import HTTPException
from urllib.error import URLError

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry import RetryHandler

from bot.access.call_failures import OnFailure, ignore_failure, reported
from bot.access.errors import MessagesOff, Outage, Refusal
from bot.network.failures import failure_of
from bot.network.forward_proxy import ForwardProxy, forward_proxy

RATE_LIMITED = 429
SERVER_ERROR = 500

_PASSING = frozenset({
    "ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout",
    "team_added_to_org", "accesslimited",
})  # fmt: skip
"""Codes of Slack's own temporary trouble, from the pages of its methods."""

_OUR_TOKEN = frozenset({"invalid_auth", "not_authed", "token_expired", "token_revoked", "account_inactive"})
"""Codes of a bot token that does not work. No queued message may be lost until an administrator fixes that."""

MESSAGES_OFF = "messages_tab_disabled"

_NAME = re.compile(r"[a-z0-9_]{1,80}")
"""The form of Slack's error codes."""


class TokenRefused(Outage):
    """Slack rejects our token."""


class NoRetries(list[RetryHandler]):
    """An empty list of retry handlers, which tells `domain_errors` where to report a client's failed calls.

    Bolt makes a new client for each payload, and of all attributes that we may choose it copies only this list. It
    stays empty: with a handler in it, the SDK itself parses each body, and a truncated one raises `ValueError`.
    """

    def __init__(self, on_failure: OnFailure) -> None:
        super().__init__()
        self.on_failure = on_failure

    def copy(self) -> "NoRetries":
        """The list for another client."""
        return NoRetries(self.on_failure)


def _reported(client: WebClient) -> AbstractContextManager[None]:
    handlers = client.retry_handlers
    return reported("slack", handlers.on_failure if isinstance(handlers, NoRetries) else ignore_failure)


@contextmanager
def domain_errors(client: WebClient) -> Iterator[None]:
    """Turns Slack's errors and lost connections into `Outage` and `Refusal`. Their text contains no payload."""
    with _reported(client), _in_our_terms(client):
        yield


def slack_proxy(url: str) -> ForwardProxy | None:
    """The proxy on the way to Slack. Slack's SDK takes `HTTP_PROXY` where there is no `HTTPS_PROXY`."""
    scheme, separator, rest = url.partition("://")
    return forward_proxy(url) or forward_proxy(f"{scheme.removesuffix('s')}{separator}{rest}")


@contextmanager
def _in_our_terms(client: WebClient) -> Iterator[None]:
    try:
        yield
    except SlackApiError as error:
        status, code = error.response.status_code, _code(error)
        text = f"Slack answered {code or f'HTTP status {status} and nothing that can be read'}"
        if code in _OUR_TOKEN:
            raise TokenRefused(text, code=code) from None
        if code is None or status == RATE_LIMITED or status >= SERVER_ERROR or code in _PASSING:
            raise Outage(text, _retry_after(error), code) from None
        if code == MESSAGES_OFF:
            raise MessagesOff(text, code) from None
        raise Refusal(text, code) from None
    except (URLError, HTTPException, OSError) as error:
        proxy = slack_proxy(client.base_url)
        raise Outage(f"Slack does not answer: {failure_of(error, proxy).sentence(proxy)}") from None
    except (ValueError, AttributeError):  # the SDK raises the latter for JSON that is no object
        raise Outage("Slack's answer could not be read") from None


def _code(error: SlackApiError) -> str | None:
    """Slack's code for the error; `None` if a proxy or a sign-in page answered instead of Slack.

    For a body that it cannot read, the SDK puts the beginning of the body in place of the code. Never show or log that.
    """
    body = error.response.data
    named = body.get("error") if isinstance(body, dict) else None
    return named if isinstance(named, str) and _NAME.fullmatch(named) else None


def _retry_after(error: SlackApiError) -> float | None:
    named = next((value for name, value in error.response.headers.items() if name.lower() == "retry-after"), "")
    seconds = str(named[0] if isinstance(named, list) and named else named)
    return float(seconds) if seconds.isdecimal() else None
