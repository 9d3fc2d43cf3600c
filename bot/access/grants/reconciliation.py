"""Reconciliation: compares each cluster with the database, so that nothing created lives on unknown or is missing."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.access.claims import MISSING_GRANT_CLAIM, RECONCILIATION_CLAIM
from bot.access.errors import LostRace, Outage, Refusal
from bot.access.grants.adoption import Adoption
from bot.access.grants.attempts import EarlierAttempts, correct
from bot.access.grants.classification import SETTLING, ItemStatus, classify, newest_of_each
from bot.access.grants.clock_skew import ClockSkewMonitor
from bot.access.grants.own_accounts.personal_roles import PersonalRoles
from bot.access.grants.own_accounts.reconciliation import OwnAccountReconciliation
from bot.access.ids import APPLICATION
from bot.access.intervals import RECONCILE_EVERY
from bot.access.lifecycle.grants import end_grant, start_ending
from bot.access.models.columns import CredentialKind
from bot.access.models.grants import Grant
from bot.access.policy.current import CurrentPolicy
from bot.access.policy.model import Integration
from bot.access.ports import Clock, Clusters, InventoryItem
from bot.access.states import EndReason, GrantState
from bot.access.store.store import Store
from bot.access.store.transaction import Transaction

_PAGE = 500


@dataclass
class ReconciliationResult:
    """The result of one run over one cluster. `error` says why it could not finish."""

    integration: str
    found: int = 0
    adopted: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    again: list[str] = field(default_factory=list)
    removed_by_hand: list[str] = field(default_factory=list)
    set_right: list[str] = field(default_factory=list)
    swept: int = 0
    by_clock: int = 0
    error: str = ""

    @property
    def changes(self) -> dict[str, int]:
        """Counts of the changes made, by kind, without zeros."""
        counts = {
            "adopted": len(self.adopted),
            "ended": len(self.ended),
            "found_again": len(self.again),
            "removed_by_hand": len(self.removed_by_hand),
            "roles_set_right": len(self.set_right),
            "earlier_attempts": self.swept,
            "over_by_clock": self.by_clock,
        }
        return {name: count for name, count in counts.items() if count}

    @property
    def ending(self) -> list[str]:
        """Grants that now have to be removed from the cluster and confirmed."""
        return [*self.ended, *self.again, *self.removed_by_hand]


class _ClaimedElsewhere(Exception):
    """Another process has claimed this duty."""


@dataclass
class Reconciliation:
    """Compares clusters with the database."""

    store: Store
    clusters: Clusters
    adoption: Adoption
    clocks: ClockSkewMonitor
    roles: PersonalRoles
    current: CurrentPolicy
    clock: Clock
    _began_here: set[str] = field(default_factory=set, init=False)

    @property
    def attempts(self) -> EarlierAttempts:
        """Removes what earlier attempts left."""
        return EarlierAttempts(self.store, self.clusters, self.clock)

    def run_once(self, only: str | None = None) -> Sequence[ReconciliationResult]:
        """Reconciles one cluster if it is due, or each in turn: at the start, then at intervals; a failed one again
        soon.
        """
        named = [each for each in self.current.policy.integrations if only in {None, each.name}]
        due = [each for each in named if self._is_due(each.name)]
        return [outcome for each in due if (outcome := self.reconcile(each)) is not None]

    def reconcile(self, integration: Integration) -> ReconciliationResult | None:
        """Reconciles one cluster now; `None` if another process is doing it."""
        outcome = ReconciliationResult(integration.name)
        try:
            self._reconcile(integration, outcome)
        except _ClaimedElsewhere:
            return None
        except (Outage, Refusal) as error:
            outcome.error = str(error)
        self._finish(outcome)
        return outcome

    def _is_due(self, integration: str) -> bool:
        if integration not in self._began_here:
            return True
        now = self.clock.now()
        with self.store.reading() as read:
            last = read.setting(_name(integration))
        return last is None or not timedelta(0) <= now - last.at < RECONCILE_EVERY

    def _reconcile(self, integration: Integration, outcome: ReconciliationResult) -> None:
        name = integration.name
        with self.store.writing() as write:
            self._hold(write, name)
        seen: set[str] = set()
        owners: Sequence[str] | None = None
        for page in self.clusters[name].found():
            seen.update(each.username for each in page if each.enabled)
            seen.update(key for each in page for key in each.key_ids)
            with self.store.reading() as read:
                known = read.grants_named([each.username for each in page])
            statuses = [(each, classify(each, known.get(each.username), self.clock.now())) for each in page]
            outcome.found += sum(1 for _, status in statuses if status is not ItemStatus.NOT_OURS)
            settled = {ItemStatus.AS_KNOWN, ItemStatus.NOT_OURS, ItemStatus.EARLIER, ItemStatus.CHECK}
            some = [(each, status) for each, status in statuses if status not in settled]
            earlier = [each for each, status in statuses if status is ItemStatus.EARLIER]
            outcome.swept += self.attempts.remove(name, [(known[each.username], each.username) for each in earlier])
            if loose := [each.username for each, status in statuses if _is_loose(each, status, known)]:
                self.clusters[name].remove(loose)
            if some:
                owners = self.adoption.owners(integration) if owners is None else owners
            for start in range(0, len(some), _PAGE):
                with self.store.writing() as write:
                    self._hold(write, name)
                    self._settle(write, some[start : start + _PAGE], known, owners or (), outcome)
        self._end_missing(name, seen, outcome)
        self._compare_roles(integration, outcome)
        with suppress(Refusal):  # a cluster that does not tell its time is assumed to have ours
            self.clocks.measure(name)
        outcome.by_clock = self.clocks.end_expired(name)

    def _compare_roles(self, integration: Integration, outcome: ReconciliationResult) -> None:
        found = OwnAccountReconciliation(self.store, self.roles, self.adoption).run(integration)
        outcome.adopted += found.adopted
        outcome.ended += found.ended
        outcome.removed_by_hand += found.removed_by_hand
        outcome.set_right += found.set_right

    def _hold(self, write: Transaction, integration: str) -> None:
        now = self.clock.now()
        if not write.claim_duty(_name(integration), now, now + RECONCILIATION_CLAIM):
            raise _ClaimedElsewhere

    def _settle(
        self,
        write: Transaction,
        some: Sequence[tuple[InventoryItem, ItemStatus]],
        known: Mapping[str, Grant],
        owners: Sequence[str],
        outcome: ReconciliationResult,
    ) -> None:
        now = self.clock.now()
        for found, status in some:
            if status is ItemStatus.AGAIN:
                self._end_again(write, known[found.username], found, now, outcome)
            elif status in {ItemStatus.LATER, ItemStatus.OUTDATED}:
                correct(write, known[found.username], found, status, now)
        known_ones = {ItemStatus.AGAIN, ItemStatus.LATER, ItemStatus.OUTDATED}
        unknown = newest_of_each([(found, status) for found, status in some if status not in known_ones])
        lost = {found.username for found, status in some if status is ItemStatus.LOST}
        grants = self.adoption.adopt(write, unknown, outcome.integration, owners, now)
        outcome.adopted += [grant.id for grant in grants if grant.username in lost]
        over = [grant for grant in grants if grant.username not in lost]
        taken = start_ending(write, over, EndReason.UNKNOWN, APPLICATION, now)
        outcome.ended += [grant.id for grant in taken]

    def _end_again(
        self, write: Transaction, grant: Grant, found: InventoryItem, now: datetime, outcome: ReconciliationResult
    ) -> None:
        detail = {"user": found.enabled, "role": found.role, "keys": len(found.key_ids)}
        with suppress(LostRace):  # a worker is on it
            attempt = max(grant.attempt, grant.attempt_of(found.username))
            write.change(grant, "grant.found_again", APPLICATION, now, detail, due_at=now, attempts=0, attempt=attempt)
            outcome.again.append(grant.id)

    def _end_missing(self, integration: str, seen: set[str], outcome: ReconciliationResult) -> None:
        """Ends active grants that no search has shown and that a lookup by name does not find either."""
        after = ""
        while True:
            with self.store.reading() as read:
                page = read.active_grants(integration, after, _PAGE)
            for grant, kind in page:
                if self._may_be_missing(grant, kind, seen) and self._is_missing(integration, grant.id, kind):
                    outcome.removed_by_hand.append(grant.id)
            if len(page) < _PAGE:
                return
            after = page[-1][0].id
            with self.store.writing() as write:
                self._hold(write, integration)

    def _may_be_missing(self, grant: Grant, kind: CredentialKind, seen: set[str]) -> bool:
        if kind is CredentialKind.OWN_ACCOUNT:
            return False  # it has no user and no key of its own
        if kind is CredentialKind.API_KEY:
            # Without a key id it was never revealed, so there is no key.
            missing = grant.key_id is not None and grant.key_id not in seen
        else:
            missing = grant.username not in seen
        since = grant.delivered_at or grant.created_at
        return missing and self.clock.now() - since > SETTLING

    def _is_missing(self, integration: str, grant_id: str, kind: CredentialKind) -> bool:
        """Whether the grant is missing, and was ended here. It is claimed meanwhile: a key may be changing."""
        now = self.clock.now()
        with self.store.writing() as write:
            self._hold(write, integration)
            grant = write.claim_grant(grant_id, now, now + MISSING_GRANT_CLAIM)
        if grant is None:
            return False
        try:
            idle = grant.state is GrantState.ACTIVE and grant.task is None and grant.expires_at > now
            key_id = grant.key_id if kind is CredentialKind.API_KEY else None
            gone = idle and not self.clusters[integration].exists(grant.username, key_id)
        except (Outage, Refusal):
            self._release_claim(grant)
            raise
        if gone:
            with suppress(LostRace), self.store.writing() as write:
                end_grant(write, grant, EndReason.REMOVED_BY_HAND, APPLICATION, now)
                write.postpone(grant, now)
                return True
        self._release_claim(grant)
        return False

    def _release_claim(self, grant: Grant) -> None:
        with self.store.writing() as write:
            write.postpone(grant, grant.due_at or self.clock.now())

    def _finish(self, outcome: ReconciliationResult) -> None:
        now, name = self.clock.now(), _name(outcome.integration)
        with self.store.writing() as write:
            if not outcome.error:
                write.set_setting(name, str(outcome.found), now)
            if outcome.changes:
                write.audit(
                    "reconcile.finished", APPLICATION, now, None,
                    integration=outcome.integration, found=outcome.found, error=outcome.error, **outcome.changes,
                )  # fmt: skip
            write.claim_duty(name, now, now)  # another process may start at once
        if not outcome.error:
            self._began_here.add(outcome.integration)


def _is_loose(found: InventoryItem, status: ItemStatus, known: Mapping[str, Grant]) -> bool:
    """Whether no end of a grant removes the name: that of a check, or of an attempt older than an end looks for."""
    return status is ItemStatus.CHECK or (
        status is ItemStatus.AGAIN and found.username not in known[found.username].usernames
    )


def _name(integration: str) -> str:
    """The name of the claimed duty, and of the setting with the last run."""
    return f"reconcile {integration}"
