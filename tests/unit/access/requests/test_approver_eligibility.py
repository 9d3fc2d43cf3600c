"""Who may decide on a request or review it: one table for every step that asks people or lets them decide."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from bot.access.errors import Conflict, NotAllowed, NotFound
from bot.access.policy.access_flow import AccessFlow
from bot.access.requests.drafts import Draft
from bot.access.states import RequestState
from tests.fakes import OWNER, REQUESTER, SECOND_OWNER, World

AFTER = timedelta(minutes=30)
ASKER, LEFT = "U0ASKER", "U0LEFT"
ESCALATION = {"after": AFTER, "to": "@leads"}


def file(world: World, *, self_approval: bool = False, break_glass: bool = False) -> str:
    """A request that ASKER files for REQUESTER."""
    if break_glass:
        values = {"break_glass": True, "reason": "required"}
    else:
        values = {"self_approval": self_approval, "escalation": ESCALATION}
    world.under(AccessFlow(name="anything", for_others=True, **values))
    draft = Draft("logs-*", "1h", reason="INC-1", for_whom=REQUESTER, again=True, break_glass=break_glass)
    return world.requests.submit(ASKER, draft).request.id


def owners(world: World, request_id: str) -> set[str]:
    return set(world.request_details(request_id).request.owners)


def asked_at_filing(world: World, self_approval: bool) -> set[str]:
    world.directory.people["@owners"] = (OWNER, REQUESTER, ASKER)
    return owners(world, file(world, self_approval=self_approval))


def asked_at_filing_for_other_owners(world: World, self_approval: bool) -> set[str]:
    """The resource has an owner who cannot be found, so the integration owners are asked."""
    world.cluster.owners = {"logs-a": ("@ghosts",), "logs-b": ("@ghosts",)}
    return asked_at_filing(world, self_approval)


def asked_at_escalation(world: World, self_approval: bool) -> set[str]:
    world.directory.people["@leads"] = (SECOND_OWNER, REQUESTER, ASKER)
    world.directory.people["@owners"] = (OWNER,)
    request_id = file(world, self_approval=self_approval)
    for _ in range(2):
        world.clock.advance(AFTER)
        world.approvals.escalate_due()
    return owners(world, request_id)


def asked_when_an_owner_left(world: World, self_approval: bool) -> set[str]:
    world.directory.people["@owners"] = (LEFT,)
    request_id = file(world, self_approval=self_approval)
    world.directory.people["@owners"] = (OWNER, REQUESTER, ASKER)
    world.owner_changes.run_once()
    return owners(world, request_id)


def asked_when_every_owner_left(world: World, self_approval: bool) -> set[str]:
    """Nobody is left of the owners of the resource, so the integration owners are asked."""
    world.directory.people |= {"@web": (LEFT,), "@owners": (OWNER, REQUESTER, ASKER)}
    world.cluster.owners = {"logs-a": ("@web",), "logs-b": ("@web",)}
    request_id = file(world, self_approval=self_approval)
    assert owners(world, request_id) == {LEFT}
    world.directory.people["@web"] = ()
    world.owner_changes.run_once()
    return owners(world, request_id)


@pytest.mark.parametrize("self_approval", [False, True])
@pytest.mark.parametrize(
    "step",
    [
        asked_at_filing,
        asked_at_filing_for_other_owners,
        asked_at_escalation,
        asked_when_an_owner_left,
        asked_when_every_owner_left,
    ],
)
def test_the_requester_and_the_asker_are_asked_only_under_self_approval(
    world: World, step: Callable[[World, bool], set[str]], self_approval: bool
) -> None:
    assert {REQUESTER, ASKER} & step(world, self_approval) == ({REQUESTER, ASKER} if self_approval else set())


def as_guest(world: World, person: str) -> None:
    """A guest, whom Slack lists in a large group as it lists everybody else."""
    members = world.directory.members
    world.directory.members = lambda owners: members([each for each in owners if each != person])  # type: ignore[method-assign]


@pytest.mark.parametrize(
    ("person", "self_approval", "error"),
    [
        (OWNER, False, None),
        (REQUESTER, False, NotAllowed),
        (ASKER, False, NotAllowed),
        (REQUESTER, True, None),
        (ASKER, True, None),
        (SECOND_OWNER, False, NotFound),
    ],
)
@pytest.mark.parametrize("decide", ["approve", "deny"])
def test_who_decides(
    world: World, decide: str, person: str, self_approval: bool, error: type[Exception] | None
) -> None:
    world.directory.people["@owners"] = (OWNER, REQUESTER, ASKER)
    request_id = file(world, self_approval=self_approval)
    if error is not None:
        with pytest.raises(error):
            getattr(world.approvals, decide)(request_id, person)
    else:
        getattr(world.approvals, decide)(request_id, person)
    state = world.request_details(request_id).request.state
    assert (state is RequestState.PENDING) is (error is not None)


@pytest.mark.parametrize("self_approval", [False, True])
def test_a_guest_in_an_owner_group_decides_nothing(world: World, self_approval: bool) -> None:
    request_id = file(world, self_approval=self_approval)
    as_guest(world, OWNER)
    for decide in (world.approvals.approve, world.approvals.deny):
        with pytest.raises(NotAllowed):
            decide(request_id, OWNER)


@pytest.mark.parametrize(
    ("person", "error"), [(OWNER, None), (REQUESTER, NotAllowed), (ASKER, NotAllowed), (SECOND_OWNER, NotFound)]
)
def test_who_reviews_break_glass_access(world: World, person: str, error: type[Exception] | None) -> None:
    world.directory.people["@owners"] = (OWNER, REQUESTER, ASKER)
    request_id = file(world, break_glass=True)
    if error is None:
        assert world.break_glass.review(request_id, person).request.reviewed_by == person
        with pytest.raises(Conflict):
            world.break_glass.review(request_id, person)
    else:
        with pytest.raises(error):
            world.break_glass.review(request_id, person)


def test_nobody_reviews_their_own_access_even_if_the_flow_allows_self_approval_by_now(world: World) -> None:
    world.directory.people["@owners"] = (OWNER, REQUESTER, ASKER)
    request_id = file(world, break_glass=True)
    world.under(AccessFlow(name="anything", self_approval=True))
    for person in (REQUESTER, ASKER):
        with pytest.raises(NotAllowed, match="somebody else has to review"):
            world.break_glass.review(request_id, person)


def test_a_guest_in_an_owner_group_reviews_nothing(world: World) -> None:
    request_id = file(world, break_glass=True)
    as_guest(world, OWNER)
    with pytest.raises(NotAllowed):
        world.break_glass.review(request_id, OWNER)
