"""A flow can let people file requests for others: both are told, and neither of them approves."""

from datetime import timedelta

import pytest

from bot.access.errors import InvalidRequest, NotAllowed, NotFound
from bot.access.models.messages import MessageKind
from bot.access.policy.access_flow import AccessFlow
from bot.access.requests.drafts import Draft
from bot.access.states import RequestState
from tests.fakes import EVERYTHING, OWNER, REQUESTER, SECOND_OWNER, STRANGER, World

LEAD = "U0LEAD"


@pytest.fixture
def leads(world: World) -> World:
    """Leads may file requests for others."""
    world.directory.people["@leads"] = (LEAD,)
    return world.under(EVERYTHING.model_copy(update={"for_others": ("@leads",)}))


def ask(world: World, asker: str = LEAD, whom: str = REQUESTER) -> str:
    return world.requests.submit(asker, Draft("logs-*", "1h", for_whom=whom)).request.id


def test_it_is_the_other_who_gets_the_credential_and_both_hear_of_the_end(leads: World) -> None:
    request_id = ask(leads)
    request = leads.request_details(request_id).request
    assert (request.requester, request.asked_by) == (REQUESTER, LEAD)
    leads.work()
    assert leads.notifier.sent(MessageKind.ASKED) == [REQUESTER]
    leads.approvals.approve(request_id, OWNER)
    leads.work()
    assert leads.notifier.sent(MessageKind.CREDENTIAL) == [REQUESTER]
    leads.clock.advance(timedelta(hours=1))
    leads.work()
    assert set(leads.notifier.sent(MessageKind.ENDED)) == {REQUESTER, LEAD, OWNER}


@pytest.mark.parametrize("who", [REQUESTER, LEAD])
def test_both_may_take_it_back_and_the_other_hears_of_it(leads: World, who: str) -> None:
    request_id = ask(leads)
    leads.requests.cancel(request_id, who)
    leads.work()
    assert leads.notifier.sent(MessageKind.OUTCOME) == [LEAD if who == REQUESTER else REQUESTER]
    assert leads.history.status(request_id, who).request.state is RequestState.CANCELLED


def test_both_hear_of_a_denial(leads: World) -> None:
    leads.approvals.deny(ask(leads), OWNER, "no")
    leads.work()
    assert sorted(leads.notifier.sent(MessageKind.OUTCOME)) == sorted([REQUESTER, LEAD])


def test_who_is_not_named_does_not_ask_for_others(leads: World) -> None:
    with pytest.raises(NotAllowed, match="does not let you ask for somebody else"):
        ask(leads, STRANGER)
    leads.under(EVERYTHING)
    with pytest.raises(NotAllowed, match="everybody asks for themselves"):
        ask(leads)


def test_it_is_decided_on_what_the_other_may_ask_for(leads: World) -> None:
    leads.directory.people["@team"] = (LEAD,)
    leads.under(AccessFlow(name="team", requesters=("@team",), owners="integration", for_others=True))
    with pytest.raises(NotAllowed, match="No access flow lets"):
        ask(leads)


def test_neither_approves_it(leads: World) -> None:
    leads.directory.people["@owners"] = (LEAD, REQUESTER, OWNER)
    request_id = ask(leads)
    assert leads.request_details(request_id).request.owners == [OWNER]
    for person in (LEAD, REQUESTER):
        with pytest.raises(NotAllowed, match="somebody else has to decide"):
            leads.approvals.approve(request_id, person)


def test_whoever_asks_for_themselves_by_name_asks_as_ever(leads: World) -> None:
    assert leads.request_details(ask(leads, REQUESTER, REQUESTER)).request.asked_by is None


def test_nobody_of_that_name_is_told(leads: World) -> None:
    with pytest.raises(InvalidRequest, match="I cannot find “@nobody” in Slack"):
        ask(leads, whom="@nobody")


def test_a_stranger_sees_nothing_of_it(leads: World) -> None:
    request_id = ask(leads)
    with pytest.raises(NotFound):
        leads.requests.cancel(request_id, STRANGER)


# --- owners who left ---


def test_an_owner_who_left_is_replaced_and_everybody_is_told(world: World) -> None:
    world.directory.people["@owners"] = (OWNER,)
    request_id = world.ask()
    world.work()
    world.directory.people["@owners"] = (OWNER, SECOND_OWNER)
    world.directory.left.add(OWNER)
    world.owner_changes.run_once()
    world.clock.advance(timedelta(seconds=5))
    world.work()
    assert world.notifier.sent(MessageKind.APPROVAL) == [OWNER, SECOND_OWNER]
    assert world.notifier.sent(MessageKind.THREAD) == [OWNER]
    assert world.request_details(request_id).request.owners == [SECOND_OWNER]
    world.owner_changes.run_once()
    assert world.audit(request_id).count("request.owner_left") == 1
    world.approvals.approve(request_id, SECOND_OWNER)


def test_what_nobody_is_left_for_falls_to_the_integration_owner(world: World) -> None:
    world.directory.people["@logs"] = (LEAD,)
    world.cluster.owners = {"logs-a": ("@logs",), "logs-b": ("@logs",), "metrics-a": ("@owners",)}
    request_id = world.under(AccessFlow(name="anything")).ask("*")
    world.directory.left.add(LEAD)
    world.owner_changes.run_once()
    assert set(world.groups(request_id)) == {"@logs, production", "@owners"}
    world.approvals.approve(request_id, OWNER)
    assert world.request_details(request_id).request.state is RequestState.APPROVED


def test_while_nobody_left_nothing_is_written(world: World) -> None:
    request_id = world.ask()
    before = world.request_details(request_id).request.version
    world.owner_changes.run_once()
    assert world.request_details(request_id).request.version == before
