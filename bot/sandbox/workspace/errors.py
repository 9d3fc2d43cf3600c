"""Errors of Slack's Web API."""

from collections.abc import Sequence
from typing import Any


class SlackError(Exception):
    """An error: `code` is as in Slack's method pages, `details` are further keys of the answer."""

    def __init__(self, code: str, messages: Sequence[str] = (), **details: Any) -> None:
        super().__init__(code)
        self.code = code
        self.details: dict[str, Any] = dict(details)
        if messages:
            self.details["response_metadata"] = {"messages": [f"[ERROR] {text}" for text in messages]}

    def answer(self) -> dict[str, Any]:
        """Slack's JSON body for this error."""
        return {"ok": False, "error": self.code, **self.details}


class RateLimitedError(SlackError):
    """HTTP 429 with Retry-After, in whole seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__("ratelimited")
        self.retry_after = retry_after
