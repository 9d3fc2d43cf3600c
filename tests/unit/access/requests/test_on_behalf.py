"""A flow can let people file requests for others: both are told, and neither of them approves."""

from datetime import timedelta

import pytest

from bot.access.errors import AccessError, InvalidRequest, NotAllowed, NotFound, Outage
from bot.access.lookup.home_tab import HomeTabs, Section
from bot.access.models.messages import MessageKind
from bot.access.policy.access_flow import AccessFlow
from bot.access.requests.counter_offers import OfferTerms
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


@pytest.mark.parametrize("owners", [(REQUESTER,), (LEAD,), (LEAD, REQUESTER)])
def test_with_no_owner_beside_the_two_it_is_refused(leads: World, owners: tuple[str, ...]) -> None:
    leads.directory.people["@owners"] = owners
    with pytest.raises(AccessError, match=f"no owner beside you and <@{REQUESTER}>"):
        ask(leads)


def test_who_is_not_named_does_not_ask_for_others(leads: World) -> None:
    with pytest.raises(NotAllowed, match="does not let you ask for somebody else"):
        ask(leads, STRANGER)
    leads.under(EVERYTHING)
    with pytest.raises(NotAllowed, match="everybody asks for themselves"):
        ask(leads)


def test_nobody_of_another_workspace_asks_for_others_or_is_asked_for(leads: World) -> None:
    leads.directory.outsiders.add(LEAD)
    for asker, whom in ((LEAD, REQUESTER), (REQUESTER, LEAD)):
        with pytest.raises(NotAllowed, match="Only people of this Slack workspace"):
            ask(leads, asker, whom)


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


# --- for the life of the grant ---


def granted(world: World) -> str:
    """Access that LEAD asked for and REQUESTER holds; both and OWNER own the data."""
    world.directory.people["@owners"] = (LEAD, REQUESTER, OWNER)
    request_id = ask(world)
    world.approvals.approve(request_id, OWNER)
    world.work()
    return request_id


def extend(world: World, request_id: str) -> str:
    return world.requests.extend(REQUESTER, request_id, "30m").request.id


def test_who_asked_first_is_not_asked_about_an_extension_and_does_not_decide_it(leads: World) -> None:
    request_id = granted(leads)
    for _ in range(2):  # the extension of an extended grant as well
        extension = extend(leads, request_id)
        assert leads.request_details(extension).request.owners == [OWNER]
        for decide in (leads.approvals.approve, leads.approvals.deny):
            with pytest.raises(NotAllowed, match=f"You asked for {request_id} yourself"):
                decide(extension, LEAD)
        with pytest.raises(NotAllowed):
            leads.offers.make(extension, LEAD, OfferTerms("logs-*", "read", "10m"))
        assert (
            HomeTabs(leads.store, leads.directory, leads.current, leads.clock)
            .read(LEAD)
            .pages[Section.WAITING]
            .requests
            == []
        )
        leads.approvals.approve(extension, OWNER)
        leads.work()


def test_an_extension_that_only_who_asked_first_could_approve_is_refused(leads: World) -> None:
    request_id = granted(leads)
    leads.directory.people["@owners"] = (LEAD,)
    with pytest.raises(AccessError, match="Nobody can approve this"):
        extend(leads, request_id)


def test_an_extension_that_waited_for_the_cluster_is_not_decided_by_who_asked_first(leads: World) -> None:
    request_id = granted(leads)
    leads.directory.asked.errors = [Outage("Slack is away")]
    extension = extend(leads, request_id)
    leads.clock.advance(timedelta(minutes=1))
    leads.requests.route_waiting()
    assert leads.request_details(extension).request.owners == [OWNER]


def test_an_offer_on_an_extension_keeps_who_asked_first_out(leads: World) -> None:
    request_id = granted(leads)
    leads.directory.people["@owners"] = (LEAD, REQUESTER, OWNER, SECOND_OWNER)
    leads.under(EVERYTHING.model_copy(update={"for_others": ("@leads",), "approvals": 2}))
    extension = extend(leads, request_id)
    leads.offers.make(extension, OWNER, OfferTerms("logs-*", "read", "10m"))
    (offer,) = leads.request_details(extension).offers
    leads.offers.accept(offer.id or 0, REQUESTER)
    assert all(LEAD not in group.asked for group in leads.groups(extension).values())
    with pytest.raises(NotAllowed):
        leads.approvals.approve(extension, LEAD)


def test_who_asked_first_is_not_asked_when_an_extension_escalates_or_an_owner_leaves(leads: World) -> None:
    flow = {"for_others": ("@leads",), "escalation": {"after": timedelta(minutes=5), "to": "@heads"}}
    leads.under(AccessFlow(name="anything", owners="integration", **flow))
    leads.directory.people["@heads"] = (LEAD, SECOND_OWNER)
    request_id = granted(leads)
    extension = extend(leads, request_id)
    leads.directory.people["@owners"] = (LEAD, STRANGER)
    leads.owner_changes.run_once()
    assert leads.request_details(extension).request.owners == [STRANGER]
    for _ in range(2):
        leads.clock.advance(timedelta(minutes=5))
        leads.approvals.escalate_due()
    assert leads.request_details(extension).request.owners == [STRANGER, SECOND_OWNER]


def test_self_approval_lets_who_asked_first_decide_an_extension_too(leads: World) -> None:
    leads.under(EVERYTHING.model_copy(update={"for_others": ("@leads",), "self_approval": True}))
    extension = extend(leads, granted(leads))
    assert leads.approvals.approve(extension, LEAD).request.state is RequestState.APPROVED


def test_the_requester_says_who_asks_for_an_extension_and_is_the_one_who_hears_of_it(leads: World) -> None:
    extension = extend(leads, granted(leads))
    request = leads.request_details(extension).request
    assert (request.requester, request.asked_by) == (REQUESTER, None)
    leads.approvals.deny(extension, OWNER)
    leads.work()
    assert leads.notifier.sent(MessageKind.OUTCOME) == [REQUESTER]


@pytest.mark.parametrize("extended", [False, True])
def test_who_asked_takes_back_live_access(leads: World, extended: bool) -> None:
    request_id = granted(leads)
    if extended:
        leads.approvals.approve(extend(leads, request_id), OWNER)
    leads.directory.people["@owners"] = (OWNER,)
    assert leads.history.status(request_id, LEAD).grant is not None
    assert request_id in [each.request.id for each in leads.history.mine(LEAD)]
    leads.grants.revoke(request_id, LEAD)
    leads.work()
    leads.clock.advance(timedelta(seconds=5))
    leads.work()
    assert leads.cluster.empty
    assert leads.grant(request_id).ended_by == LEAD
    assert set(leads.notifier.sent(MessageKind.ENDED)) == {REQUESTER, LEAD, OWNER}


def test_who_asked_takes_back_the_extension_that_waits(leads: World) -> None:
    extension = extend(leads, granted(leads))
    leads.requests.cancel(extension, LEAD)
    leads.work()
    assert leads.notifier.sent(MessageKind.OUTCOME) == [REQUESTER]


def test_who_asked_gets_neither_the_secret_nor_more_time(leads: World) -> None:
    request_id = granted(leads)
    for act in (leads.grants.reset, leads.grants.reveal, lambda grant, who: leads.requests.extend(who, grant, "1h")):
        with pytest.raises(NotFound):
            act(request_id, LEAD)


def test_who_asked_for_break_glass_access_reviews_neither_it_nor_decides_its_extension(leads: World) -> None:
    emergency = AccessFlow(name="emergency", break_glass=True, for_others=True, owners="integration")
    leads.under(emergency, EVERYTHING)
    leads.directory.people["@owners"] = (LEAD, OWNER)
    draft = Draft("logs-*", "1h", reason="down", for_whom=REQUESTER, break_glass=True)
    request_id = leads.requests.submit(LEAD, draft).request.id
    leads.work()
    extension = extend(leads, request_id)
    assert leads.request_details(extension).request.owners == [OWNER]
    with pytest.raises(NotAllowed):
        leads.break_glass.review(request_id, LEAD)
    with pytest.raises(NotAllowed):
        leads.approvals.approve(extension, LEAD)


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
