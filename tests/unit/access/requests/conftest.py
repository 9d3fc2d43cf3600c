"""Teams that own resources."""

import pytest

from tests.fakes import SHOP, WEB, World, flow


@pytest.fixture
def teams(world: World) -> World:
    """Two teams that own some of the resources, and an integration owner for the rest."""
    world.directory.people |= {"@web": WEB, "@shop": SHOP}
    world.cluster.owners = {"logs-a": ("@web",), "logs-b": ("@shop",)}
    return world.under(flow())
