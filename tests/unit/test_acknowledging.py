"""What is acknowledged as soon as it is read: only what can be answered by nothing else, and only to our own Slack."""

from typing import Any

import pytest
from slack_sdk.socket_mode.request import SocketModeRequest

from bot.slack.gate import Team, teams_of
from bot.slack.socket_mode import has_no_answer


@pytest.mark.parametrize(
    ("kind", "payload", "at_once"),
    [
        ("slash_commands", {"command": "/es-access"}, True),
        ("slash_commands", {"command": "/something-else"}, False),
        ("interactive", {"type": "block_actions"}, True),
        ("interactive", {"type": "shortcut"}, True),
        ("interactive", {"type": "message_action"}, True),
        ("interactive", {"type": "view_submission"}, False),
        ("interactive", {"type": "block_suggestion"}, False),
        ("interactive", {}, False),
        ("events_api", {"event": {"type": "subteam_updated"}}, True),
        ("hello", {}, False),
    ],
)
def test_what_may_be_answered_is_not_acknowledged_before_it_was_dealt_with(
    kind: str, payload: dict[str, Any], at_once: bool
) -> None:
    assert has_no_answer(SocketModeRequest(kind, "e1", payload)) is at_once


class Client:
    """Slack's answer about the token."""

    def auth_test(self) -> Any:
        return type("Answer", (), {"data": {"team_id": "T1", "enterprise_id": "E1"}})()


def test_whose_payload_it_is_is_known_without_asking_or_not_at_all() -> None:
    team = Team(Client())  # type: ignore[arg-type]
    assert not team.is_known_to_be(["T1"]), "nobody has asked Slack yet"
    team.identify()
    assert team.is_known_to_be(teams_of({"team_id": "T1"}))
    assert team.is_known_to_be(teams_of({"team": {"id": "T1"}, "user": {"team_id": "E1"}}))
    assert not team.is_known_to_be(teams_of({"team_id": "T1", "user": {"team_id": "T2"}}))
    assert not team.is_known_to_be(teams_of({"text": "of nobody"}))
