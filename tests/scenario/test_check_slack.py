"""`bot check` on Slack and the owners: each problem is named with its fix below."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.sandbox.node import Node
from tests.scenario.newcomer import Newcomer, arrived, responder, silent


@pytest.fixture
def newcomer(node: Node, tmp_path: Path) -> Iterator[Newcomer]:
    """In Socket Mode."""
    with arrived(node, tmp_path) as ready:
        yield ready


def test_a_refused_bot_token_is_named_with_where_to_copy_it_from(newcomer: Newcomer) -> None:
    found = newcomer.check(SLACK_BOT_TOKEN="xoxb-1234567890")
    assert "OAuth & Permissions > Bot User OAuth Token" in found.fails_with("Slack: the bot token is refused")
    assert found.line("FAIL").endswith("Slack answered invalid_auth")
    assert found.line("skip  owners") == "skip  owners: needs Slack, see above"


@pytest.mark.parametrize("scope", ["commands", "chat:write", "users:read"])
def test_a_missing_scope_is_named_with_where_to_add_it(newcomer: Newcomer, scope: str) -> None:
    newcomer.stage.workspace.revoke_scope(scope)
    found = newcomer.check(INTEGRATION_OWNER="bob@example.com,carol@example.com")
    expected = f"add {scope} in OAuth & Permissions and reinstall the app"
    assert expected in found.fix(f"FAIL  Slack scopes: {scope} is missing")
    assert found.code == 1


@pytest.mark.parametrize(
    ("scope", "owner", "others"),
    [("users:read.email", "bob@example.com", "@data-owners"), ("usergroups:read", "@data-owners", "bob@example.com")],
)
def test_a_scope_is_needed_only_by_owners_of_its_kind(newcomer: Newcomer, scope: str, owner: str, others: str) -> None:
    newcomer.stage.workspace.revoke_scope(scope)
    found = newcomer.check(INTEGRATION_OWNER=f"{owner},{others}")
    assert scope in found.fails_with(f"Slack scopes: {scope} is missing, for the owner {owner}")
    assert found.line(f"skip  owner {owner}") == f"skip  owner {owner}: needs the scope {scope}, see above"
    found = newcomer.check(INTEGRATION_OWNER=f"{newcomer.stage.bob.id},{newcomer.stage.carol.id}")
    assert found.code == 0, found.text


def test_a_refused_app_token_is_named_with_where_to_make_it(newcomer: Newcomer) -> None:
    fix = newcomer.check(SLACK_APP_TOKEN="xapp-1-wrong-token").fails_with("Socket Mode: the app token is refused")
    assert "App-Level Tokens: generate one with the scope connections:write" in fix


def test_tokens_put_the_wrong_way_round_are_both_named(newcomer: Newcomer) -> None:
    right = newcomer.stage.workspace
    found = newcomer.check(SLACK_BOT_TOKEN=right.app_token, SLACK_APP_TOKEN=right.bot_token)
    assert found.line("FAIL  settings: SLACK_BOT_TOKEN").endswith("must be the bot token, it begins with xoxb-")
    assert found.line("FAIL  settings: SLACK_APP_TOKEN").endswith("must be the app token, it begins with xapp-")


@pytest.mark.parametrize(
    ("error", "found", "to_do"),
    [
        ("missing_scope", "Socket Mode: the app token has not the scope connections:write", "App-Level Tokens"),
        ("socket_mode_disabled", "Socket Mode is off", "turn on Enable Socket Mode"),
    ],
)
def test_what_slack_says_of_the_app_is_explained(newcomer: Newcomer, error: str, found: str, to_do: str) -> None:
    with responder({"apps.connections.open": {"ok": False, "error": error}}) as url:
        assert to_do in newcomer.check(SLACK_API_URL=f"{url}/api/").fix(f"FAIL  {found}")


def test_a_messages_tab_that_is_off_is_named_with_where_to_turn_it_on(newcomer: Newcomer) -> None:
    workspace = newcomer.stage.workspace
    workspace.set_messages_tab(enabled=False)
    fix = newcomer.check().fails_with("direct messages: the Messages Tab of the app is off")
    assert "App Home > Show Tabs: turn on Messages Tab" in fix
    workspace.set_messages_tab(enabled=True)
    found = newcomer.check()
    assert found.line("ok    direct messages").endswith("was taken, and is deleted again")
    assert found.code == 0
    assert not any("bot check" in text for text in newcomer.stage.texts(newcomer.stage.bob))


def test_slack_out_of_reach_is_told_from_a_wrong_token(newcomer: Newcomer) -> None:
    with silent() as port:
        pass
    fix = newcomer.check(SLACK_API_URL=f"http://127.0.0.1:{port}/api/").fix("FAIL  Slack: Slack does not answer")
    assert "proxy, firewall" in fix


# --- the owners ---


def test_each_owner_who_cannot_be_found_is_named_with_why(newcomer: Newcomer) -> None:
    stage = newcomer.stage
    stage.workspace.deactivate(stage.dave)
    stage.workspace.add_group("left", [stage.dave])
    robot = stage.workspace.add_user("robot", is_bot=True)
    owners = ["nobody@example.com", "@no-such", "@left", stage.dave.id, stage.dave.email, robot.id, "U0000000000"]
    found = newcomer.check(INTEGRATION_OWNER=",".join([stage.bob.email, stage.carol.id, *owners]))
    assert found.text.splitlines()[-1] == "7 problems."
    for owner, why in zip(
        owners,
        ["no active person has this e-mail", "there is no such user group", "has no active members", "is deactivated",
         "no active person has this e-mail", "a bot, a guest", "there is nobody with this user id"],
        strict=True,
    ):  # fmt: skip
        assert why in found.line(f"FAIL  owner {owner}: ")
        assert "INTEGRATION_OWNER" in found.fix(f"FAIL  owner {owner}: ")
    assert found.line("ok    owners") == "ok    owners: 2 people may approve"


def test_a_workspace_without_user_groups_is_named(newcomer: Newcomer) -> None:
    newcomer.stage.workspace.set_paid_plan(paid=False)
    found = newcomer.check(INTEGRATION_OWNER=f"@data-owners,{newcomer.stage.bob.id},{newcomer.stage.dave.id}")
    assert "by e-mail or user id" in found.fails_with("owner @data-owners: this workspace has no user groups")


def test_nobody_left_is_a_problem(newcomer: Newcomer) -> None:
    newcomer.stage.workspace.deactivate(newcomer.stage.bob)
    found = newcomer.check(INTEGRATION_OWNER=newcomer.stage.bob.id)
    assert "at least two active people" in found.fix("FAIL  owners: nobody is left who may approve")


@pytest.mark.parametrize("owners", ["bob@example.com", "bob@example.com,@bobs"])
def test_a_single_owner_is_warned_that_they_can_ask_for_nothing(newcomer: Newcomer, owners: str) -> None:
    newcomer.stage.workspace.add_group("bobs", [newcomer.stage.bob])
    found = newcomer.check(INTEGRATION_OWNER=owners)
    assert found.code == 0
    assert "Add a second person" in found.fix("warn  owners: 1 person may approve")
