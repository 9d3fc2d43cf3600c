"""Slack Enterprise Grid and Slack Connect: everybody of our organisation is served, nobody else, and all are told."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from bot.sandbox.node import Node
from bot.sandbox.workspace import SlackMessage, User, View
from tests.stage import Stage, request_id, set_stage

ELSEWHERE = "T0ELSEWHERE"
OTHER_ORGANISATION = "E0OTHER"
REFUSED = "Only people of this Slack workspace can use es-access"

FLOWS = """
access_flows:
  - name: everyone
    for_others: true
    owners: ["bob@example.com", "@data-owners"]
    patterns: ["logs-*"]
  - name: by owner
    for_others: true
"""


@pytest.fixture(params=["socket", "http"])
def grid(request: pytest.FixtureRequest, node: Node, tmp_path: Path) -> Iterator[Stage]:
    """A workspace of an organisation, once in each delivery mode. Over HTTP the app is installed for all of it."""
    with ExitStack() as stack:
        over_http = request.param == "http"
        stage = set_stage(node, tmp_path, stack, http=over_http, policy=lambda _: FLOWS)
        stage.workspace.join_organisation(org_wide=over_http)
        stage.app.start()
        yield stage


def colleague(stage: Stage, name: str = "erin") -> User:
    """Somebody at home in another workspace of our organisation."""
    return stage.workspace.add_user(name, team=ELSEWHERE, organisation=stage.workspace.organisation)


def foreigner(stage: Stage, name: str = "mallory") -> User:
    """Somebody of another organisation, in a channel that is shared with it."""
    person = stage.workspace.add_user(name, team="T0MALLORY", organisation=OTHER_ORGANISATION)
    stage.workspace.add_channel(f"shared-{name}", [person, stage.alice])
    return person


def form(stage: Stage, person: User) -> View:
    return stage.wait(lambda: stage.workspace.views(person), f"a form for {person.name}")[-1]


def shown_in_home(stage: Stage, person: User) -> str:
    view = stage.workspace.home(person)
    return stage.workspace.render(view, person) if view else ""


def test_a_colleague_at_home_in_another_workspace_decides_asks_and_sends_forms(grid: Stage) -> None:
    erin = colleague(grid)
    grid.workspace.set_group("data-owners", [erin])
    grid.node.client().indices.put_mapping(index="metrics-cpu", meta={"owner": "@data-owners"})
    try:
        request = grid.ask("metrics-cpu 1h")
        grid.approve(request, erin)
        grid.secret(request)
        denied = grid.ask("metrics-cpu 1h")
        grid.workspace.click(erin, grid.approval(erin, denied), "Deny")
        grid.workspace.submit(erin, form(grid, erin), {})
        grid.reads(grid.alice, denied, "DENIED")
    finally:
        grid.node.client().indices.put_mapping(index="metrics-cpu", meta={})
    assert grid.ask("logs-* 1h", erin)
    grid.workspace.open_home(erin)
    grid.wait(lambda: "ELASTICSEARCH ACCESS" in shown_in_home(grid, erin), "a Home tab")
    assert request_id(grid.say(grid.alice, "logs-* 1h --for @erin"))
    assert grid.audit("access.refused") == []


def test_somebody_of_another_organisation_is_told_wherever_they_try(grid: Stage) -> None:
    mallory = foreigner(grid)
    request = grid.ask("logs-* 1h")
    approval = grid.approval(grid.bob, request)
    assert REFUSED in grid.say(mallory, "logs-* 1h")
    answer = grid.answer_to(mallory, lambda: grid.workspace.click_raw(mallory, approval, "Approve"))
    assert REFUSED in answer
    before = len(grid.texts(mallory))
    grid.workspace.shortcut(mallory, "ask")
    grid.wait(lambda: len(grid.texts(mallory)) > before and REFUSED in grid.texts(mallory)[-1], "an answer")
    grid.workspace.open_home(mallory)
    grid.wait(lambda: REFUSED in shown_in_home(grid, mallory), "a Home tab that says so")
    grid.wait(lambda: len(grid.audit("access.refused")) == 4, "all of them in the audit")
    assert grid.audit("request.approved") == []
    assert len(grid.audit("request.submitted")) == 1


def test_a_form_that_somebody_of_another_organisation_sends_says_so(grid: Stage) -> None:
    """They were a colleague when it was opened."""
    erin = colleague(grid)
    grid.workspace.set_group("data-owners", [erin])
    grid.workspace.click_raw(erin, grid.approval(grid.bob, grid.ask("logs-* 1h")), "Deny")
    opened = form(grid, erin)
    grid.workspace.transfer(erin, OTHER_ORGANISATION)
    grid.app.stop()
    grid.app.start()  # forgets the cached answers about them
    delivery = grid.workspace.submit(erin, opened, {})
    assert delivery.error is None
    assert REFUSED in grid.workspace.render(form(grid, erin), erin)
    assert len(grid.audit("access.refused")) == 1
    assert grid.audit("request.denied") == []


def test_access_for_somebody_of_another_organisation_is_refused(grid: Stage) -> None:
    mallory = foreigner(grid)
    for typed in ("@mallory", mallory.id, mallory.email):
        answer = grid.say(grid.alice, f"logs-* 1h --for {typed}")
        assert "is filed" not in answer
    assert grid.audit("request.submitted") == []


def test_an_owner_of_another_organisation_is_not_asked(grid: Stage) -> None:
    mallory = foreigner(grid)
    for owner in (mallory.id, mallory.email):
        grid.node.client().indices.put_mapping(index="metrics-cpu", meta={"owner": owner})
        try:
            request = grid.ask("metrics-cpu 1h")
            message: SlackMessage = grid.approval(grid.bob, request)
            assert "@mallory" not in grid.read(message, grid.bob)
        finally:
            grid.node.client().indices.put_mapping(index="metrics-cpu", meta={})
    assert grid.texts(mallory) == []
