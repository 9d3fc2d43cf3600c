"""A cluster that is gone for good: its grants are over without a confirmation, and nothing tries any more."""

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select

from bot.access.errors import Outage
from bot.access.grants.write_off import TOGETHER, WriteOff
from bot.access.models.audit import AuditEvent
from bot.access.models.messages import MessageKind
from bot.access.models.requests import AccessRequest
from bot.access.states import GrantState, RequestState
from bot.access.store.gauges import gauges
from tests.fakes import OWNER, PRODUCTION, REQUESTER, SECOND_OWNER, World
from tests.rows import new_grant
from tests.unit.access.grants.test_reconciliation import LATER, reconcile, there

ADMINISTRATOR = "root@host"
GONE_FOR_GOOD = [Outage("no answer")] * 1000
DAY = timedelta(days=1)


def write_off(world: World, integration: str = PRODUCTION.name) -> set[str]:
    """Writes it off, and returns the ids of the requests whose end was never confirmed."""
    return {each.request.id for each in WriteOff(world.store, world.clock).write_off(integration, ADMINISTRATOR)}


def details_of(world: World, event: str) -> list[dict[str, Any]]:
    with world.store.reading() as read:
        return [each.detail for each in read._session.exec(select(AuditEvent).where(AuditEvent.event == event))]


def stuck(world: World) -> str:
    """A grant whose end the cluster never confirms."""
    request_id = world.granted()
    world.cluster.removing.errors = list(GONE_FOR_GOOD)
    world.grants.revoke(request_id, REQUESTER)
    for _ in range(5):
        world.work()
        world.clock.advance(timedelta(minutes=2))
    assert world.state(request_id) is GrantState.REVOCATION_FAILED
    return request_id


def test_what_could_not_be_ended_is_written_off_and_left_alone(world: World) -> None:
    request_id = stuck(world)
    tries = len(world.cluster.removing.errors)
    assert write_off(world) == {request_id}
    grant = world.grant(request_id)
    assert (grant.state, grant.due_at, grant.ended_at, grant.claimed_by) == (GrantState.WRITTEN_OFF, None, None, None)
    assert world.audit(request_id)[-1] == "grant.written_off"
    assert details_of(world, "integration.written_off") == [{"integration": PRODUCTION.name, "grants": 1}]
    world.clock.advance(DAY)
    world.work()
    assert len(world.cluster.removing.errors) == tries, "nobody asks the cluster again"
    assert sum(gauges(world.store.engine, None).grants.values()) == 0
    assert not WriteOff(world.store, world.clock).open_grants()


def test_everybody_hears_what_was_never_confirmed(world: World) -> None:
    request_id = stuck(world)
    password = world.cluster.passwords[0]
    write_off(world)
    world.work()
    assert sorted(world.notifier.sent(MessageKind.ENDED)) == sorted({REQUESTER, OWNER, SECOND_OWNER})
    assert world.notifier.shows(f"failed {request_id} approved written_off"), "in the place of the alarm"
    assert not world.notifier.shows(password)


def test_grants_of_every_state_come_to_the_same_end(world: World) -> None:
    made = world.granted()
    world.cluster.removing.errors = list(GONE_FOR_GOOD)
    world.cluster.creating.errors = list(GONE_FOR_GOOD)
    making = world.approved()
    ending = world.granted()
    world.grants.revoke(ending, REQUESTER)
    assert write_off(world) == {made, making, ending}
    for name, reason in ((made, "its cluster was written off"), (ending, "revoked")):
        assert (world.state(name), world.grant(name).end_reason) == (GrantState.WRITTEN_OFF, reason)
        assert world.audit(name)[-3:] == ["grant.revoking", "grant.revocation_failed", "grant.written_off"]
    assert world.state(making) is GrantState.WRITTEN_OFF
    world.clock.advance(DAY)
    world.work()
    assert {world.state(name) for name in (made, making, ending)} == {GrantState.WRITTEN_OFF}


def test_a_worker_that_was_on_it_changes_nothing_any_more(world: World) -> None:
    request_id = stuck(world)
    world.clock.advance(DAY)
    claimed = world.claim_grants()
    write_off(world)
    world.cluster.removing.errors = []
    world.work_on(*claimed)
    grant = world.grant(request_id)
    assert (grant.state, grant.due_at) == (GrantState.WRITTEN_OFF, None)


def test_a_kept_user_is_not_waited_for_either(world: World) -> None:
    world.current.policy = world.current.policy.model_copy(
        update={"integrations": (PRODUCTION.model_copy(update={"user_cleanup_days": 7}),)}
    )
    request_id = world.granted()
    world.grants.revoke(request_id, REQUESTER)
    world.work()
    assert (world.state(request_id), world.grant(request_id).due_at is None) == (GrantState.REVOKED, False)
    heard = len(world.notifier.sent(MessageKind.ENDED))
    assert write_off(world) == {request_id}
    assert (world.state(request_id), world.grant(request_id).due_at) == (GrantState.REVOKED, None)
    assert world.audit(request_id)[-1] == "grant.deletion_written_off"
    world.work()
    assert len(world.notifier.sent(MessageKind.ENDED)) == heard, "its end was confirmed long ago"


def test_requests_that_wait_for_it_are_cancelled_and_say_why(world: World) -> None:
    granted, pending = world.granted(), world.ask()
    write_off(world)
    with world.store.reading() as read:
        request = read.request(pending)
    assert isinstance(request, AccessRequest)
    assert (request.state, request.decision_reason) == (
        RequestState.CANCELLED, f"The cluster {PRODUCTION.name} is gone for good.",
    )  # fmt: skip
    assert world.state(granted) is GrantState.WRITTEN_OFF
    world.work()
    assert world.notifier.sent(MessageKind.OUTCOME) == [REQUESTER]


def test_other_clusters_are_left_alone(world: World) -> None:
    request_id = world.granted()
    assert write_off(world, "another") == set()
    assert world.state(request_id) is GrantState.ACTIVE
    assert WriteOff(world.store, world.clock).open_grants() == {PRODUCTION.name: 1}


def test_many_grants_take_several_transactions(world: World) -> None:
    names = {new_grant(world.store, None).id for _ in range(2 * TOGETHER + 1)}
    assert write_off(world, "production") == names


def test_a_cluster_that_comes_back_is_cleaned_and_what_was_written_off_stays_so(world: World) -> None:
    request_id = stuck(world)
    write_off(world)
    world.cluster.removing.errors = []
    world.cluster.there = [there(world, request_id)]
    world.clock.advance(LATER)
    assert reconcile(world).changes == {"found_again": 1}
    world.work()
    assert world.cluster.empty
    grant = world.grant(request_id)
    assert (grant.state, grant.due_at) == (GrantState.WRITTEN_OFF, None)
    assert world.audit(request_id)[-2:] == ["grant.found_again", "grant.removed_again"]


@pytest.mark.parametrize("again", [1, 2])
def test_it_may_be_run_again_after_it_was_interrupted(world: World, again: int) -> None:
    request_id = stuck(world)
    first = write_off(world)
    for _ in range(again):
        assert write_off(world) == set()
    assert first == {request_id}
