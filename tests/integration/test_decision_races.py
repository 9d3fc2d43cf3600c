"""Concurrent approvals, offers and retries, on each database: each approval counts once, for the request as it is."""

from functools import partial

import pytest

from bot.access.errors import Outage
from bot.access.intervals import ROUTE_AGAIN
from bot.access.models.request_details import RequestDetails
from bot.access.policy.access_flow import AccessFlow
from bot.access.requests.counter_offers import OfferTerms
from bot.access.states import RequestState
from tests.fakes import OWNER, REQUESTER, SECOND_OWNER, World
from tests.together import at_once

ROUNDS = 10

THIRD, FOURTH = "U0THIRD", "U0FOURTH"


@pytest.fixture
def teams(world: World) -> World:
    """Two people who own an index each."""
    world.cluster.owners = {"logs-a": (OWNER,), "logs-b": (SECOND_OWNER,)}
    return world.under(AccessFlow(name="each of them"))


def came_since(world: World, number: int) -> None:
    world.cluster.names.append(f"logs-new-{number}")
    world.cluster.owners[f"logs-new-{number}"] = (THIRD,)


def test_of_two_last_yeses_at_once_neither_misses_the_owner_who_came_since(teams: World, other: World) -> None:
    for number in range(ROUNDS):
        teams.cluster.names = ["logs-a", "logs-b"]
        request_id = teams.ask()
        came_since(teams, number)
        done = at_once(
            partial(teams.approvals.approve, request_id, OWNER),
            partial(other.approvals.approve, request_id, SECOND_OWNER),
        )
        assert all(isinstance(each, RequestDetails) for each in done), done
        details = teams.request_details(request_id)
        assert details.request.state is RequestState.PENDING
        assert sorted(each.label for each in details.groups) == sorted([OWNER, SECOND_OWNER, THIRD])
        assert set(details.approvers) == {OWNER, SECOND_OWNER}
        assert teams.audit(request_id).count("request.plan_changed") == 1
        assert teams.approvals.approve(request_id, THIRD).request.state is RequestState.APPROVED


def test_a_yes_as_an_offer_is_accepted_counts_for_what_the_request_became(teams: World, other: World) -> None:
    for _ in range(ROUNDS):
        teams.under(
            AccessFlow(name="two", patterns=("logs-a",), owners=(OWNER, THIRD), approvals=2), AccessFlow(name="wide")
        )
        request_id = teams.ask("logs-*")
        made = teams.offers.make(request_id, OWNER, OfferTerms("logs-a", "read", "1h")).offers[-1].id
        assert made is not None
        at_once(
            partial(teams.offers.accept, made, REQUESTER),
            partial(other.approvals.approve, request_id, SECOND_OWNER),
        )
        details = teams.request_details(request_id)
        assert details.request.state is RequestState.PENDING
        if details.request.patterns == ["logs-a"]:
            assert (details.request.flow, [group.approvals for group in details.groups]) == ("two", [2])
            assert teams.approvals.approve(request_id, THIRD).request.state is RequestState.APPROVED
        else:
            assert set(details.approvers) == {SECOND_OWNER}


def test_what_waited_for_the_cluster_is_completed_once_by_two_processes_and_a_click(teams: World, other: World) -> None:
    teams.cluster.owners = {"logs-a": (OWNER,), "logs-b": (OWNER,)}
    teams.directory.people["@both"] = (OWNER, SECOND_OWNER)
    teams.under(AccessFlow(name="both", owners=("@both",), scope="resolved"))
    ids = []
    for _ in range(ROUNDS):
        request_id = teams.ask()
        teams.cluster.asked.errors = [Outage("no answer")]
        assert teams.approvals.approve(request_id, OWNER).request.route_at is not None
        ids.append(request_id)
    teams.clock.advance(ROUTE_AGAIN)
    at_once(
        teams.requests.route_waiting,
        other.requests.route_waiting,
        *(partial(other.approvals.approve, each, SECOND_OWNER) for each in ids[:3]),
    )
    for request_id in ids:
        assert teams.request_details(request_id).request.state is RequestState.APPROVED
        assert teams.audit(request_id).count("request.approved") == 1
    assert teams.work_grants() == ROUNDS


def test_a_no_ends_what_waits_for_the_cluster_or_comes_too_late(teams: World, other: World) -> None:
    for _ in range(ROUNDS):
        request_id = teams.ask("logs-a")
        teams.cluster.asked.errors = [Outage("no answer")]
        teams.approvals.approve(request_id, OWNER)
        teams.clock.advance(ROUTE_AGAIN)
        at_once(teams.requests.route_waiting, partial(other.approvals.deny, request_id, OWNER))
        details = teams.request_details(request_id)
        assert details.request.state in {RequestState.APPROVED, RequestState.DENIED}
        assert (details.grant is not None) is (details.request.state is RequestState.APPROVED)
