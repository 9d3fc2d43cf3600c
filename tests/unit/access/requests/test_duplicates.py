"""A duplicate is answered with the earlier request, and the number of requests of one person is limited."""

from datetime import timedelta

import pytest

from bot.access.errors import NotAllowed, Outage
from bot.access.models.columns import CredentialKind
from bot.access.policy.access_flow import AccessFlow
from bot.access.policy.model import Permission
from bot.access.requests.drafts import Draft
from bot.access.requests.service import Submission
from tests.fakes import EVERYTHING, OWNER, REQUESTER, SECOND_OWNER, STRANGER, World

KEY = CredentialKind.API_KEY

COVERED = [("logs-*", "read"), ("logs-a", "read"), ("logs-a,logs-*", "read")]


def ask(
    world: World, patterns: str = "logs-*", permission: str = "read", person: str = REQUESTER, **more: object
) -> Submission:
    return world.requests.submit(person, Draft(patterns, "1h", permission, **more))  # type: ignore[arg-type]  # a test


@pytest.mark.parametrize("live", [False, True])
@pytest.mark.parametrize(
    ("patterns", "permission"), [("logs-*", "read"), ("logs-a", "read"), ("logs-a,logs-*", "read")]
)
def test_what_is_covered_already_is_answered_with_that(
    world: World, patterns: str, permission: str, live: bool
) -> None:
    first = ask(world).request.id
    if live:
        world.approvals.approve(first, OWNER)
        world.work()
    again = ask(world, patterns, permission)
    assert again.request.id == first
    assert again.duplicate is not None
    assert (again.duplicate.grant is not None) is live
    with world.store.reading() as read:
        assert len(read.requests_of(REQUESTER, 10)) == 1


def test_a_permission_that_holds_less_is_covered_too(world: World) -> None:
    first = ask(world, permission="write").request.id
    assert ask(world, permission="read").request.id == first
    assert ask(world, permission="manage").duplicate is None


CUSTOM = (
    Permission(name="everything", indices=("all",)),
    Permission(name="append", indices=("create_doc",)),
    Permission(name="discover", indices=("read",), kibana=("feature_discover.read",)),
    Permission(name="discover-sales", indices=("read",), kibana=("feature_discover.read",), spaces=("sales",)),
)


@pytest.mark.parametrize(
    ("held", "asked", "covered"),
    [
        ("everything", "read", True),
        ("everything", "manage", True),
        ("write", "append", True),
        ("append", "write", False),
        ("manage", "read", True),
        ("discover", "read", False),
        ("everything", "discover", False),
        ("discover", "discover-sales", False),
    ],
)
def test_a_permission_is_covered_where_every_privilege_is_included(
    world: World, held: str, asked: str, covered: bool
) -> None:
    world.with_permissions(*CUSTOM)
    ask(world, permission=held)
    assert (ask(world, permission=asked).duplicate is not None) is covered


def test_a_permission_that_was_widened_since_is_not_covered_by_its_name(world: World) -> None:
    world.with_permissions(*CUSTOM)
    ask(world, permission="append")
    wider = Permission(name="append", indices=("create_doc", "delete"))
    world.with_permissions(wider)
    assert ask(world, permission="append").duplicate is None


@pytest.mark.parametrize(
    ("patterns", "more"),
    [
        ("*", {}),
        ("logs-*,metrics-a", {}),
        ("logs-*", {"kind": KEY}),
        ("logs-*", {"again": True}),
        ("logs-*", {"permission": "write"}),
    ],
)
def test_what_is_more_or_something_else_is_filed(world: World, patterns: str, more: dict[str, object]) -> None:
    ask(world)
    assert ask(world, patterns, **more).duplicate is None  # type: ignore[arg-type]  # keywords of a draft


def test_what_has_ended_or_was_denied_and_what_others_have_is_asked_for_anew(world: World) -> None:
    first = ask(world).request.id
    assert ask(world, person=STRANGER).duplicate is None
    world.approvals.deny(first, OWNER)
    second = ask(world)
    assert second.duplicate is None
    world.approvals.approve(second.request.id, OWNER)
    world.work()
    world.grants.revoke(second.request.id, REQUESTER)
    assert ask(world).duplicate is None


def test_names_that_came_since_are_not_covered_by_what_was_given_by_name(world: World) -> None:
    world.under(AccessFlow(name="exact", scope="resolved", owners="integration"))
    first = ask(world).request.id
    assert ask(world).request.id == first
    world.cluster.names.append("logs-new")
    assert ask(world).duplicate is None


def test_one_that_waits_for_the_cluster_is_answered_with_as_well(world: World) -> None:
    world.under(AccessFlow(name="by owner"))
    world.cluster.asked.errors = [Outage("no answer")] * 2
    first = ask(world).request.id
    assert ask(world).request.id == first


def test_as_many_may_wait_as_the_policy_says(world: World) -> None:
    world.current.policy = world.current.policy.model_copy(update={"pending_per_person": 2})
    first = world.ask()
    world.ask()
    with pytest.raises(NotAllowed, match="2 of your requests wait for a decision"):
        world.ask()
    assert ask(world, person=STRANGER).request.state.value == "pending", "others are not held up"
    world.requests.cancel(first, REQUESTER)
    world.ask()


def test_at_a_limit_nobody_is_asked_anything_for_them(world: World) -> None:
    world.under(EVERYTHING.model_copy(update={"for_others": True}))
    world.current.policy = world.current.policy.model_copy(update={"pending_per_person": 1})
    first = world.ask()
    asked = (world.cluster.asked.calls, world.directory.asked.calls)
    for more in ({}, {"for_whom": STRANGER}):
        with pytest.raises(NotAllowed, match="1 of your requests wait for a decision"):
            ask(world, "metrics-a", **more)
    assert (world.cluster.asked.calls, world.directory.asked.calls) == asked
    assert ask(world).request.id == first, "a duplicate is answered with the earlier one"


def test_as_many_are_filed_within_an_hour_as_the_policy_says(world: World) -> None:
    world.current.policy = world.current.policy.model_copy(update={"requests_per_hour": 2})
    for _ in range(2):
        world.approvals.deny(world.ask(), OWNER)
    with pytest.raises(NotAllowed, match="filed 2 requests within an hour"):
        world.ask()
    world.clock.advance(timedelta(hours=1))
    world.ask()


def test_what_somebody_asks_for_others_counts_for_them_alone(world: World) -> None:
    world.under(EVERYTHING.model_copy(update={"for_others": True}))
    world.current.policy = world.current.policy.model_copy(update={"pending_per_person": 1})
    ask(world, person=STRANGER, for_whom=REQUESTER)
    ask(world, "metrics-a")
    with pytest.raises(NotAllowed):
        ask(world, person=STRANGER, for_whom=SECOND_OWNER)


# --- the same for longer ---


def ask_for(world: World, duration: str, **more: object) -> Submission:
    return world.requests.submit(REQUESTER, Draft("logs-*", duration, **more))  # type: ignore[arg-type]  # a test


def test_a_longer_request_for_live_access_points_to_its_extension_by_what_is_missing(world: World) -> None:
    request_id = world.granted()
    world.clock.advance(timedelta(minutes=20, seconds=30))
    assert ask_for(world, "30m").longer == ()
    longer = ask_for(world, "4h")
    assert longer.duplicate is not None
    assert longer.longer == (f"/es-access extend {request_id} 3h21m",)
    world.approvals.approve(world.requests.extend(REQUESTER, request_id, "3h21m").request.id, OWNER)
    assert ask_for(world, "4h").longer == ()


def test_a_longer_request_for_what_waits_says_how_to_put_it_in_its_place(world: World) -> None:
    request_id = ask_for(world, "1h").request.id
    assert ask_for(world, "1h").longer == ask_for(world, "30m").longer == ()
    longer = ask_for(world, "4h", reason="fixing it")
    assert longer.longer == (f"/es-access cancel {request_id}", "/es-access logs-* 4h read fixing it")
    world.requests.cancel(request_id, REQUESTER)
    assert ask_for(world, "4h", reason="fixing it").duplicate is None


def test_the_command_for_longer_names_the_cluster_if_it_was_named(world: World) -> None:
    ask_for(world, "1h")
    assert ask_for(world, "4h", integration="production").longer[1:] == ("/es-access logs-* 4h --cluster production",)


def test_a_longer_request_is_answered_with_the_command_while_the_cluster_does_not_answer(world: World) -> None:
    request_id = world.granted()
    world.cluster.asked.errors.append(Outage("away"))
    assert ask_for(world, "4h").longer == (f"/es-access extend {request_id} 3h",)


def test_who_asks_for_somebody_else_is_not_sent_to_an_extension(world: World) -> None:
    world.under(EVERYTHING.model_copy(update={"for_others": True}))
    world.granted()
    longer = world.requests.submit(OWNER, Draft("logs-*", "4h", for_whom=REQUESTER))
    assert (longer.duplicate is not None, longer.longer) == (True, ())
