"""Delivery over signed HTTP: https://docs.slack.dev/authentication/verifying-requests-from-slack."""

import hashlib
import hmac
import json
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import aiohttp

from bot.sandbox.workspace.model import JsonObject, PayloadDelivery
from bot.sandbox.workspace.state import State

# Late answers are recorded for this long; then the request is abandoned.
LATE_SECONDS = 60.0


@dataclass(frozen=True)
class DeliveryOutcome:
    """The result of one attempt: `error` is Slack's code of a failure, None when it was acknowledged."""

    status: int | None
    body: Any
    error: str | None
    no_retry: bool = False


class SignedHttp:
    """Posts payloads to the app's request URL."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.url: str | None = None
        self._session: aiohttp.ClientSession | None = None

    async def post(self, delivery: PayloadDelivery, retry: int = 0, reason: str = "") -> DeliveryOutcome:
        """Send one signed POST. Failures of the app or the network are results, not exceptions."""
        content_type, body = encode(delivery)
        # The machine's clock, not the workspace's: the app compares this with its own.
        headers = signature(self.state.signing_secret, int(time.time()), body)
        headers["Content-Type"] = content_type
        if retry:
            headers |= {"X-Slack-Retry-Num": str(retry), "X-Slack-Retry-Reason": reason}
        try:
            async with self._client().post(str(self.url), data=body, headers=headers) as response:
                return _outcome(response, await response.text())
        except (aiohttp.ClientError, TimeoutError):
            return DeliveryOutcome(None, None, "dispatch_failed")

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0),
                timeout=aiohttp.ClientTimeout(total=LATE_SECONDS),
                headers={"User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)"},
            )
        return self._session


def signature(secret: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Slack's v0 signature headers for this body; `timestamp` in Unix seconds."""
    base = f"v0:{timestamp}:".encode() + body
    digest = hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": str(timestamp), "X-Slack-Signature": f"v0={digest}"}


def encode(delivery: PayloadDelivery) -> tuple[str, bytes]:
    """Content type and body: a form for a command, a form with one JSON field for an interaction, JSON for an event."""
    form = "application/x-www-form-urlencoded"
    if delivery.kind == "slash_commands":
        return form, urlencode(delivery.payload).encode()
    if delivery.kind == "interactive":
        return form, urlencode({"payload": json.dumps(delivery.payload)}).encode()
    return "application/json", json.dumps(delivery.payload).encode()


def _outcome(response: aiohttp.ClientResponse, text: str) -> DeliveryOutcome:
    no_retry = response.headers.get("X-Slack-No-Retry") == "1"
    if response.status >= 500:
        return DeliveryOutcome(response.status, None, "http_service_error", no_retry)
    if response.status >= 300:
        return DeliveryOutcome(response.status, None, "http_client_error", no_retry)
    return DeliveryOutcome(response.status, _body(response, text), None, no_retry)


def _body(response: aiohttp.ClientResponse, text: str) -> JsonObject | None:
    if not text:
        return None
    if response.content_type != "application/json":
        return {"text": text}
    try:
        body = json.loads(text)
    except ValueError:
        return {"text": text}
    return body if isinstance(body, dict) else {"text": text}
