"""The watch over owners looks where owners are read from the cluster."""

from bot.access.errors import Outage
from bot.access.ownership.watch import OwnerWatch
from tests.fakes import PRODUCTION, FakeCluster, FakeClusters, World, policy_of

SECOND = PRODUCTION.model_copy(update={"name": "second"})
UNOWNED = PRODUCTION.model_copy(update={"name": "unowned", "resource_owner": None})


def test_it_looks_at_one_cluster_or_at_all_that_name_owners(world: World) -> None:
    away = FakeCluster()
    world.current.policy = policy_of(integrations=(PRODUCTION, SECOND, UNOWNED))
    clusters = FakeClusters(production=away, second=FakeCluster(), unowned=FakeCluster())
    watch = OwnerWatch(world.store, clusters, world.memory, world.current, world.clock)

    def remembered() -> list[bool]:
        with world.store.reading() as read:
            return [read.owner_observation(name) is not None for name in ("production", "second", "unowned")]

    watch.run_once("second")
    assert remembered() == [False, True, False]
    away.asked.errors = [Outage("away")]
    watch.run_once()
    assert remembered() == [False, True, False]
    watch.run_once()
    assert remembered() == [True, True, False]
