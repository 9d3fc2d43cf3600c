"""An owner may offer less than a request asks for, and the requester may accept."""

from datetime import timedelta

import pytest

from bot.access.errors import AccessError, Conflict, InvalidRequest, NotAllowed, NotFound, RequestField
from bot.access.models.counter_offers import OfferState
from bot.access.models.messages import MessageKind
from bot.access.policy.access_flow import AccessFlow
from bot.access.policy.model import Permission
from bot.access.requests.counter_offers import OfferTerms
from bot.access.requests.drafts import Draft
from bot.access.states import RequestState
from tests.fakes import EVERYTHING, OWNER, REQUESTER, SECOND_OWNER, STRANGER, World

LESS = OfferTerms("logs-a", "read", "30m")
HOUR = timedelta(hours=1)


def offer(world: World, request_id: str, terms: OfferTerms = LESS, owner: str = OWNER) -> int:
    made = world.offers.make(request_id, owner, terms).offers[-1].id
    assert made is not None
    return made


def write_request(world: World, permission: str = "write") -> str:
    return world.requests.submit(REQUESTER, Draft("logs-*", "1h", permission, again=True)).request.id


def test_what_is_accepted_is_what_is_granted_and_no_more(world: World) -> None:
    request_id = write_request(world)
    details = world.offers.accept(offer(world, request_id), REQUESTER)
    assert details.request.state is RequestState.APPROVED
    assert (details.request.decided_by, details.approvers) == (OWNER, (OWNER,))
    world.work()
    (role,) = world.cluster.roles.values()
    assert (role.patterns, role.privileges.indices) == (("logs-a",), ("read", "view_index_metadata"))
    assert world.grant(request_id).expires_at == world.clock.now() + timedelta(minutes=30)
    assert details.request.preview is not None
    assert details.request.preview["names"] == ["logs-a"]
    assert world.audit(request_id)[1:5] == [
        "request.offer_made", "request.narrowed", "request.offer_accepted", "request.approved",
    ]  # fmt: skip


def test_the_requester_hears_of_an_offer_and_every_copy_shows_it(world: World) -> None:
    request_id = world.ask()
    world.work_messages()
    offer(world, request_id)
    world.work_messages()
    assert world.notifier.sent(MessageKind.OFFER) == [REQUESTER]
    assert world.notifier.sent(MessageKind.APPROVAL, "edit") == [OWNER, SECOND_OWNER]


def test_declined_the_request_goes_on_as_it_was(world: World) -> None:
    request_id = world.ask()
    details = world.offers.decline(offer(world, request_id), REQUESTER)
    assert (details.request.state, details.request.patterns) == (RequestState.PENDING, ["logs-*"])
    assert world.approvals.approve(request_id, SECOND_OWNER).request.state is RequestState.APPROVED


@pytest.mark.parametrize(
    ("terms", "why"),
    [
        (OfferTerms("metrics-a", "read", "30m"), "is not part of"),
        (OfferTerms("*", "read", "30m"), "is not part of"),
        (OfferTerms("logs-*", "read", "2h"), "offer that or less"),
        (OfferTerms("logs-*", "write", "30m"), "write is not less than read"),
        (OfferTerms("logs-*", "read", "1h"), "all that"),
        (OfferTerms("logs-*", "read", "never"), "is not a duration"),
        (OfferTerms("", "read", "30m"), "empty pattern"),
        (OfferTerms("logs-a", "root", "30m"), "is not a permission"),
        (OfferTerms("logs-gone", "read", "30m"), "matches nothing"),
    ],
)
def test_only_less_can_be_offered(world: World, terms: OfferTerms, why: str) -> None:
    request_id = world.ask()
    with pytest.raises(AccessError, match=why) as refused:
        world.offers.make(request_id, OWNER, terms)
    assert refused.value.example is None, "an offer is no command"
    assert world.request_details(request_id).offers == ()


@pytest.mark.parametrize(
    ("terms", "part"),
    [
        (OfferTerms("logs-a", "read", "2h"), RequestField.DURATION),
        (OfferTerms("logs-a", "read", "soon"), RequestField.DURATION),
        (OfferTerms("", "read", "30m"), RequestField.PATTERNS),
        (OfferTerms("metrics-a", "read", "30m"), RequestField.PATTERNS),
        (OfferTerms("logs-a", "manage", "30m"), RequestField.PERMISSION),
        (OfferTerms("logs-*", "read", "1h"), RequestField.DURATION),
    ],
)
def test_an_offer_above_the_request_is_about_one_of_its_parts(
    world: World, terms: OfferTerms, part: RequestField
) -> None:
    request_id = world.ask()
    with pytest.raises(AccessError) as refused:
        world.offers.check(request_id, OWNER, terms)
    assert refused.value.about is part
    world.offers.check(request_id, OWNER, LESS)
    with pytest.raises(NotFound) as unknown:
        world.offers.check(request_id, STRANGER, terms)
    assert unknown.value.about is None


def test_a_permission_is_less_where_every_privilege_is_included(world: World) -> None:
    world.with_permissions(
        Permission(name="everything", indices=("all",)), Permission(name="append", indices=("create_doc",))
    )
    names = [each.name for each in world.current.policy.permissions]
    offered = {
        name: set(world.offers.options(write_request(world, name), OWNER).permissions) - {name} for name in names
    }
    assert offered == {
        "read": set(),
        "write": {"read", "append"},
        "manage": {"read", "write", "append"},
        "everything": {"read", "write", "manage", "append"},
        "append": set(),
    }


def test_only_an_owner_offers_and_only_the_requester_answers(world: World) -> None:
    request_id = world.ask()
    with pytest.raises(NotFound):
        world.offers.make(request_id, STRANGER, LESS)
    with pytest.raises(NotAllowed):
        world.offers.make(request_id, REQUESTER, LESS)
    made = offer(world, request_id)
    for person in (OWNER, STRANGER):
        with pytest.raises(NotFound):
            world.offers.accept(made, person)
        with pytest.raises(NotFound):
            world.offers.decline(made, person)
    with pytest.raises(NotFound):
        world.offers.accept(made + 1000, REQUESTER)


def test_another_offer_of_the_same_owner_takes_the_place_of_the_first(world: World) -> None:
    request_id = world.ask()
    first, second = offer(world, request_id), offer(world, request_id, OfferTerms("logs-b", "read", "10m"))
    with pytest.raises(Conflict, match="another offer since"):
        world.offers.accept(first, REQUESTER)
    assert world.offers.accept(second, REQUESTER).request.patterns == ["logs-b"]


def test_of_two_offers_the_one_that_was_not_accepted_lapses(world: World) -> None:
    request_id = world.ask()
    first, second = offer(world, request_id), offer(world, request_id, LESS, SECOND_OWNER)
    world.offers.accept(first, REQUESTER)
    with pytest.raises(Conflict, match="already approved"):
        world.offers.accept(second, REQUESTER)
    with pytest.raises(Conflict, match="already approved"):
        world.offers.decline(second, REQUESTER)


def test_an_offer_of_somebody_who_may_not_decide_any_more_does_not_stand(world: World) -> None:
    request_id = world.ask()
    made = offer(world, request_id)
    world.directory.people["@owners"] = (SECOND_OWNER,)
    with pytest.raises(Conflict, match="may not decide"):
        world.offers.accept(made, REQUESTER)
    assert world.request_details(request_id).request.state is RequestState.PENDING


@pytest.mark.parametrize("end", ["cancelled", "denied", "expired"])
def test_an_offer_ends_with_its_request(world: World, end: str) -> None:
    request_id = world.ask()
    made = offer(world, request_id)
    if end == "cancelled":
        world.requests.cancel(request_id, REQUESTER)
    elif end == "denied":
        world.approvals.deny(request_id, SECOND_OWNER)
    else:
        world.clock.advance(world.current.policy.pending_for)
    with pytest.raises(Conflict, match=end):
        world.offers.accept(made, REQUESTER)
    assert world.request_details(request_id).request.state.value == end


def test_what_the_policy_would_not_allow_any_more_is_not_accepted(world: World) -> None:
    request_id = world.ask()
    made = offer(world, request_id)
    world.under(EVERYTHING, AccessFlow(name="closed", deny=True, patterns=("logs-a",)))
    with pytest.raises(NotAllowed, match="closed"):
        world.offers.accept(made, REQUESTER)
    assert world.request_details(request_id).offers[0].state is OfferState.OPEN


@pytest.fixture
def teams(world: World) -> World:
    """Logs and metrics have different owners."""
    world.directory.people |= {"@logs": (OWNER,), "@metrics": (SECOND_OWNER,)}
    world.cluster.owners = {"logs-a": ("@logs",), "logs-b": ("@logs",), "metrics-a": ("@metrics",)}
    return world.under(AccessFlow(name="anything"))


def test_the_other_owners_decide_about_what_was_accepted(teams: World) -> None:
    request_id = teams.ask("*")
    details = teams.offers.accept(offer(teams, request_id, OfferTerms("logs-a,metrics-a", "read", "1h")), REQUESTER)
    assert (details.request.state, details.request.patterns) == (RequestState.PENDING, ["logs-a", "metrics-a"])
    teams.approvals.approve(request_id, SECOND_OWNER)
    assert teams.request_details(request_id).request.state is RequestState.APPROVED


def test_who_owns_nothing_of_what_was_accepted_is_not_needed(teams: World) -> None:
    request_id = teams.ask("*")
    assert set(teams.groups(request_id)) == {"@logs", "@metrics"}
    details = teams.offers.accept(offer(teams, request_id, OfferTerms("logs-*", "read", "1h")), REQUESTER)
    assert details.request.state is RequestState.APPROVED
    assert set(teams.groups(request_id)) == {"@logs"}


def test_an_approval_of_more_holds_for_what_is_left(teams: World) -> None:
    request_id = teams.ask("*")
    teams.approvals.approve(request_id, SECOND_OWNER)
    details = teams.offers.accept(offer(teams, request_id, OfferTerms("*", "read", "10m")), REQUESTER)
    assert details.request.state is RequestState.APPROVED


def test_an_owner_who_keeps_what_is_not_theirs_out_does_not_decide_for_others(teams: World) -> None:
    request_id = teams.ask("*")
    details = teams.offers.accept(offer(teams, request_id, OfferTerms("metrics-a", "read", "1h")), REQUESTER)
    assert details.request.state is RequestState.PENDING, "it is the business of @metrics"
    assert teams.approvals.approve(request_id, SECOND_OWNER).request.state is RequestState.APPROVED


def test_of_an_extension_a_shorter_time_can_be_offered_alone(world: World) -> None:
    request_id = world.granted()
    end = world.grant(request_id).expires_at
    extension = world.requests.extend(REQUESTER, request_id, "30m").request.id
    with pytest.raises(InvalidRequest, match="shorter time is all"):
        world.offers.make(extension, OWNER, OfferTerms("logs-a", "read", "10m"))
    world.offers.accept(offer(world, extension, OfferTerms("logs-*", "read", "10m")), REQUESTER)
    assert world.grant(request_id).expires_at == end + timedelta(minutes=10)


def test_the_choices_are_what_was_asked_for_and_what_it_matches(world: World) -> None:
    options = world.offers.options(write_request(world), OWNER)
    assert options.permissions == ("write", "read")
    assert options.names == ("logs-*", "logs-a", "logs-b")


def test_an_offer_on_resolved_names_is_within_them(world: World) -> None:
    world.under(AccessFlow(name="exactly", owners="integration", scope="resolved"))
    world.cluster.aliases["app-now"] = ("logs-b",)
    request_id = world.ask("app-now,logs-a")
    assert world.request_details(request_id).request.resolved == ["logs-a", "logs-b"]
    with pytest.raises(InvalidRequest, match="covers exactly these names: logs-a, logs-b"):
        world.offers.make(request_id, OWNER, OfferTerms("app-now", "read", "30m"))
    shorter = offer(world, request_id, OfferTerms("app-now,logs-a", "read", "30m"))
    assert world.offers.accept(shorter, REQUESTER).request.resolved == ["logs-a", "logs-b"]
    request_id = world.ask("logs-*")
    world.cluster.names.append("logs-c")  # it came after the request, so nobody was asked about it
    shorter = offer(world, request_id, OfferTerms("logs-*", "read", "30m"))
    assert world.offers.accept(shorter, REQUESTER).request.resolved == ["logs-a", "logs-b"]
    request_id = world.ask("logs-*")
    narrower = offer(world, request_id, OfferTerms("logs-a*", "read", "30m"))
    assert world.offers.accept(narrower, REQUESTER).request.resolved == ["logs-a"]
