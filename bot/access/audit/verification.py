"""Verifies the audit chain. Pure."""

from dataclasses import dataclass

from bot.access.models.audit import AuditEvent
from bot.access.store.chain import GENESIS, AuditEntry, Head, hash_of


@dataclass(frozen=True)
class ChainBreak:
    """The first event that differs from the one that was written."""

    sequence: int
    why: str


class Verification:
    """Checks the events of a chain in the order of their sequence, and then its head.

    `kept` is a head that was noted elsewhere earlier: its event must still be there.
    """

    def __init__(self, kept: Head | None = None) -> None:
        self.head = Head(0, GENESIS)
        self._kept = kept

    def check(self, event: AuditEvent | AuditEntry) -> ChainBreak | None:
        """Whether this event follows the one before. Nothing more can be checked after the first `ChainBreak`."""
        due = self.head.sequence + 1
        if event.sequence != due:
            return _out_of_turn(event, due)
        if hash_of(event) != event.hash:
            return ChainBreak(due, "it was altered, or moved here from another place")
        if event.previous != self.head.hash:
            # This event is intact, and so is the hash of its predecessor that it contains.
            return ChainBreak(max(due - 1, 1), "it was rewritten: the event after it was chained to another one")
        self.head = Head(due, str(event.hash))
        if self._kept is not None and self._kept.sequence == due and self._kept != self.head:
            return ChainBreak(
                due, "it was rewritten, and so was all before it or after it: the hash that was kept differs"
            )
        return None

    def end(self, head: Head | None, unchained: int) -> ChainBreak | None:
        """Compares the last event with the stored head. `unchained` counts rows outside the chain."""
        last = self.head.sequence
        if head is None and last > 0:
            return ChainBreak(last, "the head of the chain is missing, so that later events may be missing, too")
        if head is not None and head.sequence > last:
            return ChainBreak(last + 1, f"it is missing, and so are all after it, up to {head.sequence}")
        if self._kept is not None and self._kept.sequence > last:
            return ChainBreak(last + 1, f"it is missing: the head that was kept had {self._kept.sequence} events")
        if head is not None and head.sequence < last:
            return ChainBreak(head.sequence + 1, "it was added from outside: the head of the chain is before it")
        if head is not None and head.hash != self.head.hash:
            return ChainBreak(max(last, 1), "it was rewritten: the head of the chain has another hash")
        if unchained:
            return ChainBreak(last + 1, f"{unchained} rows without a place in the chain were added from outside")
        return None


def _out_of_turn(event: AuditEvent | AuditEntry, due: int) -> ChainBreak:
    if event.sequence is None or event.sequence < due:
        return ChainBreak(due, f"a row with the number {event.sequence} stands in its place")
    through = f", and so are all up to {event.sequence - 1}" if event.sequence - 1 > due else ""
    return ChainBreak(due, f"it is missing{through}")
