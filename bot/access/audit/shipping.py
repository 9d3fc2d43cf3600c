"""Ships the audit trail to an index, in order and at least once. The database stores the position."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

import structlog

from bot.access.audit.chain_identity import begin_chain, chain_id
from bot.access.audit.formats import as_ecs, document_id
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

    def held(self, chain: str, after: int, most: int) -> Mapping[int, frozenset[str]]:
        """The hashes of the events that it has of that chain, by their number, from the `most` numbers after `after`.

        Raises `Outage`, and `Refusal` if it does not let us read.
        """
        ...


@dataclass
class Shipping:
    """Events whose receipt was lost are shipped again under the same id, which changes nothing.

    The id of a document is the chain, the number and the hash of its event, so that an id which exists is this very
    event. An event of a lost or restored database has another id, and both are kept.
    """

    store: Store
    trail: AuditSource
    destination: Destination
    clock: Clock
    shipped: int = 0
    """Events shipped by this process."""
    _failures: int = 0
    _not_before: datetime | None = field(default=None)
    _alone_after: int | None = field(default=None)
    """The position after which the index is known to have nothing of this chain."""

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

    def recognise_copy(self) -> None:
        """Begins a new chain if this database was restored from an older copy, before it writes its first event.

        An index that does not answer is asked again before events are sent to it.
        """
        try:
            self._chain_for(self.trail.shipped(self.destination.name))
        except Outage as error:
            log.info("the audit index cannot be compared with the database yet", error=str(error))

    def _ship_some(self) -> bool:
        """Whether there may be more. The position moves only once everything before it was accepted."""
        position = self.trail.shipped(self.destination.name)
        if not self.trail.after(position, 1):
            return False
        now = self.clock.now()
        with self.store.writing() as write:
            if not write.claim_duty(_DUTY, now, now + SHIPPING_CLAIM):
                return False
        chain = self._chain_for(position)
        events = self.trail.after(position, BATCH)
        self.destination.send([(document_id(each, chain), as_ecs(each, chain)) for each in events])
        now_at = events[-1].sequence or position
        with self.store.writing() as write:
            write.record_shipped(self.destination.name, position, now_at)
        if self._alone_after == position:
            self._alone_after = now_at
        self.shipped += len(events)
        return len(events) == BATCH

    def _chain_for(self, position: int) -> str:
        """The id of the chain under which events are sent from that position on: a new one, if the index has others
        in their place. Raises `Outage`.
        """
        chain = chain_id(self.store, self.clock.now())
        if self._alone_after == position:
            return chain
        try:
            held = self.destination.held(chain, position, BATCH)
        except Refusal as error:
            log.warning(
                "the audit index cannot be read, so a database restored from an older copy is not recognised; "
                "nothing is lost", error=str(error),
            )  # fmt: skip
            held = {}
        # Read after the index, so that another process cannot have sent anything that is not here.
        ours = {each.sequence: each.hash for each in self.trail.after(position, BATCH)}
        for sequence, hashes in sorted(held.items()):
            if ours.get(sequence) not in hashes:
                chain = begin_chain(self.store, chain, self.clock.now(), sent_from=position + 1, missing_from=sequence)
                break
        else:
            if held:
                return chain  # a receipt was lost, or the copy is older by more than these: the next ones will tell
        self._alone_after = position
        return chain
