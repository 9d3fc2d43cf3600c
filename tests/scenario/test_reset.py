"""Reset: a fresh secret replaces the old one, which stops working; and resets of grants that are gone."""

import json
from contextlib import ExitStack
from pathlib import Path

from bot.sandbox.node import Node
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
from tests.stage import Secret, Stage, set_stage


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
        stage.reads(person, f"ACCESS {request} HAS ENDED", proof)
    assert live_keys(stage.node, request) == []


CHOSEN = "chosen-by-alice-1"


def changes_own_password(stage: Stage) -> tuple[str, Secret, Secret]:
    """A grant, its secret, and the one that its user has chosen instead, which needs no privilege in Elasticsearch."""
    request, secret = stage.granted()
    client = stage.node.client_of(secret.username, secret.password)
    try:
        client.security.change_password(password=CHOSEN)
    finally:
        client.close()
    chosen = secret._replace(password=CHOSEN)
    assert stage.search(chosen, "logs-web") == OK
    stage.refused(secret)
    return request, secret, chosen


def test_a_password_that_the_user_chose_ends_with_the_access(quiet_stage: Stage) -> None:
    request, _, chosen = changes_own_password(quiet_stage)
    quiet_stage.app.move_clock(3601)
    quiet_stage.reads(quiet_stage.alice, f"ACCESS {request} HAS ENDED", "Ended: expired")
    quiet_stage.refused(chosen)
    quiet_stage.nothing_is_left()


def test_a_reset_replaces_a_password_that_the_user_chose(quiet_stage: Stage) -> None:
    request, secret, chosen = changes_own_password(quiet_stage)
    quiet_stage.say(quiet_stage.alice, f"reset {request}")
    new = password_of(quiet_stage, request, but=secret.password)
    quiet_stage.refused(chosen)
    assert new.tried().status == OK
    quiet_stage.say(quiet_stage.alice, f"revoke {request}")
    quiet_stage.nothing_is_left()


def test_a_user_who_chose_a_password_makes_nothing_that_outlives_it(quiet_stage: Stage) -> None:
    _, _, chosen = changes_own_password(quiet_stage)
    client = quiet_stage.node.client_of(chosen.username, chosen.password)
    try:
        security = client.options(ignore_status=[400, 403]).security
        tries = (
            security.create_api_key(name="mine"),
            security.get_token(grant_type="password", username=chosen.username, password=CHOSEN),
            security.put_user(username="mine", password=CHOSEN, roles=[]),
            security.activate_user_profile(grant_type="password", username=chosen.username, password=CHOSEN),
        )
    finally:
        client.close()
    assert [each.meta.status for each in tries] == [403] * len(tries)


def test_a_kept_user_does_not_keep_a_password_that_it_chose(node: Node, tmp_path: Path) -> None:
    """With `USER_CLEANUP_DAYS` the user stays for a while, disabled. An administrator enables it by mistake."""
    with ExitStack() as stack:
        stage = set_stage(node, tmp_path, stack, settings={"USER_CLEANUP_DAYS": "1"})
        stage.app.start()
        request, _, chosen = changes_own_password(stage)
        stage.say(stage.alice, f"revoke {request}")
        stage.refused(chosen)
        stage.reads(stage.alice, f"ACCESS {request} HAS ENDED")
        stage.node.client().security.enable_user(username=chosen.username)
        assert stage.search(chosen, "logs-web") == UNAUTHORIZED
