"""Access for own accounts, through Slack's protocols, on a real node: native users who are signed in already."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from bot.sandbox.node import Node
from tests.scenario.own_accounts import OwnAccountStage, own_account_stage

OK, FORBIDDEN = 200, 403


@pytest.fixture
def staged(node: Node, tmp_path: Path) -> Iterator[OwnAccountStage]:
    with ExitStack() as stack:
        ready = own_account_stage(node, tmp_path, stack)
        ready.stage.app.start()
        yield ready


def test_an_approved_request_lets_the_requesters_own_account_in_until_it_ends(staged: OwnAccountStage) -> None:
    stage = staged.stage
    assert staged.search("logs-web") == FORBIDDEN
    request = stage.ask("logs-* 1h fixing INC-42")
    stage.approve(request)
    told = stage.reads(stage.alice, f"ACCESS {request}", "You can read logs-* until", "with your own account")
    assert "Open in Kibana" in told
    assert "Password" not in told
    assert staged.search("logs-web") == OK
    assert staged.search("logs-*") == OK
    assert staged.search("metrics-cpu") == FORBIDDEN
    assert not stage.made()

    stage.app.move_clock(3601)
    stage.reads(stage.alice, f"ACCESS {request} HAS ENDED", "Ended: expired", "does not hold it any more, read back")
    stage.reads(stage.bob, f"ACCESS {request} HAS ENDED")
    assert staged.search("logs-web") == FORBIDDEN
    assert staged.role() is None


def test_only_the_first_time_asks_to_sign_in_again(staged: OwnAccountStage) -> None:
    stage = staged.stage
    first = staged.granted("logs-* 1h")
    assert "sign out and in again, once" in stage.reads(stage.alice, f"ACCESS {first}", "with your own account")
    second = staged.granted("metrics-cpu 1h")
    assert "sign out" not in stage.reads(stage.alice, f"ACCESS {second}", "with your own account")
    assert (staged.search("logs-web"), staged.search("metrics-cpu")) == (OK, OK)
    stage.say(stage.alice, f"revoke {first}")
    stage.reads(stage.alice, f"ACCESS {first} HAS ENDED", "revoked by @alice")
    assert (staged.search("logs-web"), staged.search("metrics-cpu")) == (FORBIDDEN, OK)


def test_nothing_else_of_the_account_is_touched(staged: OwnAccountStage) -> None:
    before = staged.user()
    staged.granted("logs-* 1h")
    after = staged.user()
    assert after.pop("roles") == [*before.pop("roles"), staged.role_name]
    assert after == before


def test_more_time_is_given_to_the_same_account(staged: OwnAccountStage) -> None:
    stage = staged.stage
    request = staged.granted("logs-* 1h")
    extension = stage.ask(f"extend {request} 1h")
    stage.approve(extension)
    stage.reads(stage.alice, f"EXTENSION {extension} APPROVED", f"{request} now ends")
    stage.app.move_clock(3601)
    assert staged.search("logs-web") == OK
    stage.app.move_clock(3601)
    stage.reads(stage.alice, f"ACCESS {request} HAS ENDED")
    assert staged.search("logs-web") == FORBIDDEN


def test_a_password_and_a_key_are_there_for_who_names_them(staged: OwnAccountStage) -> None:
    stage = staged.stage
    request = stage.ask("logs-* 1h --password")
    stage.approve(request)
    secret = stage.secret(request)
    assert stage.search(secret, "logs-web") == OK
    assert staged.search("logs-web") == FORBIDDEN


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda staged: staged.delete_user(), "there is no user"),
        (lambda staged: staged.change_user(enabled=False), "is disabled"),
        (lambda staged: staged.change_user(roles=["superuser"]), "may manage security"),
    ],
    ids=["no such user", "disabled", "manages security"],
)
def test_an_account_that_cannot_be_given_anything_is_refused(
    staged: OwnAccountStage, change: Callable[[OwnAccountStage], None], why: str
) -> None:
    change(staged)
    answer = staged.stage.say(staged.stage.alice, "logs-* 1h")
    assert why in answer
    assert "--password" in answer


def test_check_says_that_it_cannot_tell_where_nobody_has_signed_in_to_kibana(staged: OwnAccountStage) -> None:
    stage = staged.stage
    request = staged.granted("logs-* 1h")
    message = next(
        each for each in stage.workspace.messages(stage.alice) if "[ Check ]" in stage.read(each, stage.alice)
    )
    assert request in stage.read(message, stage.alice)
    answer = stage.answer_to(stage.alice, lambda: stage.workspace.click(stage.alice, message, "Check"))
    assert "I cannot tell" in answer
