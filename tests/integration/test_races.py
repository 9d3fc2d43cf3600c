"""Two concurrent actions, on each database: exactly one wins, and the other gets an error."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from bot.access.errors import Conflict, Outage
from bot.access.intervals import ROUTE_AGAIN
from bot.access.models.messages import Message, MessageKind
from bot.access.models.request_details import RequestDetails
from bot.access.policy.access_flow import AccessFlow, Escalation
from bot.access.states import GrantState, RequestState
from bot.access.store.store import Store
from tests.fakes import OWNER, REQUESTER, SECOND_OWNER, World
from tests.together import at_once

ROUNDS = 25
"""Rounds of each race: enough to see either outcome."""

OTHER = "U0OTHER"

NEVER = datetime(9999, 1, 1, tzinfo=UTC)


def renew(store: Store, claimed: Sequence[Message]) -> None:
    with store.writing() as write:
        write.renew_claims(claimed, NEVER)


def won_and_lost(outcomes: list[object]) -> tuple[list[RequestDetails], list[Conflict]]:
    won = [each for each in outcomes if isinstance(each, RequestDetails)]
    lost = [each for each in outcomes if isinstance(each, Conflict)]
    assert len(won) + len(lost) == len(outcomes)
    return won, lost


def test_of_two_owners_who_approve_at_once_one_wins_and_the_other_is_told_who(world: World, other: World) -> None:
    for _ in range(ROUNDS):
        request_id = world.ask()
        (won,), (lost,) = won_and_lost(
            at_once(
                partial(world.approvals.approve, request_id, OWNER),
                partial(other.approvals.approve, request_id, SECOND_OWNER),
            )
        )
        assert lost.message == f"{request_id} was already approved by <@{won.request.decided_by}>. Nothing was changed."
        assert len(won.approvals) == 1
        assert world.audit(request_id) == ["request.submitted", "request.approved"]
    assert world.work_grants() == ROUNDS


def test_double_click_approves_once(world: World) -> None:
    for _ in range(ROUNDS):
        request_id = world.ask()
        click = partial(world.approvals.approve, request_id, OWNER)
        won, lost = won_and_lost(at_once(click, click, click))
        assert len(won) == 1
        assert {each.message for each in lost} == {
            f"{request_id} was already approved by <@{OWNER}>. Nothing was changed."
        }


def test_approve_and_deny_at_once_is_one_of_the_two_in_every_row(world: World, other: World) -> None:
    seen = set()
    for _ in range(ROUNDS):
        request_id = world.ask()
        (won,), (lost,) = won_and_lost(
            at_once(
                partial(world.approvals.approve, request_id, OWNER),
                partial(other.approvals.deny, request_id, SECOND_OWNER, "no"),
            )
        )
        details = world.request_details(request_id)
        seen.add(details.request.state)
        assert details.request.state is won.request.state
        assert f"already {details.request.state.value} by <@{details.request.decided_by}>" in lost.message
        assert (details.grant is not None) == (details.request.state is RequestState.APPROVED)
        assert [each.approver for each in details.approvals] == [details.request.decided_by]
    assert seen <= {RequestState.APPROVED, RequestState.DENIED}


def test_approve_and_cancel_at_once_leave_one_end(world: World, other: World) -> None:
    for _ in range(ROUNDS):
        request_id = world.ask()
        won, lost = won_and_lost(
            at_once(
                partial(world.approvals.approve, request_id, OWNER),
                partial(other.requests.cancel, request_id, REQUESTER),
            )
        )
        assert (len(won), len(lost)) == (1, 1)
        assert len(world.audit(request_id)) == 2


def test_of_two_who_revoke_at_once_one_ends_it(world: World, other: World) -> None:
    for _ in range(ROUNDS // 2):
        request_id = world.granted()
        (won,), (lost,) = won_and_lost(
            at_once(
                partial(world.grants.revoke, request_id, REQUESTER),
                partial(other.grants.revoke, request_id, OWNER),
            )
        )
        assert lost.message == f"{request_id} has already ended. Nothing was changed."
        assert won.grant is not None
        world.work_grants()
        assert world.audit(request_id).count("grant.revoking") == 1
    assert world.cluster.empty


def test_revoke_during_the_making_always_ends_with_nothing_left(world: World, other: World) -> None:
    for _ in range(ROUNDS // 2):
        request_id = world.ask()
        world.approvals.approve(request_id, OWNER)
        at_once(world.work_grants, partial(other.grants.revoke, request_id, REQUESTER))
        world.work()
        assert world.grant(request_id).state is GrantState.CLEANED_UP
        assert world.cluster.empty
    assert not any(world.notifier.shows(password) for password in world.cluster.passwords)


def test_an_extension_approved_as_the_grant_is_revoked_is_one_or_the_other(world: World, other: World) -> None:
    for _ in range(ROUNDS):
        request_id = world.granted()
        extension = world.requests.extend(REQUESTER, request_id, "30m").request.id
        at_once(
            partial(world.approvals.approve, extension, OWNER),
            partial(other.grants.revoke, request_id, REQUESTER),
        )
        # The revocation always takes effect, even right after an extension.
        assert world.grant(request_id).state is GrantState.REVOKING
        prolonged = "grant.extended" in world.audit(request_id)
        ended = RequestState.APPROVED if prolonged else RequestState.CANCELLED
        assert world.request_details(extension).request.state is ended


# --- several owner groups ---


@pytest.fixture
def teams(world: World) -> World:
    """Two owners, both of whom must approve."""
    world.cluster.owners = {"logs-a": (OWNER,), "logs-b": (SECOND_OWNER,)}
    return world.under(AccessFlow(name="each of them"))


def test_owners_of_different_groups_who_approve_at_once_make_one_grant(teams: World, other: World) -> None:
    for _ in range(ROUNDS):
        request_id = teams.ask()
        won, lost = won_and_lost(
            at_once(
                partial(teams.approvals.approve, request_id, OWNER),
                partial(other.approvals.approve, request_id, SECOND_OWNER),
            )
        )
        assert (len(won), lost) == (2, [])
        assert sorted(len(each.approvals) for each in won) == [1, 2]  # the second saw what the first had said
        assert teams.audit(request_id) == ["request.submitted", "request.approval_given", "request.approved"]
    assert teams.work_grants() == ROUNDS


def test_the_last_yes_and_a_no_at_once_are_one_of_the_two(teams: World, other: World) -> None:
    for _ in range(ROUNDS):
        request_id = teams.ask()
        teams.approvals.approve(request_id, OWNER)
        (won,), (lost,) = won_and_lost(
            at_once(
                partial(teams.approvals.approve, request_id, SECOND_OWNER),
                partial(other.approvals.deny, request_id, OWNER),
            )
        )
        details = teams.request_details(request_id)
        assert details.request.state is won.request.state
        assert (details.grant is not None) == (details.request.state is RequestState.APPROVED)
        assert f"already {details.request.state.value}" in lost.message


def test_owners_who_approve_an_extension_at_once_as_its_grant_is_revoked_never_wait_for_each_other(
    teams: World, other: World
) -> None:
    for _ in range(ROUNDS):
        request_id = teams.ask()
        for owner in (OWNER, SECOND_OWNER):
            teams.approvals.approve(request_id, owner)
        teams.work_grants()
        extension = teams.requests.extend(REQUESTER, request_id, "30m").request.id
        at_once(
            partial(teams.approvals.approve, extension, OWNER),
            partial(other.approvals.approve, extension, SECOND_OWNER),
            partial(other.grants.revoke, request_id, REQUESTER),
        )
        assert teams.grant(request_id).state is GrantState.REVOKING
        prolonged = teams.audit(request_id).count("grant.extended")
        ended = RequestState.APPROVED if prolonged else RequestState.CANCELLED
        assert teams.request_details(extension).request.state is ended
        assert prolonged <= 1


def test_a_request_that_waited_is_asked_about_once_by_two_processes(teams: World, other: World) -> None:
    ids = []
    for _ in range(ROUNDS):
        teams.cluster.asked.errors = [Outage("no answer")]
        ids.append(teams.ask())
    teams.clock.advance(ROUTE_AGAIN)
    at_once(teams.requests.route_waiting, other.requests.route_waiting)
    assert {len(teams.request_details(each).groups) for each in ids} == {2}


def test_extensions_that_waited_are_approved_by_rule_as_their_grants_end(world: World, other: World) -> None:
    world.under(AccessFlow(name="at once", approve="rule"))
    for _ in range(ROUNDS):
        request_id = world.ask()
        world.work_grants()
        world.directory.asked.errors = [Outage("no answer")]
        extension = world.requests.extend(REQUESTER, request_id, "30m").request.id
        assert world.request_details(extension).request.state is RequestState.PENDING
        world.clock.advance(ROUTE_AGAIN)
        at_once(world.requests.route_waiting, partial(other.grants.revoke, request_id, REQUESTER))
        assert world.grant(request_id).state is GrantState.REVOKING
        assert world.request_details(extension).request.state in {RequestState.APPROVED, RequestState.CANCELLED}


def test_processes_that_look_after_automatic_flows_at_once_give_each_member_one_grant(
    world: World, other: World
) -> None:
    world.directory.people["@oncall"] = tuple(f"U0MEMBER{number}" for number in range(10))
    world.under(AccessFlow(name="on call", automatic=True, requesters=("@oncall",)))
    for _ in range(5):
        at_once(*[each.automatic.run_once for each in (world, other) * 2])
    with world.store.reading() as read:
        members = [details.request.requester for details in read.automatic_grants()]
    assert sorted(members) == sorted(world.directory.people["@oncall"])


def test_escalation_and_the_last_yes_at_once_leave_one_end(teams: World, other: World) -> None:
    teams.under(AccessFlow(name="each", escalation=Escalation(after=timedelta(minutes=1), to=(OTHER,))))
    for _ in range(ROUNDS):
        request_id = teams.ask()
        teams.approvals.approve(request_id, OWNER)
        teams.clock.advance(timedelta(minutes=1))
        at_once(
            teams.approvals.escalate_due,
            other.approvals.escalate_due,
            partial(other.approvals.approve, request_id, SECOND_OWNER),
        )
        assert teams.request_details(request_id).request.state is RequestState.APPROVED
        assert teams.audit(request_id).count("request.reminded") <= 1


# --- extensions ---


def test_an_extension_asked_as_the_grant_ends_is_not_left_waiting(world: World, other: World) -> None:
    for _ in range(ROUNDS):
        request_id = world.granted()
        asked, _ = at_once(
            partial(world.requests.extend, REQUESTER, request_id, "30m"),
            partial(other.grants.revoke, request_id, OWNER),
        )
        with world.store.reading() as read:
            assert read.pending_extensions([request_id]) == []
        assert isinstance(asked, Conflict) or "grant.extension_requested" in world.audit(request_id)


def test_of_two_extensions_asked_at_once_one_is_filed(world: World, other: World) -> None:
    for _ in range(ROUNDS):
        request_id = world.granted()
        at_once(
            partial(world.requests.extend, REQUESTER, request_id, "30m"),
            partial(other.requests.extend, REQUESTER, request_id, "30m"),
        )
        with world.store.reading() as read:
            assert len(read.pending_extensions([request_id])) == 1


def test_processes_that_share_the_work_do_each_piece_once(world: World, other: World) -> None:
    ids = [world.ask() for _ in range(ROUNDS)]
    for request_id in ids:
        world.approvals.approve(request_id, OWNER)
    claimed = at_once(*[each.work_grants for each in (world, other) * 2])
    assert sum(each for each in claimed if isinstance(each, int)) == ROUNDS
    assert len(world.cluster.passwords) == ROUNDS
    at_once(*[each.work_messages for each in (world, other) * 2])
    world.work()
    assert sorted(world.notifier.sent(MessageKind.APPROVAL)) == sorted([OWNER, SECOND_OWNER] * ROUNDS)


def test_expiry_and_clicks_at_once_never_wait_for_each_other(world: World, other: World) -> None:
    for _ in range(10):
        ids = [world.ask() for _ in range(4)]
        world.work_messages()
        hold_on = partial(renew, world.store, world.claim_messages())
        world.clock.advance(world.current.policy.pending_for - timedelta(seconds=1))
        approve = [partial(world.approvals.approve, each, OWNER) for each in ids]
        world.clock.advance(timedelta(seconds=1))
        at_once(other.requests.expire_overdue, hold_on, *approve)
        assert {world.request_details(each).request.state for each in ids} == {RequestState.EXPIRED}
