"""Writes off a cluster that is gone for good: its grants end without the cluster's confirmation."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from bot.access.errors import LostRace
from bot.access.ids import APPLICATION
from bot.access.lifecycle.grants import enqueue_end, start_ending
from bot.access.lifecycle.requests import audience_of, enqueue_outcome
from bot.access.models.columns import FREE, Json
from bot.access.models.grants import Grant
from bot.access.models.request_details import RequestDetails
from bot.access.ports import Clock
from bot.access.states import LIVE, OVER, EndReason, GrantState, RequestState
from bot.access.store.store import Store
from bot.access.store.transaction import Transaction

TOGETHER = 100
"""Grants in one transaction."""


@dataclass(frozen=True)
class WriteOff:
    """Moves every grant of a cluster to `written_off`, by the same transitions as a revocation that fails for good."""

    store: Store
    clock: Clock

    def open_grants(self) -> Mapping[str, int]:
        """How many grants are not over, or still have work to be done, in each integration that has any."""
        with self.store.reading() as read:
            return read.count_open_grants()

    def write_off(self, integration: str, actor: str) -> Sequence[RequestDetails]:
        """Writes off the cluster in the name of `actor`, and returns the grants never confirmed gone.

        Pending requests for it are cancelled, and messages to everybody concerned become due. After an interruption it
        can be called again, and returns the rest.
        """
        now = self.clock.now()
        with self.store.writing() as write:
            left = write.count_open_grants().get(integration, 0)
            write.audit("integration.written_off", actor, now, None, integration=integration, grants=left)
        while self._cancel_some(integration):
            pass
        never_confirmed: list[RequestDetails] = []
        while (some := self._write_off_some(integration, actor)) is not None:
            never_confirmed += some
        return never_confirmed

    def _cancel_some(self, integration: str) -> bool:
        """Whether there may be more."""
        now = self.clock.now()
        why = f"The cluster {integration} is gone for good."
        with self.store.writing() as write:
            found = write.pending_requests(integration, TOGETHER)
            for request in found:
                with suppress(LostRace):
                    write.move(
                        request, RequestState.CANCELLED, APPLICATION, now,
                        decided_at=now, decision_reason=why, escalate_at=None, route_at=None,
                    )  # fmt: skip
                    enqueue_outcome(write, request, now)
        return bool(found)

    def _write_off_some(self, integration: str, actor: str) -> list[RequestDetails] | None:
        """The grants of one transaction; `None` when there are no more. Those that changed meanwhile come again."""
        now = self.clock.now()
        with self.store.writing() as write:
            found = write.all_request_details(write.open_grants(integration, TOGETHER))
            grants = [each.grant for each in found if each.grant is not None]
            if not grants:
                return None
            over = [grant for grant in grants if grant.state in OVER]
            taken = {grant.id for grant in _move_to_the_end(write, grants, actor, now)}
            hear = {
                each.request.id: [*audience_of(each.request), *each.approvers, *each.request.owners]
                for each in found
                if each.request.id in taken
            }
            enqueue_end(write, hear, now)
            for grant in over:  # its disabled user was to be deleted later
                with suppress(LostRace):
                    write.change(grant, "grant.deletion_written_off", actor, now, due_at=None, **FREE)
                    taken.add(grant.id)
        return [each for each in found if each.request.id in taken]


def _move_to_the_end(write: Transaction, grants: Sequence[Grant], actor: str, now: datetime) -> Sequence[Grant]:
    """Makes every transition up to `written_off`, and returns the grants that got there."""
    start_ending(write, [grant for grant in grants if grant.state in LIVE], EndReason.WRITTEN_OFF, APPLICATION, now)
    detail: dict[str, Mapping[str, Json]] = {grant.id: grant.receipt or {} for grant in grants}
    write.move_all(
        [grant for grant in grants if grant.state is GrantState.REVOKING],
        GrantState.REVOCATION_FAILED, APPLICATION, now, detail,
    )  # fmt: skip
    return write.move_all(
        [grant for grant in grants if grant.state is GrantState.REVOCATION_FAILED],
        GrantState.WRITTEN_OFF, actor, now, detail, due_at=None, **FREE,
    )  # fmt: skip
