"""Processes that look at the owners of one cluster at the same time store each change once, on each database."""

from bot.access.models.messages import MessageKind
from bot.access.models.ownership import OwnershipState
from bot.access.requests.drafts import Draft
from tests.fakes import PRODUCTION, REQUESTER, World, flow
from tests.together import at_once

OPS = ("U0OPS1", "U0OPS2")
DAVE = "U0DAVE004"


def taken(world: World) -> str:
    """Access under which `@ops` lost logs-a, noticed by nobody yet."""
    world.directory.people |= {"@ops": OPS}
    world.cluster.owners = {"logs-a": ("@ops",)}
    world.under(flow(permissions=("read", "write")))
    world.memory.observe(PRODUCTION, world.cluster.catalogue())
    request = world.requests.submit(REQUESTER, Draft("logs-a", "1h", "write")).request.id
    world.approvals.approve(request, OPS[0])
    world.work()
    world.cluster.owners = {"logs-a": (DAVE,)}
    return request


def test_a_change_is_stored_and_told_once(world: World, other: World) -> None:
    request = taken(world)
    catalogue = world.cluster.catalogue()
    at_once(*(lambda each=each: each.memory.observe(PRODUCTION, catalogue) for each in (world, other, world, other)))
    assert world.audit(request).count("owner.changed") == 1
    with world.store.reading() as read:
        assert read.ownership_change(2) is None
        assert [bool(read.message(request, MessageKind.OWNERSHIP, each, "1")) for each in OPS] == [True, True]


def test_the_first_look_is_stored_once(world: World, other: World) -> None:
    catalogue = world.cluster.catalogue()
    at_once(*(lambda each=each: each.memory.observe(PRODUCTION, catalogue) for each in (world, other, world, other)))
    with world.store.reading() as read:
        assert len(read.names_remembered("production")) == 3


def test_one_of_two_owners_decides(world: World, other: World) -> None:
    request = taken(world)
    world.memory.observe(PRODUCTION, world.cluster.catalogue())
    at_once(
        lambda: world.owner_decisions.confirm(1, OPS[0]),
        lambda: other.owner_decisions.keep(1, OPS[1]),
    )
    with world.store.reading() as read:
        change = read.ownership_change(1)
    assert change is not None
    assert change.state in {OwnershipState.CONFIRMED, OwnershipState.KEPT}
    assert len([each for each in world.audit(request) if each in {"owner.confirmed", "owner.kept"}]) == 1
