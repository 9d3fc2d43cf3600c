"""Access to a part of the fields and documents: as a permission says, or as an owner offers."""

import json
from datetime import timedelta

import pytest

from bot.access.errors import AccessError, Conflict, InvalidRequest, NotAllowed, Outage, RequestField
from bot.access.models.columns import CredentialKind
from bot.access.models.limits import Limits
from bot.access.policy.access_flow import AccessFlow
from bot.access.policy.limits.fields import FieldLimits
from bot.access.policy.limits.query import canonical, since
from bot.access.policy.model import PERMISSIONS, Permission
from bot.access.requests.counter_offers import OfferTerms
from bot.access.requests.drafts import Draft
from bot.access.states import RequestState
from tests.fakes import OWNER, REQUESTER, SECOND_OWNER, FakeClock, World
from tests.unit.access.requests.test_counter_offers import offer, write_request

ERRORS = canonical({"term": {"level": "error"}})
MASKED = Permission(name="masked", indices=("read",), fields=FieldLimits(hidden=("ssn",)), query=ERRORS)
HIDDEN = OfferTerms("logs-*", "read", "1h", hidden="ssn, card.*", recent=True)
GIVEN = Limits(hidden=("ssn", "card.*"), query=since(FakeClock().now() - timedelta(days=1)))
"""What the offer gives: a role cannot reckon from the current time, so from the time of the offer."""


@pytest.fixture
def masked(world: World) -> World:
    """Offers `masked` besides the built-in permissions."""
    return world.with_permissions(MASKED)


def ask(world: World, permission: str, kind: CredentialKind | None = None) -> str:
    return world.requests.submit(REQUESTER, Draft("logs-*", "1h", permission, kind=kind)).request.id


def given(world: World) -> list[Limits]:
    return [each.privileges.limits for each in world.cluster.roles.values()]


def test_the_role_has_the_limits_that_were_approved_whatever_the_policy_says_since(masked: World) -> None:
    request_id = ask(masked, "masked")
    masked.with_permissions(MASKED.model_copy(update={"query": ""}))
    masked.approvals.approve(request_id, OWNER)
    masked.work()
    assert given(masked) == [MASKED.limits]


def test_limits_that_have_come_since_do_not_stay_away(masked: World) -> None:
    request_id = ask(masked, "masked")
    masked.with_permissions(MASKED.model_copy(update={"fields": FieldLimits(hidden=("ssn", "card"))}))
    with pytest.raises(NotAllowed, match="no longer gives what was asked for"):
        masked.approvals.approve(request_id, OWNER)


def test_a_request_that_waits_for_the_cluster_keeps_its_limits(masked: World) -> None:
    masked.cluster.asked.errors = [Outage("away")] * 9
    request_id = ask(masked, "masked")
    masked.cluster.asked.errors = []
    masked.with_permissions(MASKED.model_copy(update={"query": ""}))
    masked.clock.advance(timedelta(minutes=5))
    masked.requests.route_waiting()
    masked.approvals.approve(request_id, OWNER)
    masked.work()
    assert given(masked) == [MASKED.limits]


def test_a_cluster_that_cannot_limit_is_named_at_the_request_and_at_the_yes(masked: World) -> None:
    request_id = ask(masked, "masked")
    masked.cluster.can_limit = False
    with pytest.raises(NotAllowed, match="the licence of the cluster has no field and document level security"):
        masked.approvals.approve(request_id, OWNER)
    with pytest.raises(NotAllowed, match="production cannot give a part of its data alone") as refused:
        ask(masked, "masked")
    assert refused.value.about is RequestField.PERMISSION
    ask(masked, "write")


def test_who_has_a_part_asks_for_the_whole_and_not_the_other_way_round(masked: World) -> None:
    first = ask(masked, "masked")
    assert masked.requests.submit(REQUESTER, Draft("logs-*", "1h", "masked")).duplicate is not None
    whole = masked.requests.submit(REQUESTER, Draft("logs-*", "1h"))
    assert whole.duplicate is None
    assert masked.requests.submit(REQUESTER, Draft("logs-*", "1h", "masked")).request.id in {first, whole.request.id}


def test_deny_of_read_denies_limited_reading(masked: World) -> None:
    deny = AccessFlow(name="no reading", deny=True, permissions=("read",))
    masked.current.policy = masked.current.policy.model_copy(
        update={"access_flows": (*masked.current.policy.access_flows, deny)}
    )
    with pytest.raises(NotAllowed, match="“no reading” forbids it"):
        ask(masked, "masked")


def test_what_an_owner_hides_is_hidden_once_the_requester_accepts(world: World) -> None:
    request_id = world.ask()
    made = offer(world, request_id, HIDDEN)
    details = world.offers.accept(made, REQUESTER)
    assert details.request.state is RequestState.APPROVED
    world.work()
    assert given(world) == [GIVEN]
    (event,) = [each for each in world.events(request_id) if each.event == "grant.active"]
    assert {key: event.detail[key] for key in ("fields", "query")} == GIVEN.stored()
    (told,) = [each for each in world.events(request_id) if each.event == "request.offer_made"]
    assert {key: told.detail[key] for key in ("fields", "query")} == GIVEN.stored()


def test_what_was_hidden_stays_hidden_with_more_time_and_a_fresh_secret(world: World) -> None:
    request_id = world.requests.submit(REQUESTER, Draft("logs-*", "1h", kind=CredentialKind.API_KEY)).request.id
    world.offers.accept(offer(world, request_id, HIDDEN), REQUESTER)
    world.work()
    seen: list[Limits] = []
    world.cluster.before_create = lambda spec: seen.append(spec.privileges.limits)
    extension = world.requests.extend(REQUESTER, request_id, "1h").request
    assert Limits.restored(extension.privileges) == GIVEN
    world.approvals.approve(extension.id, OWNER)
    world.work()
    world.grants.reset(request_id, REQUESTER)
    world.work()
    assert seen
    assert set(seen) == {GIVEN}


def test_an_extension_that_waits_for_the_cluster_keeps_what_was_hidden(world: World) -> None:
    request_id = world.ask()
    world.offers.accept(offer(world, request_id, HIDDEN), REQUESTER)
    world.work()
    world.cluster.asked.errors = [Outage("away")] * 9
    extension = world.requests.extend(REQUESTER, request_id, "1h").request
    world.cluster.asked.errors = []
    world.clock.advance(timedelta(minutes=5))
    world.requests.route_waiting()
    found = world.request_details(extension.id).request
    assert (found.state, Limits.restored(found.privileges)) == (RequestState.PENDING, GIVEN)


def test_another_owner_approves_what_was_accepted(world: World) -> None:
    world.under(AccessFlow(name="two", owners="integration", approvals=2, permissions=("read", "write")))
    request_id = world.ask()
    world.offers.accept(offer(world, request_id, HIDDEN), REQUESTER)
    world.approvals.approve(request_id, SECOND_OWNER)
    world.work()
    assert given(world) == [GIVEN]


def test_an_offer_adds_to_the_limits_of_the_permission(masked: World) -> None:
    request_id = ask(masked, "masked")
    terms = OfferTerms("logs-*", "masked", "1h", hidden="card", recent=True)
    masked.offers.accept(offer(masked, request_id, terms), REQUESTER)
    masked.work()
    both = canonical({"bool": {"filter": [json.loads(ERRORS), json.loads(GIVEN.query)]}})
    assert given(masked) == [Limits(hidden=("ssn", "card"), query=both)]


@pytest.mark.parametrize(
    ("terms", "why", "part"),
    [
        (OfferTerms("logs-*", "write", "1h", hidden="ssn"), "write cannot be given in part", RequestField.PERMISSION),
        (
            OfferTerms("logs-*", "read", "1h", hidden="_id"),
            "“_id” is one of Elasticsearch's own fields",
            RequestField.FIELDS,
        ),
        (OfferTerms("logs-*", "read", "1h", hidden="*"), "hides everything", RequestField.FIELDS),
        (OfferTerms("logs-*", "write", "1h"), "all that", RequestField.DURATION),
    ],
)
def test_what_cannot_be_hidden_is_said_at_its_part(
    world: World, terms: OfferTerms, why: str, part: RequestField
) -> None:
    request_id = write_request(world)
    for action in (world.offers.check, world.offers.make):
        with pytest.raises(AccessError, match=why) as refused:
            action(request_id, OWNER, terms)
        assert refused.value.about is part
    world.offers.check(request_id, OWNER, OfferTerms("logs-*", "read", "1h", hidden="ssn"))


def test_to_hide_what_is_hidden_already_is_no_offer(masked: World) -> None:
    request_id = ask(masked, "masked")
    with pytest.raises(Conflict, match="all that"):
        masked.offers.make(request_id, OWNER, OfferTerms("logs-*", "masked", "1h", hidden="ssn"))


def test_an_extension_is_offered_for_less_time_alone(world: World) -> None:
    request_id = world.ask()
    world.approvals.approve(request_id, OWNER)
    world.work()
    extension = world.requests.extend(REQUESTER, request_id, "1h").request.id
    assert not world.offers.options(extension, OWNER).limitable
    with pytest.raises(InvalidRequest, match="a shorter time is all"):
        world.offers.make(extension, OWNER, OfferTerms("logs-*", "read", "30m", hidden="ssn"))


def test_the_window_has_no_such_fields_where_the_cluster_cannot_limit(world: World) -> None:
    request_id = write_request(world)
    assert world.offers.options(request_id, OWNER).limitable, "with read it can"
    world.cluster.can_limit = False
    assert not world.offers.options(request_id, OWNER).limitable
    with pytest.raises(NotAllowed, match="no field and document level security"):
        world.offers.make(request_id, OWNER, HIDDEN)


def test_the_built_in_permissions_have_no_limits() -> None:
    assert not any(each.limits for each in PERMISSIONS)
