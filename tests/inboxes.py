"""An inbox that writes."""

from collections.abc import Iterator
from contextlib import contextmanager

from bot.access.notifications.inbox import Inbox
from bot.access.ports import Clock
from bot.access.store.store import Store


@contextmanager
def open_inbox(store: Store, clock: Clock) -> Iterator[Inbox]:
    """It stops at the end of the block."""
    inbox = Inbox(store, clock)
    inbox.start()
    try:
        yield inbox
    finally:
        inbox.stop()
