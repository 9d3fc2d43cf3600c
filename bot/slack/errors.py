"""Slack's errors in the domain's terms."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from urllib.error import URLError

from slack_sdk.errors import SlackApiError

from bot.access.call_failures import told
from bot.access.errors import Outage, Refusal

RATE_LIMITED = 429
SERVER_ERROR = 500

_PASSING = frozenset({
    "ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout",
    "team_added_to_org", "accesslimited",
})  # fmt: skip
"""Slack's own troubles, as its methods' pages name them."""

_OUR_TOKEN = frozenset({"invalid_auth", "not_authed", "token_expired", "token_revoked", "account_inactive"})
"""The bot token does not work. An administrator mends that, and nothing that is owed until then must be lost."""


_NAME = re.compile(r"[a-z0-9_]{1,80}")
"""How Slack names errors."""


class TokenRefused(Outage):
    """Slack does not take our token."""


@contextmanager
def domain_errors() -> Iterator[None]:
    """Turns Slack's errors and dead connections into `Outage` and `Refusal`. Their text names no payload."""
    with told("slack"), _in_our_terms():
        yield


@contextmanager
def _in_our_terms() -> Iterator[None]:
    try:
        yield
    except SlackApiError as error:
        status, code = error.response.status_code, _code(error)
        text = f"Slack answered {code or f'HTTP status {status} and nothing that can be read'}"
        if code in _OUR_TOKEN:
            raise TokenRefused(text, code=code) from None
        if code is None or status == RATE_LIMITED or status >= SERVER_ERROR or code in _PASSING:
            raise Outage(text, _retry_after(error), code) from None
        raise Refusal(text, code) from None
    except (URLError, HTTPException, OSError) as error:
        raise Outage(f"Slack does not answer ({type(error).__name__})") from None
    except (ValueError, AttributeError):  # the latter by the SDK, of JSON that is no object
        raise Outage("Slack's answer could not be read") from None


def _code(error: SlackApiError) -> str | None:
    """Slack's name for what is wrong; `None` where a proxy or a page to sign in answered in its place.

    The SDK puts the beginning of what it could not read where the name stands: that is never shown or logged.
    """
    body = error.response.data
    named = body.get("error") if isinstance(body, dict) else None
    return named if isinstance(named, str) and _NAME.fullmatch(named) else None


def _retry_after(error: SlackApiError) -> float | None:
    named = next((value for name, value in error.response.headers.items() if name.lower() == "retry-after"), "")
    seconds = str(named[0] if isinstance(named, list) and named else named)
    return float(seconds) if seconds.isdecimal() else None
