"""Concurrent counter-offers, duplicate requests and warnings, on each database: one of each is kept."""

from datetime import timedelta
from functools import partial

from bot.access.errors import Conflict
from bot.access.models.counter_offers import OfferState
from bot.access.models.messages import MessageKind
from bot.access.models.request_details import RequestDetails
from bot.access.requests.counter_offers import OfferTerms
from bot.access.requests.drafts import Draft
from bot.access.requests.service import Submission
from bot.access.states import RequestState
from tests.fakes import OWNER, REQUESTER, SECOND_OWNER, World
from tests.integration.test_races import won_and_lost
from tests.plans import plan_of
from tests.together import at_once

ROUNDS = 15

LESS = OfferTerms("logs-a", "read", "30m")


def offer(world: World, request_id: str, owner: str = OWNER, terms: OfferTerms = LESS) -> int:
    made = world.offers.make(request_id, owner, terms).offers[-1].id
    assert made is not None
    return made


def test_the_same_request_twice_at_once_is_filed_once(world: World, other: World) -> None:
    for number in range(ROUNDS):
        world.cluster.names.append(f"new-{number}")
        draft = Draft(f"new-{number}", "1h")
        filed = at_once(*[partial(each.requests.submit, REQUESTER, draft) for each in (world, other, world, other)])
        assert all(isinstance(each, Submission) for each in filed), filed
        found = [each for each in filed if isinstance(each, Submission)]
        assert len({each.request.id for each in found}) == 1
        assert len([each for each in found if each.duplicate is None]) == 1


def test_no_more_wait_at_once_than_may_wait(world: World, other: World) -> None:
    world.current.policy = world.current.policy.model_copy(update={"pending_per_person": 2})
    draft = Draft("logs-*", "1h", again=True)
    done = at_once(*[partial(each.requests.submit, REQUESTER, draft) for each in (world, other) * 3])
    assert len([each for each in done if isinstance(each, Submission)]) == 2


def test_an_offer_is_accepted_or_the_request_is_denied(world: World, other: World) -> None:
    seen = set()
    for _ in range(ROUNDS):
        request_id = world.ask()
        made = offer(world, request_id)
        (won,), (lost,) = won_and_lost(
            at_once(
                partial(world.offers.accept, made, REQUESTER),
                partial(other.approvals.deny, request_id, SECOND_OWNER),
            )
        )
        seen.add(won.request.state)
        details = world.request_details(request_id)
        assert details.request.state is won.request.state
        assert (details.grant is not None) is (won.request.state is RequestState.APPROVED)
        assert f"already {won.request.state.value}" in lost.message
    assert seen <= {RequestState.APPROVED, RequestState.DENIED}


def test_an_offer_is_accepted_or_declined(world: World, other: World) -> None:
    for _ in range(ROUNDS):
        request_id = world.ask()
        made = offer(world, request_id)
        done = at_once(partial(world.offers.accept, made, REQUESTER), partial(other.offers.decline, made, REQUESTER))
        won = [each for each in done if isinstance(each, RequestDetails)]
        (lost,) = [each for each in done if isinstance(each, Conflict)]
        assert len(won) == 1, lost
        state = world.request_details(request_id).offers[0].state
        assert (state is OfferState.ACCEPTED) is (world.request_details(request_id).grant is not None)


def test_of_two_offers_that_are_accepted_at_once_one_is(world: World, other: World) -> None:
    for _ in range(ROUNDS):
        request_id = world.ask()
        first = offer(world, request_id)
        second = offer(world, request_id, SECOND_OWNER, OfferTerms("logs-b", "read", "10m"))
        (won,), _ = won_and_lost(
            at_once(partial(world.offers.accept, first, REQUESTER), partial(other.offers.accept, second, REQUESTER))
        )
        states = sorted(each.state for each in world.request_details(request_id).offers)
        assert states == [OfferState.ACCEPTED, OfferState.OPEN]
        assert won.request.patterns in (["logs-a"], ["logs-b"])


def test_an_approval_of_all_and_an_acceptance_of_less_come_to_one_grant(world: World, other: World) -> None:
    for _ in range(ROUNDS):
        request_id = world.ask()
        made = offer(world, request_id)
        (won,), _ = won_and_lost(
            at_once(
                partial(world.offers.accept, made, REQUESTER),
                partial(other.approvals.approve, request_id, SECOND_OWNER),
            )
        )
        grant = world.grant(request_id)
        assert grant.expires_at - grant.created_at == won.request.length
        assert won.request.patterns == (["logs-a"] if won.request.decided_by == OWNER else ["logs-*"])


def test_two_processes_send_one_note_and_replace_an_owner_once(world: World, other: World) -> None:
    granted = [world.granted() for _ in range(5)]
    pending = world.ask()
    world.clock.advance(timedelta(minutes=51))
    at_once(world.expiry_warnings.run_once, other.expiry_warnings.run_once, world.expiry_warnings.run_once)
    world.work()
    assert world.notifier.sent(MessageKind.WARNING) == [REQUESTER] * len(granted)
    world.directory.left.add(OWNER)
    at_once(world.owner_changes.run_once, other.owner_changes.run_once)
    assert world.audit(pending).count("request.owner_left") == 1


def test_however_many_grants_live_the_notes_that_are_due_are_found_by_their_own_index(world: World) -> None:
    plan = plan_of(world.store, lambda read: read.grants_to_warn(world.clock.now(), 100))
    assert "access_grant_warning" in plan
