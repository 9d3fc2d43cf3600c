"""Sends payloads to the app and receives acknowledgements, over Socket Mode or signed HTTP."""

import asyncio
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bot.sandbox.workspace.delivery.signed_http import DeliveryOutcome, SignedHttp
from bot.sandbox.workspace.delivery.socket_mode import Sockets
from bot.sandbox.workspace.model import JsonObject, PayloadDelivery
from bot.sandbox.workspace.state import State

# https://docs.slack.dev/interactivity/handling-user-interaction#acknowledgment_response
ACK_SECONDS = 3.0
# At once, after one minute and after five: https://docs.slack.dev/apis/events-api/#retries
RETRY_SECONDS = (0.0, 60.0, 300.0)
REASONS = {
    "operation_timeout": "http_timeout",
    "dispatch_failed": "connection_failed",
}


@dataclass
class Attempt:
    """One attempt at a delivery; `given_up` is set when Slack stops waiting."""

    number: int
    reason: str
    started: float
    given_up: bool = False


class Deliveries:
    """Sends payloads and awaits their acknowledgements. Runs on the server's loop."""

    def __init__(self, state: State, retry_seconds: Sequence[float]) -> None:
        self.state = state
        self.http = SignedHttp(state)
        self.sockets = Sockets(state, self._acknowledged)
        self.retry_seconds = retry_seconds
        self._waiting: dict[str, asyncio.Future[DeliveryOutcome]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    @property
    def connected(self) -> bool:
        """Whether an app is connected. Events are not kept for later."""
        return self.http.url is not None or bool(self.sockets.connections)

    async def send(self, kind: str, payload: JsonObject) -> PayloadDelivery:
        """Deliver once. Returns with the answer, or with Slack's code for its absence in `error`."""
        delivery = PayloadDelivery(kind, payload, started=self.state.clock())
        with self.state.changing():
            self.state.deliveries.append(delivery)
        await self._attempt(delivery, 0, "")
        return delivery

    async def send_event(self, payload: JsonObject) -> PayloadDelivery:
        """Deliver an event, and retry in the background if it is not acknowledged."""
        delivery = await self.send("events_api", payload)
        if delivery.error is not None:
            self._background(self._retry(delivery))
        return delivery

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.sockets.close()
        await self.http.close()

    async def _retry(self, delivery: PayloadDelivery) -> None:
        for number, pause in enumerate(self.retry_seconds, 1):
            await asyncio.sleep(pause)
            if await self._attempt(delivery, number, REASONS.get(str(delivery.error), "http_error")):
                return

    async def _attempt(self, delivery: PayloadDelivery, retry: int, reason: str) -> bool:
        """Make one attempt. True when no retry is needed or wanted."""
        attempt = Attempt(retry, reason, time.perf_counter())
        delivery.attempts += 1
        answer = self._background(self._send_and_wait(delivery, attempt))
        done, _ = await asyncio.wait([answer], timeout=ACK_SECONDS)
        if not done:
            attempt.given_up = True
            with self.state.changing():
                delivery.error = "operation_timeout"
            return False
        outcome = answer.result()
        with self.state.changing():
            delivery.error, delivery.status = outcome.error, outcome.status
        return outcome.error is None or outcome.no_retry

    async def _send_and_wait(self, delivery: PayloadDelivery, attempt: Attempt) -> DeliveryOutcome:
        """Send and wait without a limit, to record a late acknowledgement as such."""
        over_http = self.http.url is not None
        outcome = await (
            self.http.post(delivery, attempt.number, attempt.reason)
            if over_http
            else self._over_socket(delivery, attempt)
        )
        seconds = time.perf_counter() - attempt.started
        with self.state.changing():
            if outcome.error is None and attempt.given_up:
                delivery.late_ack_seconds = seconds
            elif outcome.error is None:
                delivery.ack_seconds, delivery.ack_body = seconds, outcome.body
        return outcome

    async def _over_socket(self, delivery: PayloadDelivery, attempt: Attempt) -> DeliveryOutcome:
        envelope_id = str(uuid.uuid4())
        delivery.envelope_id = envelope_id
        future: asyncio.Future[DeliveryOutcome] = asyncio.get_running_loop().create_future()
        self._waiting[envelope_id] = future
        delivery.connection = await self.sockets.send(_envelope(delivery, attempt), ACK_SECONDS)
        if delivery.connection is None:
            del self._waiting[envelope_id]
            return DeliveryOutcome(None, None, "dispatch_failed")
        return await future

    def _acknowledged(self, envelope_id: str, payload: Any) -> None:
        future = self._waiting.pop(envelope_id, None)
        if future is not None and not future.done():
            future.set_result(DeliveryOutcome(None, payload, None))

    def _background(self, work: Any) -> asyncio.Task[Any]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _envelope(delivery: PayloadDelivery, attempt: Attempt) -> JsonObject:
    envelope: JsonObject = {
        "type": delivery.kind,
        "envelope_id": delivery.envelope_id,
        "payload": delivery.payload,
        "accepts_response_payload": delivery.kind != "events_api",
    }
    if delivery.kind == "events_api":
        envelope |= {"retry_attempt": attempt.number, "retry_reason": attempt.reason}
    return envelope
