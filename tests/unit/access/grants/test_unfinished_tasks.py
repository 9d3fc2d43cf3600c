"""Tasks that go on after access has ended: looked for once the end is confirmed, and told to the owners."""

from datetime import timedelta

import pytest

from bot.access.errors import Outage, Refusal
from bot.access.grants.revocation import LOOK_AFTER
from bot.access.grants.unfinished_tasks import GIVE_UP, LOOK_AGAIN, MOST_NAMED
from bot.access.models.columns import CredentialKind
from bot.access.models.messages import MessageKind
from bot.access.models.running_tasks import RunningTask
from bot.access.requests.drafts import Draft
from bot.access.states import GrantState
from bot.slack.blocks.messages import message
from tests.fakes import OWNER, REQUESTER, SECOND_OWNER, World

MINUTE = timedelta(minutes=1)
SEARCH, WRITE, FORCE_MERGE = "indices:data/read/search", "indices:data/write/bulk", "indices:admin/forcemerge"


def granted(world: World, permission: str = "read", kind: CredentialKind = CredentialKind.PASSWORD) -> str:
    request_id = world.requests.submit(REQUESTER, Draft("logs-*", "1h", permission, kind=kind)).request.id
    world.approvals.approve(request_id, OWNER)
    world.work()
    world.clock.advance(MINUTE)
    return request_id


def end(world: World, request_id: str) -> None:
    world.clock.advance(MINUTE)
    world.grants.revoke(request_id, OWNER)
    world.work()
    assert world.state(request_id) is GrantState.CLEANED_UP


def look(world: World, after: timedelta = LOOK_AFTER) -> None:
    world.clock.advance(after)
    for integration in world.unfinished_tasks.integrations():
        world.unfinished_tasks.run_once(integration)
    world.work()


def task(world: World, action: str = SEARCH, *names: str, number: int = 1, age: timedelta = MINUTE) -> RunningTask:
    return RunningTask(f"node:{number}", action, names or ("logs-a",), world.clock.now() - age, cancellable=True)


def test_owners_and_the_receipt_are_told_of_a_task_that_went_on(world: World) -> None:
    request_id = granted(world)
    world.cluster.tasks = [task(world, age=MINUTE / 2)]
    end(world, request_id)
    assert world.notifier.sent(MessageKind.UNFINISHED) == []
    edits = len(world.notifier.sent(MessageKind.ENDED, "edit"))
    look(world)
    assert sorted(world.notifier.sent(MessageKind.UNFINISHED)) == [OWNER, SECOND_OWNER]
    assert len(world.notifier.sent(MessageKind.ENDED, "edit")) > edits
    assert world.audit(request_id)[-1] == "grant.tasks_found"
    told = message(MessageKind.UNFINISHED, world.request_details(request_id), OWNER).text
    assert "1 task went on" in told
    assert "POST /_tasks/node:1/_cancel" in str(
        message(MessageKind.UNFINISHED, world.request_details(request_id), OWNER).blocks[1].to_dict()
    )
    assert "1 task that may be of it went on" in message(
        MessageKind.ENDED, world.request_details(request_id), REQUESTER
    ).text  # fmt: skip
    look(world, MINUTE)
    assert world.cluster.listing_tasks.calls == 1, "each end is looked at once"


@pytest.mark.parametrize(
    ("permission", "kind", "action", "names", "told"),
    [
        ("read", CredentialKind.PASSWORD, SEARCH, ("logs-a",), True),
        ("read", CredentialKind.PASSWORD, SEARCH, ("metrics-a", "logs-*"), True),
        ("read", CredentialKind.PASSWORD, SEARCH, ("metrics-a",), False),
        ("read", CredentialKind.PASSWORD, WRITE, ("logs-a",), False),
        ("write", CredentialKind.PASSWORD, WRITE, ("logs-a",), True),
        ("write", CredentialKind.PASSWORD, FORCE_MERGE, ("logs-a",), False),
        ("manage", CredentialKind.API_KEY, FORCE_MERGE, ("logs-a",), True),
        ("write", CredentialKind.API_KEY, "_bulk", (), True),
        ("write", CredentialKind.PASSWORD, "_bulk", (), False),
        ("read", CredentialKind.API_KEY, "_bulk", (), False),
    ],
)
def test_only_what_the_access_allowed_is_told(
    world: World, permission: str, kind: CredentialKind, action: str, names: tuple[str, ...], told: bool
) -> None:
    request_id = granted(world, permission, kind)
    world.cluster.tasks = [RunningTask("node:1", action, names, world.clock.now(), cancellable=True)]
    end(world, request_id)
    look(world)
    assert bool(world.notifier.sent(MessageKind.UNFINISHED)) is told


@pytest.mark.parametrize("age", [-MINUTE * 2, MINUTE * 3], ids=["since the end", "before the access"])
def test_a_task_that_did_not_begin_under_the_access_is_nobodys_business(world: World, age: timedelta) -> None:
    request_id = granted(world)
    world.cluster.tasks = [task(world, age=age)]
    end(world, request_id)
    look(world)
    assert world.notifier.sent(MessageKind.UNFINISHED) == []
    assert world.grant(request_id).unfinished is None


def test_a_cluster_that_hangs_is_asked_again_for_some_minutes_and_the_end_stands(world: World) -> None:
    request_id = granted(world)
    world.cluster.tasks = [task(world, age=MINUTE / 2)]
    end(world, request_id)
    world.cluster.listing_tasks.errors = [Outage("Elasticsearch does not answer")] * 2
    look(world)
    look(world, LOOK_AGAIN)
    assert (world.state(request_id), world.notifier.sent(MessageKind.UNFINISHED)) == (GrantState.CLEANED_UP, [])
    look(world, LOOK_AGAIN)
    assert sorted(world.notifier.sent(MessageKind.UNFINISHED)) == [OWNER, SECOND_OWNER]


@pytest.mark.parametrize("error", [Outage("away"), Refusal("not allowed")])
def test_a_look_that_never_succeeds_is_given_up(world: World, error: Exception) -> None:
    request_id = granted(world)
    end(world, request_id)
    world.cluster.listing_tasks.errors = [error] * 1000
    look(world)
    look(world, GIVE_UP)
    calls = world.cluster.listing_tasks.calls
    look(world, timedelta(hours=1))
    assert world.cluster.listing_tasks.calls == calls
    assert world.grant(request_id).look_at is None


def test_many_ends_are_one_call_and_many_tasks_are_counted(world: World) -> None:
    requests = [world.granted() for _ in range(20)]
    world.clock.advance(MINUTE)
    world.cluster.tasks = [task(world, number=each, age=timedelta(0)) for each in range(40)]
    for each in requests:
        world.grants.revoke(each, OWNER)
    world.work()
    look(world)
    assert world.cluster.listing_tasks.calls == 1
    unfinished = world.grant(requests[0]).unfinished
    assert unfinished is not None
    assert (unfinished["count"], len(unfinished["tasks"])) == (40, MOST_NAMED)
    told = message(MessageKind.UNFINISHED, world.request_details(requests[0]), OWNER).text
    assert "And 35 more tasks." in told


def test_what_was_never_delivered_needs_no_look(world: World) -> None:
    request_id = world.ask()
    world.approvals.approve(request_id, OWNER)
    world.cluster.creating.errors = [Refusal("no")]
    world.work()
    assert world.state(request_id) is GrantState.CLEANED_UP
    look(world)
    assert world.cluster.listing_tasks.calls == 0
