"""The Home tab in use: own access, decisions, requests and favourites, and others' access to own resources."""

from bot.sandbox.workspace import User, View
from tests.stage import Stage


def home(stage: Stage, person: User) -> View:
    """Opens the Home tab."""
    stage.workspace.open_home(person)
    return stage.wait(lambda: stage.workspace.home(person), "a Home tab")


def shows(stage: Stage, person: User, *words: str, without: str = "\0") -> str:
    """Waits until the Home tab contains these words, without opening it again."""

    def look() -> str | None:
        view = stage.workspace.home(person)
        text = stage.workspace.render(view, person) if view else ""
        return text if all(word in text for word in words) and without not in text else None

    return stage.wait(look, f"{person.name}'s Home tab with {words}")


def click(stage: Stage, person: User, what: str) -> None:
    view = stage.workspace.home(person)
    assert view is not None
    assert stage.workspace.click(person, view, what).error is None


def test_a_request_is_decided_and_ended_from_home_and_every_home_follows(stage: Stage) -> None:
    for person in (stage.alice, stage.bob, stage.carol):
        home(stage, person)
    assert "You have none." in shows(stage, stage.alice, "YOUR ACCESS NOW")
    request = stage.ask("logs-* 1h read INC-42")
    shows(stage, stage.alice, request, "Waiting for an owner until")
    shows(stage, stage.carol, "WAITING FOR YOU TO DECIDE", request)
    shows(stage, stage.bob, "WAITING FOR YOU TO DECIDE", request, "@alice asks for 1h", "Reason: INC-42")
    click(stage, stage.bob, "Approve")
    secret = stage.secret(request)
    shows(stage, stage.bob, "WHAT OTHERS HAVE OF YOURS", request, without="WAITING FOR YOU")
    shows(stage, stage.carol, "WHAT OTHERS HAVE OF YOURS", request, without="WAITING FOR YOU")
    text = shows(stage, stage.alice, "YOUR ACCESS NOW", f"{request} read on logs-* in elasticsearch", "[ Extend ]")
    assert "with a password" in text
    assert "[ Reset ]" in text
    click(stage, stage.alice, "Revoke")
    stage.refused(secret)
    shows(stage, stage.alice, "You have none.", "Ended: revoked")
    shows(stage, stage.bob, "ELASTICSEARCH ACCESS", without="WHAT OTHERS HAVE")


def test_what_was_asked_for_is_asked_for_again_and_kept_as_a_favourite(stage: Stage) -> None:
    home(stage, stage.alice)
    stage.ask("metrics-cpu 2h read INC-7")
    shows(stage, stage.alice, "WHAT YOU ASKED FOR")
    click(stage, stage.alice, "Save")
    shows(stage, stage.alice, "FAVOURITES", "read on metrics-cpu in elasticsearch for 2h")
    click(stage, stage.alice, "Ask again")
    view = stage.wait(lambda: stage.workspace.views(stage.alice), "the form")[-1]
    text = stage.workspace.render(view, stage.alice)
    assert "2 hours" in text
    assert view.blocks[0]["element"]["initial_options"][0]["value"] == "metrics-cpu"
    stage.workspace.close_view(stage.alice, view)
    click(stage, stage.alice, "Remove")
    shows(stage, stage.alice, "WHAT YOU ASKED FOR", without="FAVOURITES")
    click(stage, stage.alice, "Request again")
    view = stage.wait(lambda: stage.workspace.views(stage.alice), "the form")[-1]
    assert view.blocks[0]["element"]["initial_options"][0]["value"] == "metrics-cpu"


def test_an_owner_revokes_everything_that_others_have_of_theirs(stage: Stage) -> None:
    home(stage, stage.bob)
    ids = [stage.ask(f"{name} 1h") for name in ("logs-web", "logs-app", "metrics-cpu")]
    for each in ids:
        stage.approve(each)
        stage.secret(each)
    shows(stage, stage.bob, "Revoke all 3")
    view = stage.workspace.home(stage.bob)
    assert view is not None
    (button,) = [
        one for block in view.blocks for one in block.get("elements", []) if one.get("action_id") == "revoke_all"
    ]
    assert button["confirm"]["title"]["text"] == "Revoke all 3?"
    click(stage, stage.bob, "revoke_all")
    stage.reads(stage.bob, "3 grants of others")
    stage.nothing_is_left()
    shows(stage, stage.bob, "ELASTICSEARCH ACCESS", without="WHAT OTHERS HAVE")


def test_history_is_turned_page_by_page(stage: Stage) -> None:
    home(stage, stage.alice)
    ids = []
    for number in range(10):
        ids.append(stage.ask(f"logs-web {number + 1}h"))
        stage.say(stage.alice, f"cancel {ids[-1]}")
    shows(stage, stage.alice, ids[9], ids[2], "[ Next ]", without=ids[1])
    click(stage, stage.alice, "Next")
    shows(stage, stage.alice, ids[1], ids[0], "[ Previous ]", without=ids[2])
    click(stage, stage.alice, "Previous")
    shows(stage, stage.alice, ids[9], ids[2], without="[ Previous ]")


def test_a_button_of_an_old_home_tab_is_answered_and_changes_nothing(stage: Stage) -> None:
    home(stage, stage.bob)
    request = stage.ask("logs-* 1h")
    shows(stage, stage.bob, request)
    old = stage.workspace.home(stage.bob)
    assert old is not None
    stage.approve(request, stage.carol)
    stage.secret(request)
    stage.workspace.click_raw(stage.bob, old, "Approve")
    stage.reads(stage.bob, f"{request} was already approved by @carol. Nothing was changed.")
    for forged in ("", "REQ-000000", "'; DROP TABLE favourite; --"):
        stage.workspace.click_raw(stage.alice, old, None, {"actions": [{"action_id": "ask_again", "value": forged}]})
    stage.reads(stage.alice, "I know no request")
    assert not stage.workspace.views(stage.alice)


def test_somebody_who_owns_nothing_sees_nothing_of_others(stage: Stage) -> None:
    request = stage.ask("logs-* 1h")
    stage.approve(request)
    stage.secret(request)
    home(stage, stage.dave)
    assert request not in shows(stage, stage.dave, "You have none.")
    view = stage.workspace.home(stage.dave)
    assert view is not None
    stage.workspace.click_raw(
        stage.dave, view, None, {"actions": [{"action_id": "revoke_all", "value": "99999999999"}]}
    )
    stage.reads(stage.dave, "0 grants of others")
    assert "active until" in stage.say(stage.alice, "list")
