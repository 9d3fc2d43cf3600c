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
