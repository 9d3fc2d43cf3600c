"""An alias that moves, seen by two processes at once, on each database."""

import pytest

from bot.access.models.messages import MessageKind
from bot.access.requests.drafts import Draft
from bot.access.states import GrantState
from tests.fakes import REQUESTER, SHOP, WEB, World, flow
from tests.together import at_once

ROUNDS = 5


@pytest.mark.parametrize(("alias_moves", "state"), [("end", GrantState.REVOKING), ("keep", GrantState.ACTIVE)])
def test_two_processes_that_see_a_move_end_or_tell_it_once(
    world: World, other: World, alias_moves: str, state: GrantState
) -> None:
    world.directory.people |= {"@web": WEB, "@shop": SHOP}
    world.cluster.names = ["web-1", "shop-1"]
    world.cluster.owners = {"web-1": ("@web",), "shop-1": ("@shop",)}
    world.under(flow(alias_moves=alias_moves))
    for number in range(ROUNDS):
        alias = f"now-{number}"
        world.cluster.aliases[alias] = ("web-1",)
        request_id = world.requests.submit(REQUESTER, Draft(alias, "1h")).request.id
        world.approvals.approve(request_id, WEB[0])
        world.work()
        world.cluster.aliases[alias] = ("shop-1",)
        at_once(world.alias_moves.run_once, other.alias_moves.run_once)
        at_once(world.alias_moves.run_once, other.alias_moves.run_once)
        assert world.state(request_id) is state
        assert world.audit(request_id).count("grant.alias_moved") == 1
    world.work()
    assert world.notifier.sent(MessageKind.NOTICE).count(SHOP[0]) == ROUNDS
