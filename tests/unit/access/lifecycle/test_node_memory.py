"""Ends on nodes that were away: every node forgets recent ends again and again."""

from datetime import timedelta

from bot.access.errors import Outage
from bot.access.intervals import NODES_REMEMBER_FOR
from bot.access.lifecycle.node_memory import NodeMemory
from tests.fakes import PRODUCTION, REQUESTER, World

SECOND = timedelta(seconds=1)


def memory_of(world: World) -> NodeMemory:
    return NodeMemory(world.store, world.clusters, world.clock)


def test_the_nodes_forget_a_user_for_as_long_as_they_may_remember_it(world: World) -> None:
    request = world.granted()
    memory = memory_of(world)
    memory.run_once(PRODUCTION.name)
    world.grants.revoke(request, REQUESTER)
    world.work()
    username = world.grant(request).username
    memory.run_once(PRODUCTION.name)
    world.clock.advance(NODES_REMEMBER_FOR - SECOND)
    memory.run_once(PRODUCTION.name)
    world.clock.advance(2 * SECOND)
    memory.run_once(PRODUCTION.name)
    assert world.cluster.cleared == [([], []), ([username], []), ([username], []), ([], [])]


def test_a_cluster_that_does_not_answer_is_told_next_time(world: World) -> None:
    world.cluster.asked.errors.append(Outage("no answer"))
    memory = memory_of(world)
    memory.run_once(PRODUCTION.name)
    memory.run_once(PRODUCTION.name)
    assert len(world.cluster.cleared) == 1
