"""Who is ours: ids are compared, and nothing that Slack leaves out counts as ours."""

from typing import Any

import pytest

from bot.access.errors import Outage, Refusal
from bot.slack.errors import NoRetries
from bot.slack.membership import Team, actor_of, home_of, origin_of

WORKSPACE = {"team_id": "T1"}
"""A workspace without an organisation."""

GRID = {"team_id": "T1", "enterprise_id": "E1"}
"""An installation in one workspace of an organisation."""

ORG_WIDE = {"team_id": "E1", "enterprise_id": "E1", "is_enterprise_install": True}
"""An installation for a whole organisation."""

OURS, OTHERS = {"enterprise_id": "E1"}, {"enterprise_id": "E2"}


class Client:
    """Slack's answer about the token."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self.retry_handlers = NoRetries(lambda *_: None)
        self.answer = answer
        self.asked = 0

    def auth_test(self) -> Any:
        self.asked += 1
        return type("Answer", (), {"data": self.answer})()


def team_of(answer: dict[str, Any]) -> Team:
    return Team(Client(answer))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("installed", "user", "ours"),
    [
        (WORKSPACE, {"team_id": "T1"}, True),
        (WORKSPACE, {"team_id": "T2"}, False),
        (WORKSPACE, {"team_id": "T2", "is_stranger": True}, False),
        (WORKSPACE, {"team_id": "T2", "enterprise_user": OTHERS}, False),
        (WORKSPACE, {"enterprise_user": OTHERS}, False),
        # The workspace has joined an organisation since we asked.
        (WORKSPACE, {"team_id": "T1", "enterprise_user": OTHERS}, True),
        (GRID, {"team_id": "T1"}, True),
        (GRID, {"team_id": "T1", "enterprise_user": OURS}, True),
        (GRID, {"team_id": "T2", "enterprise_user": OURS}, True),
        (GRID, {"team_id": "T2", "enterprise_user": OURS, "is_stranger": True}, True),
        (GRID, {"team_id": "E1"}, True),
        (GRID, {"team_id": "T2", "enterprise_user": OTHERS}, False),
        (GRID, {"team_id": "E2"}, False),
        (GRID, {"team_id": "T1", "enterprise_user": OTHERS}, False),
        (GRID, {"team_id": "T2"}, False),
        (GRID, {"enterprise_user": OURS}, True),
        (ORG_WIDE, {"team_id": "T7", "enterprise_user": OURS}, True),
        (ORG_WIDE, {"team_id": "T7", "enterprise_user": OTHERS}, False),
        (ORG_WIDE, {"team_id": "T7"}, False),
        (GRID, {}, False),
        (WORKSPACE, {"team_id": "", "enterprise_user": {}}, False),
        (WORKSPACE, {"team_id": None, "enterprise_user": None}, False),
    ],
)
def test_people(installed: dict[str, Any], user: dict[str, Any], ours: bool) -> None:
    assert team_of(installed).is_ours(home_of(user)) is ours


@pytest.mark.parametrize(
    ("installed", "body", "ours"),
    [
        (WORKSPACE, {"command": "/es-access", "team_id": "T1"}, True),
        (WORKSPACE, {"command": "/es-access", "team_id": "T2"}, False),
        (WORKSPACE, {"command": "/es-access"}, False),
        (WORKSPACE, {"team": {"id": "T1"}, "enterprise": None}, True),
        (WORKSPACE, {"team": {"id": "T2", "enterprise_id": "E2"}, "enterprise": None}, False),
        (GRID, {"command": "/es-access", "team_id": "T2", "enterprise_id": "E1"}, True),
        (GRID, {"command": "/es-access", "team_id": "T2", "enterprise_id": "E2"}, False),
        (GRID, {"team": {"id": "T2", "enterprise_id": "E1"}}, True),
        (GRID, {"team": None, "enterprise": {"id": "E1"}}, True),
        (GRID, {"team": None, "enterprise": {"id": "E2"}, "user": {"team_id": "T1"}}, False),
        (GRID, {"team": None, "enterprise": None, "view": {"team_id": "T1"}}, True),
        (GRID, {"team": None, "enterprise": None}, False),
        (ORG_WIDE, {"team": None, "enterprise": {"id": "E1"}}, True),
        (ORG_WIDE, {"team_id": "T7", "enterprise_id": "E1", "event": {}}, True),
        (ORG_WIDE, {"team_id": "T7", "event": {}}, False),
    ],
)
def test_payloads(installed: dict[str, Any], body: dict[str, Any], ours: bool) -> None:
    assert team_of(installed).is_ours(origin_of(body)) is ours


def test_a_modal_that_somebody_of_another_workspace_sends_comes_from_ours_and_they_do_not() -> None:
    body = {"team": {"id": "T2"}, "user": {"team_id": "T2"}, "view": {"app_installed_team_id": "T1"}}
    team, actor = team_of(WORKSPACE), actor_of(body)
    assert team.is_ours(origin_of(body))
    assert actor is not None
    assert not team.is_ours(actor)


def test_commands_and_events_name_no_home() -> None:
    assert actor_of({"user_id": "U1", "team_id": "T1"}) is None
    assert actor_of({"event": {"user": "U1"}, "team_id": "T1"}) is None


def test_slack_is_asked_once_and_a_refusal_says_nothing_about_a_person() -> None:
    client = Client(WORKSPACE)
    team = Team(client)  # type: ignore[arg-type]
    for _ in range(3):
        assert team.is_ours(home_of({"team_id": "T1"}))
    assert client.asked == 1

    def refuse() -> Any:
        raise Refusal("Slack answered missing_scope")

    unknown = Client(WORKSPACE)
    unknown.auth_test = refuse  # type: ignore[method-assign]
    with pytest.raises(Outage):
        Team(unknown).is_ours(home_of({"team_id": "T1"}))  # type: ignore[arg-type]
