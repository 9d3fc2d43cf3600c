"""Break-glass, through Slack's protocols: given at once, told, ended by an owner, reviewed, and reminded until then."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from bot.sandbox.node import Node
from bot.sandbox.workspace import Channel, SlackMessage, User, Workspace
from tests.scenario.test_form import shows as form_shows
from tests.scenario.test_home import click, home
from tests.scenario.test_home import shows as home_shows
from tests.scenario.test_races import at_once
from tests.stage import Stage, request_id, set_stage

OK, FORBIDDEN = 200, 403

DAY = 24 * 3600

Opened = Callable[..., tuple[Stage, Channel]]


def flows(workspace: Workspace) -> str:
    """An everyday flow that `bob` decides, and an emergency flow that notifies `bob` and `carol`."""
    bob, carol = (each.id for each in workspace.people if each.name in {"bob", "carol"})
    return f"""
access_flows:
  - name: everyday
    owners: integration
  - name: emergency
    break_glass: true
    owners: [{bob}, {carol}]
    permissions: [read, write]
    max_duration: 1h
    channel: "#security"
"""


@pytest.fixture
def opened(node: Node, tmp_path: Path) -> Iterator[Opened]:
    """Starts a stage with these flows and the channel."""
    with ExitStack() as stack:

        def start(*, http: bool = False) -> tuple[Stage, Channel]:
            stage = set_stage(node, tmp_path, stack, http=http, policy=flows)
            channel = stage.workspace.add_channel("security", [stage.bob, stage.dave])
            stage.app.start()
            return stage, channel

        yield start


def copy(stage: Stage, where: User | Channel, reader: User, *words: str) -> SlackMessage:
    """The message in the channel that contains all these words."""

    def find() -> SlackMessage | None:
        found = (each for each in stage.workspace.messages(where) if all(w in stage.read(each, reader) for w in words))
        return next(found, None)

    return stage.wait(find, f"{where.name} having {words}")


@pytest.mark.parametrize("http", [False, True], ids=["socket", "http"])
def test_it_is_given_at_once_told_ended_and_reviewed(opened: Opened, http: bool) -> None:
    stage, security = opened(http=http)
    explained = stage.say(stage.alice, "explain logs-* 1h --break-glass the site is down")
    assert "An owner reviews it afterwards" in explained
    assert "Nothing was filed" in explained
    answer = stage.say(stage.alice, "logs-* 1h --break-glass the <site> is down")
    assert "tells @bob, @carol and #security" in answer
    request = request_id(answer)
    secret = stage.secret(request)
    assert stage.search(secret, "logs-web") == OK
    assert stage.search(secret, "metrics-cpu") == FORBIDDEN
    for where, reader in ((stage.bob, stage.bob), (stage.carol, stage.carol), (security, stage.dave)):
        text = stage.read(copy(stage, where, reader, f"BREAK-GLASS: {request}", "@alice has read"), reader)
        assert "without approval" in text
        assert "Reason: the <site> is down" in text
        assert "[ Reviewed ]" in text
    # In the channel stands somebody who is no owner.
    there = partial(copy, stage, security, stage.dave, request)
    stage.workspace.click(stage.dave, there(), "Reviewed")
    stage.hears(stage.dave, f"I know no request {request} of yours")
    stage.workspace.click(stage.bob, there(), "Revoke")
    stage.refused(secret)
    copy(stage, security, stage.dave, request, "@alice had read", "Ended: revoked by @bob", "[ Reviewed ]")
    stage.workspace.click(stage.carol, copy(stage, stage.carol, stage.carol, request, "Ended"), "Reviewed")
    for where, reader in ((stage.bob, stage.bob), (stage.carol, stage.carol), (security, stage.dave)):
        words = (f"BREAK-GLASS {request}: REVIEWED", "Reviewed by @carol on")
        if reader is stage.carol:
            words = (words[0], "Reviewed by")
        text = stage.read(copy(stage, where, reader, *words), reader)
        assert "[ Reviewed ]" not in text
        assert "[ Revoke ]" not in text
    stage.nothing_is_left()


@pytest.mark.parametrize("http", [False, True], ids=["socket", "http"])
def test_the_form_has_a_box_for_it_and_the_home_tab_and_the_status_say_whether_it_was_reviewed(
    opened: Opened, http: bool
) -> None:
    stage, _ = opened(http=http)
    workspace = stage.workspace
    workspace.command(stage.alice, "/es-access", "logs-* 1h --break-glass")
    form_shows(stage, "needs a reason", "It is an emergency", "tells @bob, @carol and #security")
    # Left alone, it is asked for as every day.
    workspace.click(stage.alice, workspace.views(stage.alice)[-1], "emergency", [])
    form_shows(stage, "Would ask 1 owner: @bob.")
    workspace.click(stage.alice, workspace.views(stage.alice)[-1], "emergency", ["emergency"])
    form_shows(stage, "Break-glass: it approves at once")
    workspace.submit(stage.alice, workspace.views(stage.alice)[-1], {"reason": "the site is down"})
    answer = stage.reads(stage.alice, "is filed", "An owner reviews it afterwards")
    request = request_id(answer)
    assert stage.search(stage.secret(request), "logs-web") == OK
    assert "Break-glass: no owner has reviewed it yet." in stage.say(stage.alice, f"status {request}")
    home(stage, stage.carol)
    home_shows(stage, stage.carol, request, "no owner has reviewed it yet", "[ Reviewed ]")
    click(stage, stage.carol, "Reviewed")
    home_shows(stage, stage.carol, request, "Reviewed by @carol", without="[ Reviewed ]")
    assert "Reviewed by @carol on" in stage.say(stage.alice, f"status {request}")


def test_owners_are_reminded_after_a_day_also_after_a_restart(opened: Opened) -> None:
    stage, security = opened()
    request = request_id(stage.say(stage.alice, "logs-* 1h --break-glass the site is down"))
    copy(stage, stage.carol, stage.carol, f"BREAK-GLASS: {request}")
    stage.app.stop()
    stage.app.start()
    stage.app.move_clock(DAY + 60)
    again = copy(stage, stage.carol, stage.carol, f"STILL TO REVIEW: BREAK-GLASS {request}", "Ended: expired")
    copy(stage, stage.bob, stage.bob, f"STILL TO REVIEW: BREAK-GLASS {request}")
    stage.app.stop()
    stage.app.start()
    stage.workspace.click(stage.carol, again, "Reviewed")
    copy(stage, security, stage.dave, f"BREAK-GLASS {request}: REVIEWED")
    stage.wait(lambda: not any("[ Reviewed ]" in each for each in stage.texts(stage.bob)), "both copies of bob's")
    assert len(stage.audit("request.review_reminded")) == 1
    assert len(stage.audit("request.reviewed")) == 1


def test_two_owners_review_at_once_and_the_other_is_told_who_was_first(opened: Opened) -> None:
    stage, _ = opened()
    request = request_id(stage.say(stage.alice, "logs-* 1h --break-glass the site is down"))
    first, second = (copy(stage, each, each, f"BREAK-GLASS: {request}") for each in (stage.bob, stage.carol))
    at_once(
        partial(stage.workspace.click_raw, stage.bob, first, "Reviewed"),
        partial(stage.workspace.click_raw, stage.carol, second, "Reviewed"),
    )
    copy(stage, stage.bob, stage.bob, f"BREAK-GLASS {request}: REVIEWED")
    told = stage.wait(
        lambda: [stage.read(each, who) for who in (stage.bob, stage.carol) for each in stage.workspace.ephemerals(who)],
        "an answer to who was second",
    )
    assert len(told) == 1
    assert f"{request} was already reviewed by" in told[0]
    assert len(stage.audit("request.reviewed")) == 1
