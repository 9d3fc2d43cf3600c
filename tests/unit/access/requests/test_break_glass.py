"""Break-glass access is approved at once, reported to the owners, and reviewed by one of them afterwards."""

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from bot.access.errors import AccessError, Conflict, Incomplete, NotAllowed, NotFound, Outage
from bot.access.intervals import REMIND_OF_REVIEW_EVERY, ROUTE_AGAIN
from bot.access.models.messages import MessageKind
from bot.access.policy.access_flow import AccessFlow
from bot.access.requests.drafts import Draft
from bot.access.states import GrantState, RequestState
from bot.checks.policy import described
from bot.slack.blocks.form import command_of, filled_with
from bot.slack.command.command import Verb
from bot.slack.listeners.command_parser import parse
from tests.fakes import EVERYTHING, OWNER, REQUESTER, SECOND_OWNER, STRANGER, World, policy_of

PAY, SECOND_PAY = "U0PAY1", "U0PAY2"

HOUR = timedelta(hours=1)

EMERGENCY = AccessFlow(name="emergency", break_glass=True, max_duration=HOUR, channel="#security", for_others=True)
DRAFT = Draft("logs-*", "1h", reason="the site is down", break_glass=True)


@pytest.fixture
def glass(world: World) -> World:
    """The payments team owns the resources. The ordinary flow comes before the emergency flow."""
    world.directory.people |= {"@pay": (PAY, SECOND_PAY)}
    world.cluster.owners = {"logs-a": ("@pay",), "logs-b": ("@pay",)}
    return world.under(EVERYTHING, EMERGENCY)


def broken(world: World, draft: Draft = DRAFT, person: str = REQUESTER) -> str:
    request_id = world.requests.submit(person, draft).request.id
    world.work()
    return request_id


def told(world: World, action: str = "post") -> list[str]:
    return sorted(world.notifier.sent(MessageKind.BREAK_GLASS, action))


def a_day_later(world: World) -> None:
    world.clock.advance(REMIND_OF_REVIEW_EVERY)
    world.break_glass.remind_due()
    world.work()


def test_it_is_given_at_once_and_owners_and_the_channel_are_told(glass: World) -> None:
    request_id = broken(glass)
    details = glass.request_details(request_id)
    assert (details.request.state, details.request.flow) == (RequestState.APPROVED, "emergency")
    assert glass.grant(request_id).state is GrantState.ACTIVE
    assert told(glass) == ["#security", PAY, SECOND_PAY]
    assert glass.notifier.sent(MessageKind.APPROVAL) == []
    assert [(group.label, group.asked) for group in details.groups] == [("@pay", [PAY, SECOND_PAY])]
    (event,) = [each for each in glass.events(request_id) if each.event == "request.break_glass"]
    assert event.actor == REQUESTER
    assert event.detail == {
        "flow": "emergency", "reason": "the site is down", "told": [PAY, SECOND_PAY], "channel": "#security",
    }  # fmt: skip


def test_no_request_falls_into_it_by_itself_and_with_the_flag_into_no_other(glass: World) -> None:
    assert glass.request_details(glass.ask()).request.flow == "everything"
    glass.under(EMERGENCY)
    with pytest.raises(NotAllowed, match="No access flow lets anybody ask"):
        glass.ask()
    glass.under(EVERYTHING, AccessFlow(name="rule", approve="rule"))
    with pytest.raises(NotAllowed, match="There is no break-glass access flow"):
        glass.requests.submit(REQUESTER, DRAFT)


def test_it_needs_a_reason(glass: World) -> None:
    with pytest.raises(Incomplete, match="“emergency” needs a reason") as refused:
        glass.requests.submit(REQUESTER, Draft("logs-*", "1h", break_glass=True))
    assert refused.value.example == "/es-access logs-* 1h read --break-glass fixing INC-42"


def test_what_is_denied_stays_denied_also_behind_an_alias(glass: World) -> None:
    glass.under(EMERGENCY, AccessFlow(name="salaries", deny=True, patterns=("salaries",)))
    glass.cluster.names.append("salaries")
    glass.cluster.aliases = {"pay": ("salaries",)}
    for patterns in ("salaries", "pay"):
        with pytest.raises(NotAllowed, match="“salaries” forbids it"):
            glass.requests.submit(REQUESTER, Draft(patterns, "1h", reason="x", break_glass=True))


def test_explaining_it_says_who_is_told_and_files_nothing(glass: World) -> None:
    _, plan = glass.requests.explain(REQUESTER, DRAFT)
    assert (plan.flow.name, plan.by_rule, plan.asked, plan.watchers) == ("emergency", True, (), (PAY, SECOND_PAY))
    assert glass.work_messages() == 0


def test_one_owner_reviews_it_and_every_copy_is_shown_anew(glass: World) -> None:
    request_id = broken(glass)
    details = glass.break_glass.review(request_id, PAY)
    glass.work()
    assert (details.request.reviewed_by, details.request.reviewed_at) == (PAY, glass.clock.now())
    assert told(glass, "edit") == ["#security", PAY, SECOND_PAY]
    assert glass.audit(request_id)[-1] == "request.reviewed"
    with pytest.raises(Conflict, match=f"already reviewed by <@{PAY}>"):
        glass.break_glass.review(request_id, SECOND_PAY)
    assert glass.audit(request_id).count("request.reviewed") == 1


def test_nobody_but_its_owners_reviews_it(glass: World) -> None:
    request_id = broken(glass)
    with pytest.raises(NotAllowed, match="You asked for"):
        glass.break_glass.review(request_id, REQUESTER)
    with pytest.raises(NotAllowed, match="Only its owners"):
        glass.break_glass.review(request_id, OWNER)  # an integration owner, who may end the grant but not review it
    with pytest.raises(NotFound):
        glass.break_glass.review(request_id, STRANGER)
    glass.directory.people["@pay"] = (SECOND_PAY,)
    with pytest.raises(NotAllowed, match="Only its owners"):
        glass.break_glass.review(request_id, PAY)
    usual = glass.ask()
    glass.approvals.approve(usual, OWNER)
    for each in (usual, "REQ-000000"):
        with pytest.raises(NotFound):
            glass.break_glass.review(each, OWNER)


def test_an_owner_who_broke_it_is_reviewed_by_another(glass: World) -> None:
    request_id = broken(glass, person=PAY)
    assert told(glass) == ["#security", SECOND_PAY]
    with pytest.raises(NotAllowed, match="You asked for"):
        glass.break_glass.review(request_id, PAY)
    glass.break_glass.review(request_id, SECOND_PAY)


def test_who_asked_for_somebody_else_does_not_review_it(glass: World) -> None:
    request_id = broken(glass, Draft("logs-*", "1h", reason="x", break_glass=True, for_whom=STRANGER), PAY)
    assert glass.request_details(request_id).request.requester == STRANGER
    with pytest.raises(NotAllowed, match="You asked for"):
        glass.break_glass.review(request_id, PAY)


def test_where_nobody_else_could_review_it_it_is_refused(glass: World) -> None:
    glass.directory.people |= {"@pay": (PAY,), "@owners": (PAY,)}
    with pytest.raises(AccessError, match="Nobody can review this: you are its only owner"):
        broken(glass, person=PAY)


def test_owners_are_reminded_every_day_until_one_has_reviewed_it(glass: World) -> None:
    request_id = broken(glass)
    glass.clock.advance(REMIND_OF_REVIEW_EVERY - timedelta(seconds=1))
    glass.break_glass.remind_due()
    assert glass.audit(request_id).count("request.review_reminded") == 0
    a_day_later(glass)
    a_day_later(glass)
    assert told(glass) == ["#security", *[PAY] * 3, *[SECOND_PAY] * 3]
    assert glass.grant(request_id).state is GrantState.CLEANED_UP
    glass.notifier.log.clear()
    glass.break_glass.review(request_id, PAY)
    glass.work()
    assert told(glass, "edit") == ["#security", *[PAY] * 3, *[SECOND_PAY] * 3]
    a_day_later(glass)
    assert told(glass) == []
    assert glass.audit(request_id).count("request.review_reminded") == 2


def test_reminders_go_to_the_owners_of_that_day_or_to_the_integration_owner(glass: World) -> None:
    request_id = broken(glass)
    glass.notifier.log.clear()
    glass.directory.people["@pay"] = (REQUESTER,)
    a_day_later(glass)
    assert told(glass) == [OWNER, SECOND_OWNER]
    assert glass.break_glass.review(request_id, SECOND_OWNER).request.reviewed_by == SECOND_OWNER


def test_while_slack_does_not_say_who_they_are_the_reminder_stays_due(glass: World) -> None:
    request_id = broken(glass)
    glass.directory.asked.errors = [Outage("Slack does not answer")]
    a_day_later(glass)
    assert glass.audit(request_id).count("request.review_reminded") == 0
    glass.break_glass.remind_due()
    assert glass.audit(request_id).count("request.review_reminded") == 1


def test_a_reminder_that_waited_for_slack_is_not_sent_after_the_review(glass: World) -> None:
    request_id = broken(glass)
    glass.notifier.log.clear()
    glass.clock.advance(REMIND_OF_REVIEW_EVERY)
    glass.break_glass.remind_due()
    glass.break_glass.review(request_id, PAY)
    glass.work()
    assert told(glass) == []
    assert glass.audit(request_id).count("message.stale") == 2


def test_reminders_of_the_days_without_slack_come_once(glass: World) -> None:
    request_id = broken(glass)
    glass.notifier.log.clear()
    for _ in range(5):
        glass.clock.advance(REMIND_OF_REVIEW_EVERY)
        glass.break_glass.remind_due()
    glass.work()
    assert told(glass) == [PAY, SECOND_PAY]
    assert glass.audit(request_id).count("request.review_reminded") == 1
    a_day_later(glass)
    assert told(glass) == [PAY, PAY, SECOND_PAY, SECOND_PAY]


def test_an_owner_whose_first_message_waits_for_slack_needs_no_reminder_beside_it(glass: World) -> None:
    glass.requests.submit(REQUESTER, DRAFT)
    for _ in range(3):
        glass.clock.advance(REMIND_OF_REVIEW_EVERY)
        glass.break_glass.remind_due()
    glass.work()
    assert told(glass) == ["#security", PAY, SECOND_PAY]


def test_an_owner_ends_it_and_every_copy_shows_that_it_is_over(glass: World) -> None:
    request_id = broken(glass)
    glass.notifier.log.clear()
    glass.grants.revoke(request_id, SECOND_PAY)
    glass.work()
    assert told(glass, "edit") == ["#security", PAY, SECOND_PAY]
    assert glass.cluster.empty
    glass.break_glass.review(request_id, PAY)


def test_neither_a_request_that_waits_nor_too_many_of_them_stand_in_its_way(glass: World) -> None:
    glass.current.policy = policy_of(EVERYTHING, EMERGENCY).model_copy(update={"pending_per_person": 1})
    waits = glass.ask()
    filed = glass.requests.submit(REQUESTER, DRAFT)
    assert (filed.duplicate, filed.request.state) == (None, RequestState.APPROVED)
    assert glass.request_details(waits).request.state is RequestState.PENDING
    again = glass.requests.submit(REQUESTER, DRAFT)
    assert again.duplicate is not None
    assert again.request.id == filed.request.id


def test_more_time_is_asked_for_as_any_other_access(glass: World) -> None:
    request_id = broken(glass)
    extension = glass.requests.extend(REQUESTER, request_id, "1h").request
    assert (extension.flow, extension.state, extension.break_glass) == ("everything", RequestState.PENDING, False)
    glass.approvals.approve(extension.id, OWNER)
    glass.work()
    assert told(glass, "edit") == ["#security", PAY, SECOND_PAY]


def test_what_waited_for_the_cluster_is_still_break_glass_then(glass: World) -> None:
    glass.cluster.asked.errors = [Outage("it does not answer")]
    request_id = broken(glass)
    assert glass.request_details(request_id).request.state is RequestState.PENDING
    assert told(glass) == []
    with pytest.raises(NotFound):
        glass.break_glass.review(request_id, PAY)
    glass.clock.advance(ROUTE_AGAIN)
    glass.requests.route_waiting()
    glass.work()
    assert glass.request_details(request_id).request.flow == "emergency"
    assert told(glass) == ["#security", PAY, SECOND_PAY]


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"approve": "owners"}, "approves at once"),
        ({"reason": "optional"}, "needs a reason"),
        ({"deny": True}, "cannot deny"),
        ({"automatic": True, "requesters": ("@pay",)}, "nor be automatic"),
        ({"self_approval": True}, "self_approval has no meaning"),
        ({"approvals": 2}, "approvals has no meaning"),
        ({"extend": "rule"}, "extend has no meaning"),
        ({"escalation": {"after": "1h", "to": "@pay"}}, "escalation has no meaning"),
    ],
)
def test_keys_that_have_no_meaning_in_it_are_refused(more: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        AccessFlow(name="emergency", break_glass=True, **more)
    AccessFlow(name="emergency", break_glass=True, approve="rule", reason="required")


def test_the_flag_is_read_wherever_it_stands_and_stands_in_the_form() -> None:
    for typed in ("logs-* 1h --break-glass the site is down", "--break-glass logs-* 1h the site is down"):
        command = parse(typed, ["read"])
        assert command.draft is not None
        assert (command.verb, command.draft.break_glass, command.draft.reason) == (
            Verb.REQUEST, True, "the site is down",
        )  # fmt: skip
    explained = parse("explain logs-* 1h --break-glass x", ["read"]).draft
    assert explained is not None
    assert explained.break_glass
    half = parse("1h --break-glass", ["read"])
    assert half.verb is Verb.FORM
    filled = filled_with(half.draft)
    assert (filled.duration, filled.break_glass, filled.draft.break_glass) == ("1h", True, True)
    assert command_of(filled) == "/es-access logs-* 1h --break-glass"


def test_it_is_described_to_the_administrator_as_what_it_is() -> None:
    line = described(policy_of(EMERGENCY), EMERGENCY)
    assert "read on *, up to 1h, with a reason, approved by nobody beforehand" in line
    assert "asked with --break-glass, and reviewed by an owner" in line
