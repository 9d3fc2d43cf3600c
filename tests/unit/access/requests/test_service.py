"""Actions on requests, and the messages when they fail."""

from datetime import timedelta

import pytest

from bot.access.errors import (
    AccessError,
    Conflict,
    InvalidRequest,
    NotAllowed,
    NotFound,
    Outage,
    Refusal,
)
from bot.access.lifecycle.requests import describe_end
from bot.access.models.messages import MessageKind
from bot.access.policy.model import LONGEST_REASON, Integration
from bot.access.requests.drafts import Draft
from bot.access.states import GrantState, RequestState
from tests.fakes import OWNER, PRODUCTION, REQUESTER, SECOND_OWNER, STRANGER, World, policy_of

HOUR = timedelta(hours=1)
NO_SUCH_ID = "REQ-000000"


def text_of(error: AccessError) -> str:
    return error.message


# --- submit ---


def test_a_request_is_filed_and_every_owner_is_asked(world: World) -> None:
    filed = world.requests.submit(REQUESTER, Draft("logs-*,metrics-a", "2h30m", "write", "fixing INC-42"))
    world.work_messages()
    details = world.request_details(filed.request.id)
    assert details.request.state is RequestState.PENDING
    assert details.request.patterns == ["logs-*", "metrics-a"]
    assert details.request.length == timedelta(hours=2, minutes=30)
    assert details.request.pending_until == world.clock.now() + timedelta(hours=8)
    assert filed.plan is not None
    assert filed.plan.preview is not None
    assert filed.plan.preview.names == ("logs-a", "logs-b", "metrics-a")
    assert world.notifier.sent(MessageKind.APPROVAL) == [OWNER, SECOND_OWNER]
    assert world.audit(filed.request.id) == ["request.submitted"]


@pytest.mark.parametrize(
    "draft",
    [
        Draft("", "1h"),
        Draft("_all", "1h"),
        Draft("logs-*", "0h"),
        Draft("logs-*", "8d"),
        Draft("logs-*", "1h", "root"),
        Draft("logs-*", "1h", reason="x" * (LONGEST_REASON + 1)),
        Draft("logs-*", "1h", integration="staging"),
        Draft("nothing-*", "1h"),
    ],
)
def test_bad_input_files_nothing(world: World, draft: Draft) -> None:
    with pytest.raises(InvalidRequest):
        world.requests.submit(REQUESTER, draft)
    with world.store.reading() as read:
        assert read.requests_of(REQUESTER, 10) == []
    assert world.work_messages() == 0


def test_pattern_that_matches_nothing_is_answered_with_the_nearest_names(world: World) -> None:
    with pytest.raises(InvalidRequest, match=r"“logz-a” matches nothing that exists. Did you mean logs-a") as refused:
        world.ask("logs-*,logz-a")
    assert refused.value.example == "/es-access logs-*,logs-a 1h"


@pytest.mark.parametrize("error", [Outage("no answer"), Refusal("403")])
def test_a_cluster_that_does_not_tell_its_indices_does_not_keep_a_request_back(world: World, error: Exception) -> None:
    world.cluster.asked.errors = [error]
    filed = world.requests.submit(REQUESTER, Draft("whatever-*", "1h"))
    assert filed.plan is not None
    assert filed.plan.preview is None
    assert world.request_details(filed.request.id).request.state is RequestState.PENDING


def test_reason_is_kept_as_typed_without_what_would_mislead(world: World) -> None:
    request_id = world.ask(reason="  <!channel> *now*\n\u202eyletaidemmi\x00 \ud800 👩\u200d💻 ")
    assert world.request_details(request_id).request.reason == "<!channel> *now* yletaidemmi 👩\u200d💻"


def test_the_longest_reason_is_taken(world: World) -> None:
    assert len(world.request_details(world.ask(reason="x" * LONGEST_REASON)).request.reason) == LONGEST_REASON


def test_the_requester_is_not_asked_about_their_own_request(world: World) -> None:
    world.directory.people["@owners"] = (REQUESTER, OWNER)
    assert world.request_details(world.ask()).request.owners == [OWNER]


@pytest.mark.parametrize(
    ("owners", "why"), [((REQUESTER,), "you are its only owner"), ((), "none of its owners can be reached")]
)
def test_a_request_that_nobody_could_approve_is_refused(world: World, owners: tuple[str, ...], why: str) -> None:
    world.directory.people["@owners"] = owners
    with pytest.raises(AccessError, match=why) as refused:
        world.ask()
    assert "Ask an administrator to add an owner to the integration production" in refused.value.message


def test_with_several_clusters_one_must_be_named(world: World) -> None:
    other = Integration(name="staging", owner=("@owners",), public_url="https://staging.example")
    world.current.policy = policy_of(integrations=(PRODUCTION, other))
    with pytest.raises(InvalidRequest, match="which cluster you mean: production, staging"):
        world.ask()
    filed = world.requests.submit(REQUESTER, Draft("logs-*", "1h", integration="Production"))
    assert filed.request.integration == "production"


# --- who may decide ---


def test_self_approval_is_refused(world: World) -> None:
    world.directory.people["@owners"] = (REQUESTER, OWNER)
    request_id = world.ask()
    for decide in (world.approvals.approve, world.approvals.deny):
        with pytest.raises(NotAllowed, match="somebody else has to decide"):
            decide(request_id, REQUESTER)
    assert world.request_details(request_id).request.state is RequestState.PENDING


def test_somebody_who_is_no_owner_gets_the_same_answer_as_for_an_id_that_does_not_exist(world: World) -> None:
    request_id = world.ask()
    approvals = world.approvals
    for do in (approvals.approve, approvals.deny, world.requests.cancel, world.grants.revoke):
        with pytest.raises(NotFound) as of_another:
            do(request_id, STRANGER)
        with pytest.raises(NotFound) as of_nobody:
            do(NO_SUCH_ID, STRANGER)
        assert text_of(of_another.value).replace(request_id, NO_SUCH_ID) == text_of(of_nobody.value)
        assert of_another.value.example == of_nobody.value.example
    assert world.request_details(request_id).request.state is RequestState.PENDING


def test_only_the_requester_may_cancel_and_extend(world: World) -> None:
    request_id = world.granted()
    with pytest.raises(NotFound):
        world.requests.extend(OWNER, request_id, "1h")
    with pytest.raises(NotFound):
        world.requests.cancel(request_id, OWNER)


def test_owners_are_those_at_the_click_and_not_those_who_were_asked(world: World) -> None:
    request_id = world.ask()
    world.directory.people["@owners"] = (STRANGER,)
    with pytest.raises(NotAllowed, match="no longer an owner that"):
        world.approvals.approve(request_id, OWNER)
    assert world.approvals.approve(request_id, STRANGER).approvers == (STRANGER,)


def test_a_directory_that_does_not_answer_decides_nothing(world: World) -> None:
    request_id = world.ask()
    world.directory.asked.errors = [Outage("Slack does not answer")]
    with pytest.raises(Outage):
        world.approvals.approve(request_id, OWNER)
    assert world.request_details(request_id).request.state is RequestState.PENDING


# --- decisions ---


def test_approval_keeps_decision_grant_and_audit_and_closes_the_other_copies(world: World) -> None:
    request_id = world.ask()
    world.work_messages()
    details = world.approvals.approve(request_id, OWNER)
    assert (details.request.state, details.request.decided_by, details.approvers) == (
        RequestState.APPROVED,
        OWNER,
        (OWNER,),
    )
    assert details.grant is not None
    assert details.grant.state is GrantState.PROVISIONING
    assert details.grant.expires_at == world.clock.now() + HOUR
    assert details.grant.username == "es-access-" + request_id[4:].lower()
    assert world.audit(request_id) == ["request.submitted", "request.approved"]
    world.work_messages()
    assert world.notifier.sent(MessageKind.APPROVAL, "edit") == [OWNER, SECOND_OWNER]


def test_the_hour_begins_at_the_approval(world: World) -> None:
    request_id = world.ask(duration="1h")
    world.clock.advance(timedelta(hours=5))
    world.approvals.approve(request_id, OWNER)
    assert world.grant(request_id).expires_at == world.clock.now() + HOUR


def test_denial_tells_the_requester_by_whom_and_why(world: World) -> None:
    request_id = world.ask()
    world.work_messages()
    details = world.approvals.deny(request_id, OWNER, " not on a\nFriday ")
    world.work_messages()
    assert (details.request.decided_by, details.request.decision_reason) == (OWNER, "not on a Friday")
    assert details.grant is None
    assert world.notifier.sent(MessageKind.OUTCOME) == [REQUESTER]
    assert world.notifier.sent(MessageKind.APPROVAL, "edit") == [OWNER, SECOND_OWNER]
    assert world.audit(request_id) == ["request.submitted", "request.denied"]


def test_too_long_a_denial_reason_denies_nothing(world: World) -> None:
    request_id = world.ask()
    with pytest.raises(InvalidRequest, match="501 characters"):
        world.approvals.deny(request_id, OWNER, "x" * 501)
    assert world.request_details(request_id).request.state is RequestState.PENDING


def test_second_approver_is_told_who_was_first(world: World) -> None:
    request_id = world.ask()
    world.approvals.approve(request_id, OWNER)
    for decide in (world.approvals.approve, world.approvals.deny):
        with pytest.raises(Conflict, match=f"{request_id} was already approved by <@{OWNER}>. Nothing was changed."):
            decide(request_id, SECOND_OWNER)
    assert world.audit(request_id).count("request.approved") == 1


def test_double_click_is_told_that_it_is_done(world: World) -> None:
    request_id = world.ask()
    world.approvals.approve(request_id, OWNER)
    with pytest.raises(Conflict, match=f"already approved by <@{OWNER}>"):
        world.approvals.approve(request_id, OWNER)
    assert world.work_grants() == 1


def test_cancelled_request_cannot_be_approved_and_owners_see_it(world: World) -> None:
    request_id = world.ask()
    world.work_messages()
    world.requests.cancel(request_id, REQUESTER)
    with pytest.raises(Conflict, match="already cancelled"):
        world.approvals.approve(request_id, OWNER)
    world.work_messages()
    assert world.notifier.sent(MessageKind.APPROVAL, "edit") == [OWNER, SECOND_OWNER]
    assert world.notifier.shows(f"approval {request_id} cancelled")


def test_an_approved_request_cannot_be_cancelled(world: World) -> None:
    request_id = world.granted()
    with pytest.raises(Conflict, match=f"{request_id} was approved by <@{OWNER}> already"):
        world.requests.cancel(request_id, REQUESTER)
    assert world.grant(request_id).state is GrantState.ACTIVE


# --- expiry of pending requests ---


def test_undecided_requests_expire_and_the_requester_is_told(world: World) -> None:
    request_id = world.ask()
    world.work_messages()
    world.clock.advance(timedelta(hours=8) - timedelta(seconds=1))
    assert world.requests.expire_overdue() == 0
    world.clock.advance(timedelta(seconds=1))
    assert world.requests.expire_overdue() == 1
    assert world.requests.expire_overdue() == 0
    world.work_messages()
    assert world.request_details(request_id).request.state is RequestState.EXPIRED
    assert world.notifier.sent(MessageKind.OUTCOME) == [REQUESTER]
    assert world.notifier.sent(MessageKind.APPROVAL, "edit") == [OWNER, SECOND_OWNER]


def test_a_click_after_the_time_to_decide_expires_the_request_whatever_else_is_overdue(world: World) -> None:
    ids = [world.ask() for _ in range(101)]  # more than one batch
    world.clock.advance(timedelta(hours=8))
    for request_id in (ids[0], ids[-1]):
        with pytest.raises(Conflict, match=f"{request_id} has expired: nobody decided in time."):
            world.approvals.approve(request_id, OWNER)
        assert world.request_details(request_id).grant is None
    while world.requests.expire_overdue():
        pass
    assert {world.request_details(each).request.state for each in ids} == {RequestState.EXPIRED}


def test_the_end_of_a_request_is_told_without_a_name_when_nobody_decided(world: World) -> None:
    request_id = world.ask()
    world.clock.advance(timedelta(days=1))
    world.requests.expire_overdue()
    told = describe_end(world.request_details(request_id).request)
    assert told == f"{request_id} has expired: nobody decided in time. Nothing was changed."


def test_live_access_is_not_cancelled_but_revoked_and_a_waiting_request_is_cancelled(world: World) -> None:
    waiting = world.ask()
    with pytest.raises(Conflict, match=f"To take it back: /es-access cancel {waiting}$"):
        world.grants.revoke(waiting, REQUESTER)
    world.approvals.approve(waiting, OWNER)
    instead = rf"{waiting} was approved by <@{OWNER}> already\. To end the access: /es-access revoke {waiting}$"
    with pytest.raises(Conflict, match=instead):
        world.requests.cancel(waiting, REQUESTER)
    world.work()
    with pytest.raises(Conflict, match=instead):
        world.requests.cancel(waiting, REQUESTER)
    extension = world.requests.extend(REQUESTER, waiting, "1h").request.id
    world.approvals.approve(extension, OWNER)
    with pytest.raises(Conflict, match=rf"{extension} was approved .* /es-access revoke {waiting}$"):
        world.requests.cancel(extension, REQUESTER)
    world.grants.revoke(waiting, REQUESTER)
    for request_id in (waiting, extension):
        with pytest.raises(Conflict, match=rf"{request_id} was already approved .* Nothing was changed\.$"):
            world.requests.cancel(request_id, REQUESTER)
