"""Delivery over HTTP, signed as https://docs.slack.dev/authentication/verifying-requests-from-slack says."""

import hashlib
import hmac
import json
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import aiohttp

from bot.sandbox.workspace.model import Json, PayloadDelivery
from bot.sandbox.workspace.state import State

# Late answers are still recorded; after this the connection is given up.
LATE_SECONDS = 60.0


@dataclass(frozen=True)
class DeliveryOutcome:
    """What a POST to the app came to: `error` is Slack's word for a failure, None when it was acknowledged."""

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
        """One signed POST; never raises for what the app or the network does."""
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
    """Commands are forms, interactions a form with one JSON field, events JSON."""
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


def _body(response: aiohttp.ClientResponse, text: str) -> Json | None:
    if not text:
        return None
    if response.content_type != "application/json":
        return {"text": text}
    try:
        body = json.loads(text)
    except ValueError:
        return {"text": text}
    return body if isinstance(body, dict) else {"text": text}
