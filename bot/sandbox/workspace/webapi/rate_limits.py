"""Slack's rate limits, off until a test turns them on: https://docs.slack.dev/apis/web-api/rate-limits."""

import math
import threading
from collections import defaultdict, deque
from collections.abc import Callable

from bot.sandbox.workspace.errors import RateLimitedError
from bot.sandbox.workspace.model import JsonObject

MINUTE = 60.0
# Calls a minute. Tier 2 is 20, tier 3 is 50, tier 4 is 100; the tier is on each method's page.
PER_MINUTE: dict[str, int] = {
    "chat.update": 50,
    "chat.delete": 50,
    "chat.postEphemeral": 100,
    "conversations.open": 50,
    "users.info": 100,
    "users.list": 20,
    "users.lookupByEmail": 50,
    "usergroups.list": 20,
    "usergroups.users.list": 20,
    "views.open": 100,
    "views.push": 100,
    "views.update": 100,
    "views.publish": 100,
}
# chat.postMessage: one a second for each channel. Slack tolerates short bursts; this workspace does not.
POSTS, POSTS_SECONDS = 1, 1.0


class RateLimits:
    """A sliding window for each method (chat.postMessage: for each channel)."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.enforced = False
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: dict[tuple[str, str], deque[float]] = defaultdict(deque)

    def check(self, method: str, payload: JsonObject) -> None:
        """Count this call; RateLimitedError when it exceeds the limit."""
        if not self.enforced:
            return
        key, limit, window = (method, ""), PER_MINUTE.get(method, 0), MINUTE
        if method == "chat.postMessage":
            key, limit, window = (method, str(payload.get("channel"))), POSTS, POSTS_SECONDS
        if limit == 0:
            return
        with self._lock:
            now, seen = self._clock(), self._seen[key]
            while seen and seen[0] <= now - window:
                seen.popleft()
            if len(seen) >= limit:
                raise RateLimitedError(max(1, math.ceil(seen[0] + window - now)))
            seen.append(now)

    def forget(self) -> None:
        with self._lock:
            self._seen.clear()
