"""The client of Slack's Web API, in which each method has a gate: one that hangs holds up no other."""

import threading
from typing import Any

import structlog
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.web import SlackResponse

from bot.access.calls.gate import Gate

SILENCE_SECONDS = 5.0
"""A method that has answered none of several calls for so long hangs. Longer than for a cluster, whose calls are made
again: an answer to a person is lost, and a burst of work may keep this process from reading Slack's."""

log = structlog.get_logger(__name__)


class SlackClient(WebClient):
    """A client whose calls raise `Outage` at once while their method does not answer. Threads may share it."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._gates: dict[str, Gate] = {}
        self._guard = threading.Lock()

    def api_call(self, api_method: str, **how: Any) -> SlackResponse:
        """See `WebClient.api_call`."""
        with self._gate(api_method).passing():
            return super().api_call(api_method, **how)

    def _gate(self, method: str) -> Gate:
        with self._guard:
            return self._gates.setdefault(method, slack_gate(method))


def slack_gate(method: str) -> Gate:
    """A gate for calls of one method."""
    return Gate(f"Slack ({method})", _log_change, (SlackApiError,), silence_seconds=SILENCE_SECONDS)


def _log_change(name: str, answers: bool) -> None:
    if answers:
        log.info("a method answers again", name=name)
    else:
        log.warning("a method does not answer", name=name)
