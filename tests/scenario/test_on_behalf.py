"""Access that one person asks for and another gets: the person who is meant, and who has a say until it ends."""

import pytest

from tests.stage import Opened, Secret, Stage, request_id

OK = 200

FLOWS = """
  - name: for others
    owners: integration
    for_others: [carol@example.com]
    approvals: 1
"""


@pytest.fixture
def stage(with_flows: Opened) -> Stage:
    """`carol` may ask for others; `bob` owns the integration."""
    return with_flows(FLOWS)


def home_of(stage: Stage) -> str:
    """The Home tab of `bob`."""
    home = stage.workspace.home(stage.bob)
    return stage.workspace.render(home, stage.bob) if home else ""


def test_who_asked_takes_back_live_access_and_has_no_say_in_more_of_it(with_flows: Opened) -> None:
    stage = with_flows(FLOWS.replace("owners: integration", "owners: [bob@example.com, carol@example.com]"))
    request = request_id(stage.say(stage.carol, "logs-* 1h read on call --for @alice"))
    stage.approve(request, stage.bob)
    secret: Secret = stage.secret(request, stage.alice)
    stage.is_active(request)
    extension = stage.ask(f"extend {request} 30m", stage.alice)
    approval = stage.approval(stage.bob, extension)
    assert "@carol" not in stage.read(approval, stage.bob)
    answer = stage.answer_to(stage.carol, lambda: stage.workspace.click_raw(stage.carol, approval, "Approve"))
    assert f"You asked for {request} yourself, so somebody else has to decide." in answer
    stage.approve(extension, stage.bob)
    stage.wait(lambda: stage.audit("grant.extended"), "the new end")
    assert "I know no request" in stage.say(stage.carol, f"reset {request}")
    assert "is being ended" in stage.say(stage.carol, f"revoke {request}")
    stage.refused(secret)
    stage.nothing_is_left()


def test_the_person_with_the_longest_name_is_meant_and_the_answer_mentions_them(stage: Stage) -> None:
    stage.workspace.add_user("ada", real_name="Ada Byron")
    lovelace = stage.workspace.add_user("alovelace", real_name="Ada Lovelace")
    for typed in (
        "@Ada Lovelace fixing INC-42",
        "@ada lovelace fixing INC-42",
        "=@Ada Lovelace fixing INC-42",
        '"Ada Lovelace" fixing INC-42',
        "“Ada Lovelace” fixing INC-42",
        "@alovelace fixing INC-42",
    ):
        gap = "" if typed.startswith("=") else " "
        answer = stage.say(stage.carol, f"logs-* 1h --again read --for{gap}{typed}")
        assert "This is for @alovelace." in answer, typed
        text = stage.read(stage.approval(stage.bob, request_id(answer)), stage.bob)
        assert "@carol asks for access for @alovelace." in text
        assert "Reason: fixing INC-42" in text
    stage.workspace.open_home(stage.bob)
    stage.wait(lambda: "@carol asks for 1h for @alovelace" in home_of(stage), "who asked, in the Home tab")
    stage.approve(request_id(answer), stage.bob)
    stage.secret(request_id(answer), lovelace)
    assert "for @alovelace (password): active until" in stage.say(stage.carol, "list")
    assert "This is for @alovelace." in stage.say(stage.carol, "explain logs-* 1h --for @Ada Lovelace")
    assert "This is for @alovelace." in stage.say(stage.carol, "logs-* 1h --for @Ada Lovelace")


def test_a_name_that_is_not_one_persons_whole_name_is_refused_with_who_may_be_meant(stage: Stage) -> None:
    ada = stage.workspace.add_user("ada", real_name="Ada Byron")
    stage.workspace.add_user("twin1", real_name="Ada Lovelace King")
    stage.workspace.add_user("twin2", real_name="Ada Lovelace King")
    left = stage.workspace.add_user("gone", real_name="Ada Left Us")
    stage.workspace.deactivate(left)
    both = ("@twin1 (twin1@example.com)", "@twin2 (twin2@example.com)")
    for typed, meant in (
        ("@Ada Lovelace King on call", both),
        ("@Ada Lovelace on call", both),
        ("@Ada Left Us on call", ()),
        ("@Ada Left", ()),
        ('"Ada By"', ()),
        ("@Ad", ()),
    ):
        answer = stage.say(stage.carol, f"logs-* 1h --for {typed}")
        assert "is filed" not in answer, typed
        assert [each for each in both if each in answer] == list(meant), answer
        assert "gone" not in answer
    assert stage.audit("request.submitted") == []
    assert "This is for @ada." in stage.say(stage.carol, f"logs-* 1h --for {ada.email}")
