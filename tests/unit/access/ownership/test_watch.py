"""The watch over owners gives each cluster a thread of its own."""

from collections.abc import Callable, Sequence
from threading import Event
from time import monotonic, sleep

from bot.access.ownership.watch import OwnerWatch
from bot.access.ports import Catalogue
from tests.fakes import PRODUCTION, FakeCluster, FakeClusters, World, policy_of

SECOND = PRODUCTION.model_copy(update={"name": "second"})
UNOWNED = PRODUCTION.model_copy(update={"name": "unowned", "resource_owner": None})


class HangingCluster(FakeCluster):
    """Answers a look when `released`."""

    def __init__(self) -> None:
        super().__init__()
        self.released = Event()
        self.looks = 0

    def look(self, patterns: Sequence[str]) -> Catalogue:
        self.looks += 1
        self.released.wait(30)
        return super().look(patterns)


def soon(holds: Callable[[], bool]) -> None:
    until = monotonic() + 30
    while not holds():
        assert monotonic() < until
        sleep(0.01)


def test_a_cluster_that_hangs_holds_up_no_other_and_is_not_asked_twice(world: World) -> None:
    hanging, unowned = HangingCluster(), HangingCluster()
    world.current.policy = policy_of(integrations=(PRODUCTION, SECOND, UNOWNED))
    clusters = FakeClusters(production=hanging, second=FakeCluster(), unowned=unowned)
    shared = (world.memory, world.owner_decisions, world.current, world.clock)
    watch = OwnerWatch(world.store, clusters, *shared, world.executor)

    def remembered(integration: str) -> bool:
        with world.store.reading() as read:
            return read.owner_observation(integration) is not None

    try:
        watch.run_once()
        soon(lambda: remembered("second"))
        watch.run_once()
        assert hanging.looks == 1
        assert not remembered("production")
    finally:
        hanging.released.set()
    soon(lambda: remembered("production"))
    soon(lambda: not watch._under_way)
    watch.run_once()
    soon(lambda: hanging.looks == 2)
    assert unowned.looks == 0
