"""A credential that was tried and does not work is never shown: access ends, and people read why and what to do."""

import pytest

from bot.access.errors import Conflict, Fault, Unusable
from bot.access.models.columns import CredentialKind, Delivery
from bot.access.models.messages import MessageKind
from bot.access.requests.drafts import Draft
from bot.access.states import EndReason, GrantState
from tests.fakes import EVERYTHING, OWNER, REQUESTER, SECOND_OWNER, World
from tests.unit.access.grants.test_automatic import flow, live, look

KEY, PASSWORD = CredentialKind.API_KEY, CredentialKind.PASSWORD
KINDS = pytest.mark.parametrize("kind", [PASSWORD, KEY])
REVEALED = EVERYTHING.model_copy(update={"delivery": Delivery.REVEAL})
REFUSED = Unusable("Elasticsearch answered 401 security_exception", Fault.NOT_ACCEPTED)
ENDS = {
    Fault.NOT_ACCEPTED: EndReason.NOT_ACCEPTED,
    Fault.NOT_EVALUATED: EndReason.NOT_EVALUATED,
    Fault.GIVES_LESS: EndReason.GIVES_LESS,
    Fault.NOT_LIMITED: EndReason.NOT_LIMITED,
}


def approved(world: World, kind: CredentialKind) -> str:
    request_id = world.requests.submit(REQUESTER, Draft("logs-*", "1h", kind=kind, again=True)).request.id
    world.approvals.approve(request_id, OWNER)
    return request_id


def shows_a_secret(world: World) -> bool:
    secrets = [*world.cluster.passwords, *(f"secret-of-{each}" for each in world.cluster.made_keys)]
    return any(world.notifier.shows(each) for each in secrets)


@KINDS
@pytest.mark.parametrize("fault", Fault)
def test_it_is_taken_back_at_once_and_everybody_is_told(world: World, kind: CredentialKind, fault: Fault) -> None:
    world.cluster.trying.errors = [Unusable("what is wrong", fault)]
    request_id = approved(world, kind)
    world.work()
    grant = world.grant(request_id)
    assert (grant.state, grant.end_reason) == (GrantState.CLEANED_UP, ENDS[fault])
    assert world.cluster.empty
    assert not world.notifier.sent(MessageKind.CREDENTIAL, "deliver")
    assert set(world.notifier.sent(MessageKind.FAILED)) == {OWNER, SECOND_OWNER}
    assert REQUESTER in world.notifier.sent(MessageKind.ENDED)
    (event,) = [each for each in world.events(request_id) if each.event == "grant.revoking"]
    assert event.detail == {"end": ENDS[fault].value, "error": "what is wrong"}


@KINDS
def test_a_reset_that_makes_nothing_that_works_ends_access(world: World, kind: CredentialKind) -> None:
    request_id = approved(world, kind)
    world.work()
    world.grants.reset(request_id, REQUESTER)
    world.cluster.trying.errors = [REFUSED]
    world.work()
    assert world.grant(request_id).end_reason == EndReason.NOT_ACCEPTED
    assert world.cluster.empty
    assert not shows_a_secret(world)
    assert OWNER in world.notifier.sent(MessageKind.FAILED)


@KINDS
def test_a_reveal_that_makes_nothing_that_works_shows_nothing(world: World, kind: CredentialKind) -> None:
    request_id = approved(world.under(REVEALED), kind)
    world.work()
    world.cluster.trying.errors = [REFUSED]
    with pytest.raises(Conflict, match="ends: the cluster did not accept its credential"):
        world.grants.reveal(request_id, REQUESTER)
    world.work()
    assert world.grant(request_id).state is GrantState.CLEANED_UP
    assert world.cluster.empty


def test_a_password_that_is_to_be_revealed_is_tried_at_the_approval(world: World) -> None:
    world.cluster.trying.errors = [REFUSED]
    request_id = approved(world.under(REVEALED), PASSWORD)
    world.work()
    assert world.grant(request_id).end_reason == EndReason.NOT_ACCEPTED


def test_an_extension_whose_key_does_not_work_ends_access(world: World) -> None:
    request_id = approved(world, KEY)
    world.work()
    world.approvals.approve(world.requests.extend(REQUESTER, request_id, "30m").request.id, OWNER)
    world.cluster.trying.errors = [REFUSED]
    world.work()
    assert world.grant(request_id).end_reason == EndReason.NOT_ACCEPTED
    assert world.cluster.empty


def test_an_automatic_flow_does_not_try_again_at_every_look(world: World) -> None:
    world.directory.people["@oncall"] = ("U0ANA000",)
    world.under(flow())
    world.cluster.trying.errors = [REFUSED]
    look(world)
    look(world)
    assert live(world) == {}
    assert len(world.cluster.passwords) == 1
