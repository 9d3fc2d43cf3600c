"""Bad input gets a short private answer with the error and a correct example; nothing is filed."""

from functools import partial

import pytest

from tests.stage import Stage

BAD = {
    "zero": ("logs-* 0h", "too short", "/es-access logs-* 1h"),
    "negative": ("logs-* -1h", "“-1h” is not a duration", "/es-access logs-* 1h"),
    "no number": ("logs-* abc", "“abc” is not a duration", "/es-access logs-* 1h"),
    "absurd": ("logs-* 99999d", "the longest access is 7d", "/es-access logs-* 1h"),
    "above the maximum": ("logs-* 8d", "the longest access is 7d", "/es-access logs-* 1h"),
    "no unit": ("logs-* 30", "it has no unit", "/es-access logs-* 1h"),
    "no pattern": (",", "Say which indices you need", "/es-access logs-* 1h"),
    "all by name": ("_all 1h", "write * for all indices", "/es-access logs-*"),
    "exclusion": ("-logs 1h", "nothing can be excluded", "/es-access logs-*"),
    "regular expression": ("/x.*/ 1h", "regular expressions are not read", "/es-access logs-*"),
    "date math": ("<logs-{now/d}> 1h", "date math is not read", "/es-access logs-*"),
    "security indices": (".security* 1h", "Elasticsearch's own security indices", "/es-access logs-*"),
    "hidden indices": (".alerts-* 1h", "such names are given only where an access flow names them", ""),
    "backing indices": (".ds-logs-* 1h", "Name the data stream", "/es-access logs-*"),
    "a pattern that could reach them": ("*security-7 1h", "Elasticsearch's own security indices", "/es-access logs-*"),
    "another cluster": ("remote:logs-* 1h", "--cluster NAME", "/es-access logs-*"),
    "upper case": ("LOGS-A 1h", "Did you mean logs-app", "/es-access logs-app 1h"),
    "spaces between patterns": ("logs-* metrics-* 1h", "has no spaces", "/es-access logs-*,metrics-* 1h"),
    "too many": (",".join(f"logs-{n}" for n in range(21)) + " 1h", "21 patterns are too many", "/es-access logs-*"),
    "too long": ("l" * 256 + " 1h", "at most 255 bytes", "/es-access logs-*"),
    "too long in bytes alone": ("é" * 128 + " 1h", "at most 255 bytes", "/es-access logs-*"),
    "nothing there": ("log-web 1h", "matches nothing that exists. Did you mean logs-web", "/es-access logs-web 1h"),
    "nothing like it there": ("zzz-* 1h", "“zzz-*” matches nothing that exists", "/es-access resources"),
    "another cluster's name": ("logs-* 1h --cluster moon", "no cluster “moon” here", "--cluster elasticsearch"),
    "an unknown option": ("logs-* 1h --brake-glass x", "Did you mean --break-glass?", "/es-access logs-* 1h --break-"),
    "a cluster is missing": ("logs-* 1h --cluster", "Say which cluster", "1h --cluster elasticsearch"),
    "two durations": ("logs-* 1h 2h", "There are two durations", "/es-access logs-* 1h read 2h"),
    "patterns after the duration": ("logs-web 1h logs-*", "All patterns come", "/es-access logs-web,logs-* 1h"),
    "a mistyped permission": ("logs-* 1h wirte x", "“wirte” is not a permission", "/es-access logs-* 1h write x"),
    "a mistyped command": ("stauts", "Did you mean status?", "/es-access status REQ-7K3F9Q"),
    "a link": ("<https://x.y/z|Kibana> 1h", "is a link, not the name of an index", "/es-access logs-* 1h"),
    "an unclear end": ("logs-* until 5:00", "morning or the afternoon", "/es-access logs-* until 17:00"),
    "two ids": ("cancel REQ-7K3F9Q REQ-7K3F9R", "One request at a time", "/es-access cancel REQ-7K3F9Q"),
    "a long reason": ("logs-* 1h " + "x" * 501, "at most 500", ""),
    "no id": ("revoke", "Say which request you mean", "/es-access revoke REQ-7K3F9Q"),
    "not an id": ("status foo", "“foo” is not a request id", "/es-access status REQ-7K3F9Q"),
    "extend without a duration": ("extend REQ-7K3F9Q", "for how much longer", "/es-access extend REQ-7K3F9Q 1h"),
}  # fmt: skip


def test_bad_input_is_answered_privately_with_an_example_and_files_nothing(quiet_stage: Stage) -> None:
    for name, (typed, wrong, example) in BAD.items():
        answer = quiet_stage.say(quiet_stage.alice, typed)
        assert wrong in answer, f"{name}: {answer}"
        assert example in answer, f"{name}: {answer}"
        assert len(answer) < 400, f"{name} is answered at too great length: {answer}"
        assert "Traceback" not in answer
    assert "not asked for anything yet" in quiet_stage.say(quiet_stage.alice, "list")
    for owner in (quiet_stage.bob, quiet_stage.carol):
        assert not quiet_stage.texts(owner)


@pytest.mark.parametrize(
    "reason", ["<!channel> look", "*bold* _it_ `code` ~no~", "<@U012ABCDEF> & <https://x.y|z>", "&lt;b&gt;"]
)
def test_what_is_typed_as_a_reason_is_shown_as_typed_and_never_live(quiet_stage: Stage, reason: str) -> None:
    request = quiet_stage.ask(f"logs-* 1h {reason}")
    message = quiet_stage.approval(quiet_stage.bob, request)
    assert f"Reason: {reason}" in quiet_stage.read(message, quiet_stage.bob)
    assert "<!channel>" not in message.text
    assert reason not in message.text or not set(reason) & set("<>&")
    kinds = {part["type"] for block in message.blocks for part in _parts(block)}
    assert kinds <= {"text", "user", "date"}


def _parts(block: dict[str, object]) -> list[dict[str, str]]:
    elements = block.get("elements", [])
    assert isinstance(elements, list)
    if block["type"] != "rich_text":
        return []
    return [part for section in elements for part in section["elements"]]


def test_an_id_that_does_not_exist_and_one_of_somebody_else_get_the_same_answer(quiet_stage: Stage) -> None:
    request = quiet_stage.ask("logs-* 1h")
    for verb, rest in (("status", ""), ("cancel", ""), ("revoke", ""), ("extend", " 1h")):
        theirs = quiet_stage.say(quiet_stage.dave, f"{verb} {request}{rest}")
        none = quiet_stage.say(quiet_stage.dave, f"{verb} REQ-000000{rest}")
        assert theirs.replace(request, "ID") == none.replace("REQ-000000", "ID")
        assert "I know no request" in theirs


def test_the_requester_cannot_approve(quiet_stage: Stage) -> None:
    request = quiet_stage.ask("logs-* 1h", quiet_stage.bob)  # who is an owner as well
    assert not quiet_stage.texts(quiet_stage.bob), "the requester must not be asked"
    message = quiet_stage.approval(quiet_stage.carol, request)
    quiet_stage.workspace.click_raw(quiet_stage.bob, message, "Approve")
    quiet_stage.hears(quiet_stage.bob, f"You asked for {request} yourself, so somebody else has to decide")
    assert "pending" in quiet_stage.say(quiet_stage.bob, "list")


def test_a_click_by_somebody_who_is_no_owner_does_nothing(quiet_stage: Stage) -> None:
    request = quiet_stage.ask("logs-* 1h")
    message = quiet_stage.approval(quiet_stage.bob, request)
    for button in ("Approve", "Deny"):
        click = partial(quiet_stage.workspace.click_raw, quiet_stage.dave, message, button)
        assert f"I know no request {request} of yours" in quiet_stage.answer_to(quiet_stage.dave, click)
    assert "pending" in quiet_stage.say(quiet_stage.alice, "list")


def test_a_button_of_an_old_message_says_who_decided_and_changes_nothing(quiet_stage: Stage) -> None:
    request = quiet_stage.ask("logs-* 1h")
    old = quiet_stage.approval(quiet_stage.carol, request)
    quiet_stage.approve(request, quiet_stage.bob)
    quiet_stage.secret(request)
    for button in ("Approve", "Deny"):
        click = partial(quiet_stage.workspace.click_raw, quiet_stage.carol, old, button)
        assert f"{request} was already approved by @bob" in quiet_stage.answer_to(quiet_stage.carol, click)
    assert not quiet_stage.workspace.views(quiet_stage.carol)


def test_a_forged_button_is_answered_and_does_nothing(quiet_stage: Stage) -> None:
    message = quiet_stage.approval(quiet_stage.bob, quiet_stage.ask("logs-* 1h"))
    for value in ("", "REQ-000000", "'; DROP TABLE access_request; --", "x" * 1999):
        forged = {"actions": [{"value": value}]}
        click = partial(quiet_stage.workspace.click_raw, quiet_stage.bob, message, "Approve", forged)
        assert "I know no request" in quiet_stage.answer_to(quiet_stage.bob, click)
    assert "pending" in quiet_stage.say(quiet_stage.alice, "list")


def test_the_only_owner_is_told_that_nobody_can_approve(quiet_stage: Stage) -> None:
    quiet_stage.workspace.deactivate(quiet_stage.carol)
    answer = quiet_stage.say(quiet_stage.bob, "logs-* 1h")
    assert "Nobody can approve this: you are its only owner" in answer
    assert "not asked for anything yet" in quiet_stage.say(quiet_stage.bob, "list")
