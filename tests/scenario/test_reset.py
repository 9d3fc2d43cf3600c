"""Reset: a fresh secret replaces the old one, which stops working; and resets of grants that are gone."""

import json

from tests.scenario.kinds import (
    OK,
    UNAUTHORIZED,
    granted_key,
    key_of,
    live_keys,
    message_of,
    password_of,
    press,
    user_or_role,
    username,
)
from tests.stage import Stage


def test_a_password_is_reset_by_its_button(stage: Stage) -> None:
    request, _ = stage.granted()
    old = password_of(stage, request)
    answer = stage.answer_to(stage.alice, lambda: press(stage, request, "Reset"))
    assert f"A fresh secret for {request} comes in its message in a moment. The old one stops." in answer
    new = password_of(stage, request, but=old.secret)
    stage.wait(lambda: old.tried().status == UNAUTHORIZED, "the end of the old password")
    assert new.tried().status == OK
    assert len(stage.workspace.messages(stage.alice)) == 1, "it is the same message, edited"


def test_a_key_is_reset_by_command(stage: Stage) -> None:
    request, old = granted_key(stage)
    assert "comes in its message in a moment" in stage.say(stage.alice, f"reset {request.lower()}")
    new = key_of(stage, request, but=old.secret)
    stage.wait(lambda: old.tried().status == UNAUTHORIZED, "the end of the old key")
    assert new.tried().status == OK
    assert len(live_keys(stage.node, request)) == 1
    assert user_or_role(stage.node, request) == []


def test_the_button_asks_before_it_resets(quiet_stage: Stage) -> None:
    request, _ = quiet_stage.granted()
    blocks = json.dumps(message_of(quiet_stage, request, "[ Reset ]").blocks)
    assert "A fresh secret?" in blocks
    assert "which stops" in blocks


def test_only_the_requester_resets_and_only_what_is_active(quiet_stage: Stage) -> None:
    stage = quiet_stage
    request, _ = stage.granted()
    for other in (stage.bob, stage.dave):
        assert f"I know no request {request} of yours" in stage.say(other, f"reset {request}")
    pending = stage.ask("metrics-cpu 1h")
    assert "is not decided yet" in stage.say(stage.alice, f"reset {pending}")
    stage.say(stage.alice, f"revoke {request}")
    assert "has already ended. Nothing was changed." in stage.say(stage.alice, f"reset {request}")
    assert "Say which request you mean" in stage.say(stage.alice, "reset")


def test_a_user_that_was_removed_by_hand_is_not_made_anew_and_its_grant_ends(quiet_stage: Stage) -> None:
    stage = quiet_stage
    request, secret = stage.granted()
    stage.node.client().security.delete_user(username=username(request), refresh=True)
    stage.say(stage.alice, f"reset {request}")
    text = stage.reads(stage.alice, f"ACCESS {request} HAS ENDED", "The credential was removed from this message")
    assert "Ended: it was removed from the cluster by hand" in text
    assert "An administrator did that. If you still need it, ask them, then ask for access anew." in text
    for person in (stage.alice, stage.bob):
        stage.reads(person, "Access of @alice is over", "it was removed from the cluster by hand", "read back from")
    assert secret.password not in "".join(stage.texts(stage.alice))
    stage.nothing_is_left()


def test_a_user_that_was_removed_by_hand_ends_the_grant_at_its_extension(quiet_stage: Stage) -> None:
    stage = quiet_stage
    request, _ = stage.granted()
    stage.node.client().security.delete_user(username=username(request), refresh=True)
    stage.approve(stage.ask(f"extend {request} 1h"))
    stage.reads(stage.alice, f"ACCESS {request} HAS ENDED", "it was removed from the cluster by hand")
    stage.nothing_is_left()


def test_a_key_that_an_administrator_made_for_the_user_is_counted_in_the_receipt(quiet_stage: Stage) -> None:
    stage = quiet_stage
    request, secret = stage.granted()
    stage.node.client().security.grant_api_key(
        grant_type="password", username=secret.username, password=secret.password, api_key={"name": "by an admin"},
        refresh=True,
    )  # fmt: skip
    stage.say(stage.alice, f"revoke {request}")
    proof = "User, role and API keys are gone, read back from the cluster (1 key ended)."
    for person in (stage.alice, stage.bob):
        stage.reads(person, "Access of @alice is over", proof)
    assert live_keys(stage.node, request) == []
