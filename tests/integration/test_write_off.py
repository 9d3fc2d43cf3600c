"""Writing off a cluster, on both databases, by two commands at once and beside workers."""

from concurrent.futures import ThreadPoolExecutor

from bot.access.errors import Outage
from bot.access.grants.write_off import WriteOff
from bot.access.states import GrantState
from tests.fakes import PRODUCTION, REQUESTER, World

GRANTS = 12


def test_two_commands_beside_workers_write_each_grant_off_once(world: World, other: World) -> None:
    world.cluster.removing.errors = [Outage("no answer")] * 10_000
    names = {world.granted() for _ in range(GRANTS)}
    for name in sorted(names)[: GRANTS // 2]:
        world.grants.revoke(name, REQUESTER)
    world.work()
    commands = [WriteOff(each.store, each.clock) for each in (world, other)]
    with ThreadPoolExecutor(4) as pool:
        working = [pool.submit(each.work_grants) for each in (world, other)]
        written = [pool.submit(each.write_off, PRODUCTION.name, "root@host") for each in commands]
        found = [each.request.id for done in written for each in done.result(60)]
        for done in working:
            done.result(60)
    assert sorted(found) == sorted(names), "each by one of the two"
    for name in names:
        grant = world.grant(name)
        assert (grant.state, grant.due_at, grant.claimed_by) == (GrantState.WRITTEN_OFF, None, None)
        assert world.audit(name).count("grant.written_off") == 1
    assert commands[0].open_grants() == {}
