"""The main job, through Slack's protocols, on a real node: ask, decide, use, end."""

from contextlib import ExitStack
from pathlib import Path

from bot.sandbox.node import Node
from bot.sandbox.workspace import User
from tests.stage import Stage, set_stage

OK, UNAUTHORIZED, FORBIDDEN = 200, 401, 403


def test_an_approved_request_is_a_credential_for_exactly_that_until_it_ends(stage: Stage) -> None:
    request = stage.ask("logs-* 1h fixing INC-42")
    stage.approve(request)
    secret = stage.secret(request)
    assert stage.search(secret, "logs-web") == OK
    assert stage.search(secret, "logs-*") == OK
    assert stage.search(secret, "metrics-cpu") == FORBIDDEN
    assert stage.search(secret, ".security") in {FORBIDDEN, 404}

    stage.app.move_clock(3601)
    stage.refused(secret)
    for person in (stage.alice, stage.bob):
        stage.reads(person, f"ACCESS {request} HAS ENDED", "Access of @alice is over", "Ended: expired")
    stage.wait(lambda: secret.password not in "".join(stage.texts(stage.alice)), "the redaction of the credential")
    stage.nothing_is_left()


def test_the_credential_message_has_all_that_is_needed_and_its_notification_has_no_secret(
    node: Node, tmp_path: Path
) -> None:
    with ExitStack() as stack:
        settings = {
            "ELASTICSEARCH_PUBLIC_URL": "https://es.example.com",
            "CUSTOM_ACCESS_DETAILS": "Kibana for {username}: {url}/kibana, until {expiry}, on {patterns}",
        }
        stage = set_stage(node, tmp_path, stack, settings=settings)
        stage.app.start()
        request, secret = stage.granted("logs-*,metrics-cpu 1h")
        text = stage.reads(stage.alice, f"ACCESS {request}", "Password: ")
        assert "URL: https://es.example.com" in text
        assert f"Kibana for {secret.username}: https://es.example.com/kibana, until " in text
        assert "on logs-*, metrics-cpu" in text
        user = f"{secret.username}:{secret.password}"
        assert f"curl -u '{user}' 'https://es.example.com/logs-*,metrics-cpu/_search?size=1'" in text
        for message in stage.workspace.messages(stage.alice):
            assert secret.password not in message.text
            assert not [version for version in message.history if secret.password in version.text]


def test_the_requester_is_told_privately_what_was_filed_and_who_was_asked(stage: Stage) -> None:
    answer = stage.say(stage.alice, "logs-*,metrics-cpu 2h30m write fixing INC-42")
    assert "write on logs-*, metrics-cpu in elasticsearch for 2h30m" in answer
    assert "Asked 2 owners: @bob, @carol" in answer
    assert "Matches now: 3 indices" in answer
    assert not stage.texts(stage.dave)


def test_owners_by_email_and_in_groups_are_asked_with_buttons(stage: Stage) -> None:
    request = stage.ask("logs-* 1h because")
    for owner in (stage.bob, stage.carol):
        text = stage.read(stage.approval(owner, request), owner)
        assert "@alice asks for access" in text
        assert "read on logs-* in elasticsearch for 1h" in text
        assert "Reason: because" in text
        assert "[ Approve ] [ Deny ]" in text


def test_one_decision_closes_every_copy_and_says_who_decided(stage: Stage) -> None:
    request = stage.ask("logs-* 1h")
    stage.approval(stage.carol, request)
    stage.approve(request, stage.bob)
    for owner in (stage.bob, stage.carol):
        text = stage.reads(owner, f"REQUEST {request}: APPROVED", "Approved by @bob")
        assert "[ Approve ]" not in text


def test_a_denial_tells_the_requester_by_whom_and_why(stage: Stage) -> None:
    request = stage.ask("logs-* 1h")
    _deny(stage, stage.carol, request, "not *now* <!channel>")
    stage.reads(stage.alice, f"REQUEST {request}: DENIED", "Denied by @carol", "Reason: not *now* <!channel>")
    stage.reads(stage.bob, f"REQUEST {request}: DENIED", "Denied by @carol")
    stage.nothing_is_left()


def test_a_denial_needs_no_reason(quiet_stage: Stage) -> None:
    request = quiet_stage.ask("logs-* 1h")
    _deny(quiet_stage, quiet_stage.bob, request, "")
    assert "Reason" not in quiet_stage.reads(quiet_stage.alice, "Denied by @bob")


def test_the_requester_ends_it_early_by_command(stage: Stage) -> None:
    request, secret = stage.granted()
    assert "is being ended" in stage.say(stage.alice, f"revoke {request.lower()}")
    stage.refused(secret)
    stage.reads(
        stage.alice,
        f"ACCESS {request} HAS ENDED",
        "Ended: revoked by @alice",
        "User, role and API keys are gone, read back",
    )
    stage.reads(stage.bob, f"ACCESS {request} HAS ENDED", "Ended: revoked by @alice")
    stage.nothing_is_left()


def test_the_requester_ends_it_early_by_button(quiet_stage: Stage) -> None:
    request, secret = quiet_stage.granted()
    message = next(
        each for each in quiet_stage.workspace.messages(quiet_stage.alice)
        if "[ Revoke now ]" in quiet_stage.read(each, quiet_stage.alice)
    )  # fmt: skip
    quiet_stage.workspace.click(quiet_stage.alice, message, "Revoke now")
    quiet_stage.refused(secret)
    quiet_stage.reads(quiet_stage.alice, f"ACCESS {request} HAS ENDED", "was removed from this message")


def test_an_owner_may_revoke_and_a_stranger_may_not(quiet_stage: Stage) -> None:
    request, secret = quiet_stage.granted()
    assert f"I know no request {request} of yours" in quiet_stage.say(quiet_stage.dave, f"revoke {request}")
    assert quiet_stage.search(secret, "logs-web") == OK
    quiet_stage.say(quiet_stage.carol, f"revoke {request}")
    quiet_stage.refused(secret)
    quiet_stage.reads(quiet_stage.alice, "Ended: revoked by @carol")


def test_more_time_is_asked_of_an_owner_and_changes_nothing_but_the_end(quiet_stage: Stage) -> None:
    request, secret = quiet_stage.granted()
    extension = quiet_stage.ask(f"extend {request} 1h")
    quiet_stage.approve(extension)
    quiet_stage.reads(quiet_stage.alice, f"EXTENSION {extension} APPROVED", f"{request} now ends")
    quiet_stage.app.move_clock(3601)
    assert quiet_stage.search(secret, "logs-web") == OK
    quiet_stage.app.move_clock(3601)
    quiet_stage.refused(secret)


def test_a_request_that_nobody_decides_expires_and_everyone_hears(quiet_stage: Stage) -> None:
    request = quiet_stage.ask("logs-* 1h")
    quiet_stage.approval(quiet_stage.bob, request)
    quiet_stage.app.move_clock(8 * 3600 + 1)
    quiet_stage.reads(quiet_stage.alice, f"REQUEST {request}: EXPIRED", "Nobody decided in time")
    quiet_stage.reads(quiet_stage.bob, f"REQUEST {request}: EXPIRED")


def test_list_and_status_show_where_things_stand(quiet_stage: Stage) -> None:
    assert "not asked for anything yet" in quiet_stage.say(quiet_stage.alice, "list")
    request, _ = quiet_stage.granted()
    waiting = quiet_stage.ask("metrics-cpu 1h")
    listed = quiet_stage.say(quiet_stage.alice, "list")
    assert f"{request} read on logs-* (password): active until" in listed
    assert f"{waiting} read on metrics-cpu (password): pending" in listed
    assert "Approved by @bob" in quiet_stage.say(quiet_stage.alice, f"status {request}")
    assert "is cancelled" in quiet_stage.say(quiet_stage.alice, f"cancel {waiting}")
    quiet_stage.reads(quiet_stage.bob, f"REQUEST {waiting}: CANCELLED")


def _deny(stage: Stage, owner: User, request: str, reason: str) -> None:
    workspace = stage.workspace
    workspace.click(owner, stage.approval(owner, request), "Deny")
    view = stage.wait(lambda: workspace.views(owner), "the window for the reason")[-1]
    workspace.submit(owner, view, {"reason": reason} if reason else {})
