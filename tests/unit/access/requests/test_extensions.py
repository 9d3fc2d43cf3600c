"""A live grant can be extended by an owner's decision."""

from datetime import timedelta

import pytest

from bot.access.errors import Conflict, InvalidRequest, NotAllowed
from bot.access.models.messages import MessageKind
from bot.access.policy.access_flow import AccessFlow
from bot.access.requests.drafts import Draft
from bot.access.states import GrantState, RequestState
from tests.fakes import OWNER, REQUESTER, SECOND_OWNER, STRANGER, World

HOUR = timedelta(hours=1)


def test_an_extension_prolongs_the_grant_from_its_end(world: World) -> None:
    request_id = world.granted()
    end = world.grant(request_id).expires_at
    extension = world.requests.extend(REQUESTER, request_id, "30m").request
    world.work_messages()
    assert world.notifier.sent(MessageKind.APPROVAL) == [OWNER, SECOND_OWNER] * 2
    world.approvals.approve(extension.id, OWNER)
    assert world.work_grants() == 1, "the cluster is told"
    assert world.cluster.roles[world.grant(request_id).username].expires_at == end + timedelta(minutes=30)
    world.clock.time = end
    assert world.work_grants() == 0
    assert world.grant(request_id).state is GrantState.ACTIVE
    world.clock.advance(timedelta(minutes=30))
    assert world.work_grants() == 1
    assert world.grant(request_id).state is GrantState.CLEANED_UP
    assert world.cluster.empty


def test_extension_is_told_and_audited_on_the_grant(world: World) -> None:
    request_id = world.granted()
    extension = world.requests.extend(REQUESTER, request_id, "30m").request
    world.approvals.approve(extension.id, OWNER)
    world.work_messages()
    assert world.notifier.sent(MessageKind.OUTCOME) == [REQUESTER]
    assert "grant.extended" in world.audit(request_id)
    with world.store.reading() as read:
        assert read.grant(extension.id) is None


def test_a_second_extension_waits_for_the_first(world: World) -> None:
    request_id = world.granted()
    first = world.requests.extend(REQUESTER, request_id, "30m").request
    with pytest.raises(Conflict, match=f"{first.id} is waiting for an owner"):
        world.requests.extend(REQUESTER, request_id, "30m")
    world.approvals.deny(first.id, OWNER)
    assert world.requests.extend(REQUESTER, request_id, "30m").request.state is RequestState.PENDING


def test_what_has_ended_or_not_begun_cannot_be_extended(world: World) -> None:
    pending = world.ask()
    ended = world.granted()
    world.grants.revoke(ended, REQUESTER)
    for request_id in (pending, ended):
        with pytest.raises(Conflict, match="is not active, so it cannot be extended"):
            world.requests.extend(REQUESTER, request_id, "30m")


def test_self_approval_of_an_extension_is_refused(world: World) -> None:
    extension = world.requests.extend(REQUESTER, world.granted(), "30m").request
    with pytest.raises(NotAllowed):
        world.approvals.approve(extension.id, REQUESTER)


def test_a_pending_extension_is_cancelled_and_told_when_the_grant_ends(world: World) -> None:
    request_id = world.granted()
    extension = world.requests.extend(REQUESTER, request_id, "30m").request
    world.clock.advance(HOUR)
    world.work()
    assert world.request_details(extension.id).request.state is RequestState.CANCELLED
    assert world.notifier.sent(MessageKind.OUTCOME) == [REQUESTER]
    with pytest.raises(Conflict, match="already cancelled"):
        world.approvals.approve(extension.id, OWNER)


def test_an_extension_does_not_revive_a_grant_whose_time_is_over(world: World) -> None:
    request_id = world.granted()
    extension = world.requests.extend(REQUESTER, request_id, "3h").request
    world.clock.advance(HOUR)  # no worker has handled it yet
    with pytest.raises(Conflict, match=f"{request_id} has ended meanwhile"):
        world.approvals.approve(extension.id, OWNER)
    world.work()
    assert world.grant(request_id).state is GrantState.CLEANED_UP


def test_revoking_an_extension_names_the_grant(world: World) -> None:
    request_id = world.granted()
    extension = world.requests.extend(REQUESTER, request_id, "30m").request
    world.approvals.approve(extension.id, OWNER)
    with pytest.raises(Conflict, match=f"only extends {request_id}"):
        world.grants.revoke(extension.id, REQUESTER)


def test_however_often_it_is_extended_it_reaches_no_further_than_one_request_may(world: World) -> None:
    world.under(AccessFlow(name="short", approve="rule", max_duration=2 * HOUR))
    request_id = world.ask(duration="1h")
    world.work()
    world.requests.extend(REQUESTER, request_id, "1h")
    for _ in range(5):
        with pytest.raises(InvalidRequest, match="allows 2h at a time"):
            world.requests.extend(REQUESTER, request_id, "1h")
    assert world.grant(request_id).expires_at == world.clock.now() + 2 * HOUR
    world.clock.advance(HOUR)
    world.requests.extend(REQUESTER, request_id, "1h")
    assert world.grant(request_id).expires_at == world.clock.now() + 2 * HOUR


def test_what_would_be_given_differently_today_is_not_prolonged(world: World) -> None:
    request_id = world.granted()
    world.under(AccessFlow(name="exact", scope="resolved", owners="integration"))
    with pytest.raises(Conflict, match="Ask for access anew"):
        world.requests.extend(REQUESTER, request_id, "30m")


@pytest.mark.parametrize("typed", ["1x", "10s", "9d"])
def test_the_example_for_a_bad_duration_is_an_extension(world: World, typed: str) -> None:
    request_id = world.granted()
    with pytest.raises(InvalidRequest) as refused:
        world.requests.extend(REQUESTER, request_id, typed)
    assert refused.value.example == f"/es-access extend {request_id} 1h"


# --- extensions by rule -----------------------------------------------------------------------------------------------

SHORT = {
    "break-glass": AccessFlow(name="emergency", break_glass=True, max_duration=HOUR),
    "by rule": AccessFlow(name="short", approve="rule", max_duration=HOUR),
    "by others": AccessFlow(name="others", owners=(STRANGER,), max_duration=HOUR),
}


@pytest.mark.parametrize("first", SHORT.values(), ids=SHORT)
def test_a_rule_extends_only_what_was_approved_under_the_same_flow(world: World, first: AccessFlow) -> None:
    """Its owners said yes at first, so that nobody has to for more time. Of other access they have never heard."""
    world.under(first, AccessFlow(name="owned", owners="integration", extend="rule", max_duration=timedelta(days=7)))
    draft = Draft("logs-*", "1h", reason="INC-1", break_glass=first.break_glass)
    request_id = world.requests.submit(REQUESTER, draft).request.id
    if first.owners == (STRANGER,):
        world.approvals.approve(request_id, STRANGER)
    world.work()
    assert world.state(request_id) is GrantState.ACTIVE
    extension = world.requests.extend(REQUESTER, request_id, "2d").request
    assert world.request_details(extension.id).request.state is RequestState.PENDING
    assert world.request_details(extension.id).request.flow == "owned"
    world.approvals.approve(extension.id, OWNER)
    again = world.requests.extend(REQUESTER, request_id, "1d").request
    assert world.request_details(again.id).request.state is RequestState.PENDING
