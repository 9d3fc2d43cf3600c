"""Ships the audit trail to an index, in order and at least once. The database stores the position."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

import structlog

from bot.access.audit.formats import as_ecs
from bot.access.backoff import LONGEST_PAUSE_OF_SHIPPING, pause_after
from bot.access.claims import SHIPPING_CLAIM
from bot.access.errors import Outage, Refusal
from bot.access.models.audit import AuditEvent
from bot.access.ports import Clock
from bot.access.store.store import Store

BATCH = 500
"""Events in one call: some 400 KB."""

_DUTY = "audit shipping"

log = structlog.get_logger(__name__)


class AuditSource(Protocol):
    """The source of the events, and the position up to which they were shipped."""

    def after(self, sequence: int, most: int) -> Sequence[AuditEvent]: ...

    def shipped(self, destination: str) -> int: ...


class Destination(Protocol):
    """The destination of the trail. `name` identifies it in the database."""

    @property
    def name(self) -> str: ...

    def send(self, documents: Sequence[tuple[str, dict[str, Any]]]) -> None:
        """Stores each document under its id unless that id exists. Raises `Outage`, `Refusal`."""
        ...


@dataclass
class Shipping:
    """Events whose receipt was lost are shipped again under the same id, which changes nothing."""

    store: Store
    trail: AuditSource
    destination: Destination
    clock: Clock
    shipped: int = 0
    """Events shipped by this process."""
    _failures: int = 0
    _not_before: datetime | None = field(default=None)

    def ship(self) -> None:
        """Ships everything that is due. After a failure the index is left alone for a while, and its events wait."""
        now = self.clock.now()
        if self._not_before is not None and now < self._not_before <= now + 2 * LONGEST_PAUSE_OF_SHIPPING:
            return
        try:
            while self._ship_some():
                pass
        except (Outage, Refusal) as error:
            self._failures += 1
            self._not_before = now + pause_after(self._failures, LONGEST_PAUSE_OF_SHIPPING)
            log.warning("the audit trail cannot be sent on; it waits", failures=self._failures, error=str(error))
        else:
            self._failures, self._not_before = 0, None

    def _ship_some(self) -> bool:
        """Whether there may be more. The position moves only once everything before it was accepted."""
        position = self.trail.shipped(self.destination.name)
        events = self.trail.after(position, BATCH)
        if not events:
            return False
        now = self.clock.now()
        with self.store.writing() as write:
            if not write.claim_duty(_DUTY, now, now + SHIPPING_CLAIM):
                return False
        self.destination.send([(str(each.sequence), as_ecs(each)) for each in events])
        with self.store.writing() as write:
            write.record_shipped(self.destination.name, position, events[-1].sequence or position)
        self.shipped += len(events)
        return len(events) == BATCH
