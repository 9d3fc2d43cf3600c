"""Who the owners are now, and that the integration owners stand in wherever nobody else is left."""

from collections.abc import Callable, Sequence

import pytest

from bot.access.models.requests import AskedGroup
from bot.access.owners import MOST_ASKED, group_owners, integration_owners, is_owner_of, notified_owners
from bot.access.policy.access_flow import AccessFlow
from bot.access.requests.drafts import Draft
from tests.fakes import OWNER, REQUESTER, SECOND_OWNER, STRANGER, World

LEFT, WEB = "U0LEFT", "U0WEB1"


@pytest.fixture
def teams(world: World) -> World:
    """Resources of a team with one member, who may leave."""
    world.directory.people["@web"] = (LEFT,)
    world.cluster.owners = {"logs-a": ("@web",), "logs-b": ("@web",)}
    return world.under(AccessFlow(name="anything"))


def group(*owners: str) -> AskedGroup:
    return AskedGroup(request_id="REQ-000001", label="", owners=list(owners))


@pytest.mark.parametrize(
    ("person", "groups", "is_owner"),
    [
        (OWNER, (), True),
        (LEFT, (), False),
        (LEFT, (group("@web"),), True),
        (WEB, (group("@web"), group(WEB)), True),
        (STRANGER, (group("@web"),), False),
    ],
)
def test_owners_of_a_request_are_those_of_its_integration_and_groups(
    teams: World, person: str, groups: Sequence[AskedGroup], is_owner: bool
) -> None:
    integration = teams.current.policy.find_integration("production")
    assert is_owner_of(teams.directory, integration, groups, person) is is_owner


def test_owners_are_looked_up_anew(teams: World) -> None:
    assert group_owners(teams.directory, group("@web")) == (LEFT,)
    teams.directory.people["@web"] = (WEB,)
    assert group_owners(teams.directory, group("@web"), group(OWNER)) == (WEB, OWNER)


def test_an_integration_that_was_removed_has_no_owners(teams: World) -> None:
    assert teams.current.policy.find_integration("another") is None
    assert integration_owners(teams.directory, None) == ()


def test_only_the_first_owners_get_a_message(teams: World) -> None:
    teams.directory.people["@owners"] = tuple(f"U0OWNER{number}" for number in range(MOST_ASKED + 1))
    integration = teams.current.policy.integrations[0]
    assert len(integration_owners(teams.directory, integration)) == MOST_ASKED + 1
    assert len(notified_owners(teams.directory, integration)) == MOST_ASKED


def asked_at_filing(world: World) -> Sequence[str]:
    world.directory.left.add(LEFT)
    return world.request_details(world.ask()).request.owners


def asked_when_the_last_owner_left(world: World) -> Sequence[str]:
    request_id = world.ask()
    world.directory.left.add(LEFT)
    world.owner_changes.run_once()
    return world.request_details(request_id).request.owners


def asked_to_review(world: World) -> Sequence[str]:
    world.under(AccessFlow(name="glass", break_glass=True))
    draft = Draft("logs-*", "1h", reason="INC-1", break_glass=True)
    request = world.requests.submit(REQUESTER, draft).request
    world.directory.left.add(LEFT)
    return world.break_glass._reviewers(request)


def told_of_what_a_rule_approves(world: World) -> Sequence[str]:
    world.under(AccessFlow(name="anything", approve="rule"))
    return world.request_details(world.ask()).request.owners


def told_of_automatic_grants(world: World) -> Sequence[str]:
    world.under(AccessFlow(name="anything", automatic=True, requesters=(REQUESTER,)))
    world.automatic.run_once()
    with world.store.reading() as read:
        (details,) = read.automatic_grants()
    return details.request.owners


@pytest.mark.parametrize(
    "step",
    [
        asked_at_filing,
        asked_when_the_last_owner_left,
        asked_to_review,
        told_of_what_a_rule_approves,
        told_of_automatic_grants,
    ],
)
def test_the_integration_owners_stand_in(teams: World, step: Callable[[World], Sequence[str]]) -> None:
    assert list(step(teams)) == [OWNER, SECOND_OWNER]
