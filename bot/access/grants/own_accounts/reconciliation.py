"""Compares the personal roles of a cluster with the database, from the metadata of the roles alone."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from bot.access.accounts.account import Account, FoundRole, PersonalRole, UnusableAccount
from bot.access.errors import Outage
from bot.access.grants.adoption import Adoption
from bot.access.grants.classification import SETTLING
from bot.access.grants.own_accounts.personal_roles import PersonalRoles, account_of
from bot.access.ids import APPLICATION, USERNAME_PREFIX
from bot.access.lifecycle.grants import start_ending
from bot.access.models.grants import Grant
from bot.access.models.own_accounts import OwnAccount
from bot.access.owners import notified_owners
from bot.access.policy.model import Integration
from bot.access.ports import CredentialSpec, InventoryItem
from bot.access.states import EndReason, GrantState
from bot.access.store.store import Store

_PAGE = 500

log = structlog.get_logger(__name__)


@dataclass
class RoleComparison:
    """The changes of one run, as ids of grants. `set_right` are roles that somebody had changed."""

    adopted: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    removed_by_hand: list[str] = field(default_factory=list)
    set_right: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class OwnAccountReconciliation:
    """Adopts parts of roles that are not known here, ends those that are over, and corrects changed ones."""

    store: Store
    roles: PersonalRoles
    adoption: Adoption

    def run(self, integration: Integration) -> RoleComparison:
        """Compares all personal roles of one cluster. Raises `Outage`, `Refusal`."""
        outcome = RoleComparison()
        seen: set[str] = set()
        for page in self.roles.accounts[integration.name].accounts.found():
            for role in page:
                seen.add(role.name)
                self._compare(integration, role, outcome)
        self._look_at_live(integration, seen, outcome)
        return outcome

    # --- roles that are there ---

    def _compare(self, integration: Integration, role: FoundRole, outcome: RoleComparison) -> None:
        now = self._now()
        with self.store.reading() as read:
            known = read.grants_of([part.grant_id for part in role.parts])
        if any(_is_recent(grant, now) for grant in known.values()):
            return  # a search may show the role as it was
        lost = [part for part in role.parts if part.grant_id not in known and part.expires_at > now]
        row = self._row_of(integration, role)
        if row is None or row.role != role.name:
            # Somebody else has the account, or the person has another one: the role gives nothing any more.
            self._end_unowned(integration, role, outcome)
            return
        if lost:
            outcome.adopted += self._adopt(integration, role, lost, now)
        [wanted] = self.roles.roles_of(integration.name, [row])
        over = sorted({part.grant_id for part in role.parts} - {part.grant_id for part in wanted.parts})
        if role.by_hand or _by_id(wanted.parts) != _by_id(role.parts):
            self._set_right(integration, role, over, outcome)

    def _row_of(self, integration: Integration, role: FoundRole) -> OwnAccount | None:
        """The row of the role's person, made from the metadata if the database has lost it."""
        with self.store.writing() as write:
            row = write.own_account(integration.name, role.person)
            if row is None and role.account is not None:
                account = role.account
                row = write.adopt_account(
                    integration.name, role.person, account.username, account.realm, role.name, self._now()
                )
        return row

    def _adopt(
        self, integration: Integration, role: FoundRole, lost: Sequence[CredentialSpec], now: datetime
    ) -> list[str]:
        items = [_item(role, part) for part in lost]
        owners = self.adoption.owners(integration)
        account = role.account or Account("", "")
        stored = {"username": account.username, "realm": account.realm, "role": role.name}
        with self.store.writing() as write:
            grants = self.adoption.adopt(write, items, integration.name, owners, now)
            for grant, part in zip(grants, lost, strict=True):
                write.adopt_own_access(grant.id, stored, part.withheld, part.excluded)
        return [grant.id for grant in grants]

    def _set_right(
        self, integration: Integration, role: FoundRole, over: Sequence[str], outcome: RoleComparison
    ) -> None:
        receipts = self.roles.set_right(integration.name, role.person, over)
        if not receipts or not receipts[0].complete:
            return  # the next run finds it again
        outcome.ended += over
        now = self._now()
        with self.store.writing() as write:
            write.audit(
                "account.role_set_right", APPLICATION, now, None,
                integration=integration.name, person=role.person, role=role.name, by_hand=role.by_hand,
                ended=list(over), **receipts[0].stored(),
            )  # fmt: skip
        if role.by_hand:
            outcome.set_right.append(role.name)
            self._tell(integration, role)

    def _tell(self, integration: Integration, role: FoundRole) -> None:
        text = (
            f"Somebody changed the role {role.name} in {integration.name}, which holds the access of <@{role.person}>. "
            "I have written it again as it was approved. Elasticsearch's audit log says who it was."
        )
        with suppress(Outage):
            owners = notified_owners(self.adoption.directory, integration)
            with self.store.writing() as write:
                write.notify(owners, text, self._now(), about=f"role {role.name}")

    def _end_unowned(self, integration: Integration, role: FoundRole, outcome: RoleComparison) -> None:
        ended = [part.grant_id for part in role.parts]
        none = PersonalRole(role.name, role.person, role.account or Account("", ""))
        [receipt] = self.roles.accounts[integration.name].accounts.end([none], {role.name: ended})
        if receipt.complete:
            outcome.ended += ended
        with self.store.writing() as write:
            write.audit(
                "account.role_ended", APPLICATION, self._now(), None,
                integration=integration.name, person=role.person, role=role.name, ended=ended, **receipt.stored(),
            )  # fmt: skip

    # --- live grants ---

    def _look_at_live(self, integration: Integration, seen: set[str], outcome: RoleComparison) -> None:
        """Ends live grants whose role somebody has deleted, or whose account cannot be used any more."""
        after = ""
        while True:
            with self.store.reading() as read:
                page = read.people_with_own_access(integration.name, after, _PAGE)
                rows = {row.person: row for row in read.own_accounts(integration.name, page)}
                grants = read.own_grants(integration.name, page)
            for person in page:
                theirs = [grant for grant, request in grants if request.requester == person]
                if (row := rows.get(person)) is not None:
                    self._look_at_person(integration, row, theirs, seen, outcome)
            if len(page) < _PAGE:
                return
            after = page[-1]

    def _look_at_person(
        self, integration: Integration, row: OwnAccount, grants: Sequence[Grant], seen: set[str],
        outcome: RoleComparison,
    ) -> None:  # fmt: skip
        now = self._now()
        settled = [each for each in grants if each.state is GrantState.ACTIVE and not _is_recent(each, now)]
        if not settled or (row.claimed_until is not None and row.claimed_until > now):
            return
        if row.role not in seen:
            outcome.removed_by_hand += self._end(settled, EndReason.REMOVED_BY_HAND)
            return
        try:
            self.roles.accounts[integration.name].accounts.find(account_of(row))
        except UnusableAccount as error:
            outcome.ended += self._end(settled, EndReason.ACCOUNT_UNUSABLE, str(error))

    def _end(self, grants: Sequence[Grant], end: EndReason, error: str = "") -> list[str]:
        with self.store.writing() as write:
            return [each.id for each in start_ending(write, grants, end, APPLICATION, self._now(), error)]

    def _now(self) -> datetime:
        return self.roles.clock.now()


def _is_recent(grant: Grant, now: datetime) -> bool:
    """Whether a search for roles may not know yet what became of the grant."""
    changed = grant.ended_at or grant.delivered_at or grant.created_at
    return now - changed < SETTLING or (grant.due_at is not None and grant.due_at <= now)


def _by_id(parts: Sequence[CredentialSpec]) -> Mapping[str, CredentialSpec]:
    return {part.grant_id: part for part in parts}


def _item(role: FoundRole, part: CredentialSpec) -> InventoryItem:
    return InventoryItem(
        username=USERNAME_PREFIX + part.grant_id.removeprefix("REQ-").lower(),
        grant_id=part.grant_id,
        requester=role.person,
        expires_at=part.expires_at,
        user=False,
        enabled=False,
        role=True,
        patterns=part.patterns,
        privileges=part.privileges,
    )
