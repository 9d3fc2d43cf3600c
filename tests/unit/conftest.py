"""The domain on a SQLite file, and on each database."""

from collections.abc import Iterator

import pytest
from hypothesis import settings

from bot.access.store.store import Store
from tests.fakes import World, world_on

# A busy machine is no failure: how long an example may take is for pytest's own limit to say.
settings.register_profile("without-deadline", deadline=None)
settings.load_profile("without-deadline")


@pytest.fixture
def world(sqlite_store: Store) -> Iterator[World]:
    """The domain with a store on SQLite."""
    with world_on(sqlite_store) as world:
        yield world
