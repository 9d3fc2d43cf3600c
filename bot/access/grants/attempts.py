"""What late calls of dead processes left in a cluster while their grant is live, and how that is mended."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from bot.access.claims import MISSING_GRANT_CLAIM
from bot.access.errors import LostRace, Outage
from bot.access.grants.classification import ItemStatus
from bot.access.ids import APPLICATION
from bot.access.models.columns import FREE
from bot.access.models.grants import Grant, GrantTask
from bot.access.models.messages import MessageKind
from bot.access.ports import Clock, Clusters, InventoryItem
from bot.access.states import OVER, GrantState
from bot.access.store.store import Store
from bot.access.store.transaction import Transaction


@dataclass(frozen=True)
class EarlierAttempts:
    """Removes users, roles and keys whose secret nobody was shown, or whose successor was."""

    store: Store
    clusters: Clusters
    clock: Clock

    def remove(self, integration: str, found: Sequence[tuple[Grant, str]]) -> int:
        """Removes these names of live grants, and returns how many are gone. Raises `Outage`."""
        return sum(self._remove(integration, grant.id, username) for grant, username in found)

    def _remove(self, integration: str, grant_id: str, username: str) -> bool:
        """Whether the name was removed. The grant is claimed meanwhile: a secret of that name may be in the making."""
        now = self.clock.now()
        with self.store.writing() as write:
            grant = write.claim_grant(grant_id, now, now + MISSING_GRANT_CLAIM)
        if grant is None:
            return False
        removed = False
        try:
            if grant.state is GrantState.ACTIVE and grant.task is None and grant.username != username:
                (receipt,) = self.clusters[integration].remove([username])
                removed = receipt.complete
                with suppress(LostRace), self.store.writing() as write:
                    write.change(
                        grant, "grant.earlier_attempt_removed", APPLICATION, now,
                        {"username": username, **receipt.stored()}, due_at=grant.due_at, **FREE,
                    )  # fmt: skip
        except Outage:
            pass  # the next run finds it again
        finally:
            with self.store.writing() as write:
                write.postpone(grant, grant.due_at or now)
        return removed


def correct(write: Transaction, grant: Grant, found: InventoryItem, status: ItemStatus, now: datetime) -> None:
    """Takes up an attempt that a restored database does not know, or has the end written again."""
    with suppress(LostRace):  # a worker is on it
        if status is ItemStatus.LATER:
            attempt = grant.attempt_of(found.username)
            write.change(
                grant, "grant.renamed", APPLICATION, now, {"username": found.username},
                attempt=attempt, attempt_in_use=attempt, key_id=None if found.user else found.key_ids[-1],
            )  # fmt: skip
        else:
            write.change(
                grant, "grant.end_outdated", APPLICATION, now, {"found": str(found.expires_at)},
                task=GrantTask.EXTEND, due_at=now, attempts=0,
            )  # fmt: skip


def renew_after_takeover(write: Transaction, grant_id: str, now: datetime) -> None:
    """Renews the secret after another process took over the grant, when both may have set one.

    It is unknown which secret the cluster kept and which one was shown, so a new one is made and shown.
    """
    current = write.grant(grant_id)
    event = "grant.taken_over"
    if current is None:
        return
    if current.state is GrantState.ACTIVE:
        write.change(current, event, APPLICATION, now, task=GrantTask.RENEW, due_at=now, attempts=0)
    elif current.state is GrantState.PROVISIONING:
        # The other process is working on it and starts again.
        write.change(current, event, APPLICATION, now, due_at=now)
    elif current.state in OVER:
        write.refresh(grant_id, [MessageKind.CREDENTIAL], now)
