"""A method of Slack that hangs fails at once, and the others are called as ever."""

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.access.calls.gate import PROBE_EVERY_SECONDS, Gate
from bot.access.errors import Outage
from bot.slack.client import SlackClient

TIMEOUT = 10.0


class Slack:
    """Hangs in `hanging`, and refuses everything else."""

    def __init__(self) -> None:
        self.now = 0.0
        self.hanging = {"users.info"}
        self.called: list[str] = []

    def call(self, method: str) -> None:
        self.called.append(method)
        if method in self.hanging:
            self.now += TIMEOUT
            raise TimeoutError
        raise SlackApiError("refused", {"error": "user_not_found"})  # type: ignore[no-untyped-call]


@pytest.fixture
def slack(monkeypatch: pytest.MonkeyPatch) -> Slack:
    made = Slack()
    monkeypatch.setattr(WebClient, "api_call", lambda _client, method, **_how: made.call(method))
    monkeypatch.setattr(
        "bot.slack.client.slack_gate", lambda method: Gate(method, answers=(SlackApiError,), clock=lambda: made.now)
    )
    return made


def test_each_method_has_a_gate_of_its_own(slack: Slack) -> None:
    client = SlackClient("xoxb-none")
    with pytest.raises(TimeoutError):
        client.users_info(user="U1")
    with pytest.raises(TimeoutError):
        client.users_info(user="U1")  # the probe
    slack.now -= TIMEOUT
    with pytest.raises(Outage, match=r"users\.info does not answer"):
        client.users_info(user="U1")
    with pytest.raises(SlackApiError):
        client.users_lookupByEmail(email="a@example.com")
    assert slack.called == ["users.info", "users.info", "users.lookupByEmail"]


def test_an_error_of_slack_is_an_answer(slack: Slack) -> None:
    client = SlackClient("xoxb-none")
    with pytest.raises(TimeoutError):
        client.users_info(user="U1")
    slack.hanging.clear()
    slack.now += PROBE_EVERY_SECONDS
    for _ in range(3):
        with pytest.raises(SlackApiError):
            client.users_info(user="U1")
