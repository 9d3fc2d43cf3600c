"""Writes personal roles: each as the union of its person's live grants, whole, and one writer a person at a time.

A role keeps its name, since open sessions hold it. So a call of a dead or held-up process could give back ended
access: after a call of unknown outcome, and after a writer that left its claim, the role is written again for a while.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

from bot.access.accounts.account import Account, ClustersWithAccounts, PersonalRole
from bot.access.claims import OWN_ACCOUNT_CLAIM
from bot.access.errors import Outage, Refusal, Unanswered
from bot.access.grants.specs import spec_of, spec_of_new_role
from bot.access.ids import APPLICATION
from bot.access.intervals import LOOKS_AT_OWN_ACCOUNTS
from bot.access.lifecycle.grants import start_ending
from bot.access.models.grants import Grant
from bot.access.models.own_accounts import OwnAccount
from bot.access.models.receipts import Receipt
from bot.access.models.request_details import RequestDetails
from bot.access.models.requests import AccessRequest
from bot.access.policy.current import CurrentPolicy
from bot.access.ports import Clock, Clusters, CredentialSpec
from bot.access.states import EndReason, GrantState
from bot.access.store.own_accounts import FIRST_TIME
from bot.access.store.store import Store

PATIENCE_SECONDS = 5.0
"""How long a writer waits for another one of the same person, which takes some 50 ms."""

PATIENCE_AT_ENDS_SECONDS = 0.5
"""How long an end of many people's access waits for the last of them, who are ended apart then."""

_PAUSE_SECONDS = 0.02

_MOST_LOOKS = 200
"""Roles that are written again together."""

Ending = tuple[Grant, RequestDetails]


@dataclass(frozen=True)
class PersonalRoles:
    """The personal roles in all clusters."""

    store: Store
    clusters: Clusters
    accounts: ClustersWithAccounts
    current: CurrentPolicy
    clock: Clock

    # --- while a grant lives ---

    def give(self, details: RequestDetails, grant: Grant, record: Callable[[], None]) -> None:
        """Gives a grant to the account, and calls `record` before anybody else may write the role.

        Raises what the cluster raises, and `LostRace`.
        """
        request = details.request
        with self._turn(request.integration, request.requester) as row:
            self._connect(row, request)
            self._keep(row)
            cluster = self.clusters[request.integration]
            spec = spec_of_new_role(self.store, cluster, details, grant, self.clock.now())
            self._write(row, spec)
            record()

    def rewrite(
        self, request: AccessRequest, changed: CredentialSpec | None = None, record: Callable[[], None] = lambda: None
    ) -> None:
        """Writes the role as the grants are now, with `changed` in the place of one of them.

        Calls `record` before anybody else may write the role. Raises `Outage`, `Refusal`.
        """
        with self._turn(request.integration, request.requester) as row:
            self._write(row, changed)
            record()

    def _connect(self, row: OwnAccount, request: AccessRequest) -> None:
        """Gives the account the name of its role, which stays. Looks each time: somebody may have taken it away."""
        integration = self.current.policy.find_integration(row.integration)
        rules = integration.accounts if integration is not None else None
        if rules is None:
            raise Refusal(f"the accounts of {row.integration} are not in the policy any more")
        # Stored before: an attempt that is not answered, or dies, may give the name, and the next one finds it there.
        tried = FIRST_TIME in (request.account or {})
        if row.connected_at is None:
            with self.store.writing() as write:
                write.record_first_time(request, first=True)
        accounts = self.accounts[row.integration].accounts
        new = accounts.connect(row.role, row.person, account_of(row), add_role=rules.add_role)
        if row.connected_at is not None and not new:
            return
        now = self.clock.now()
        with self.store.writing() as write:
            write.record_connection(row, now)
            write.record_first_time(request, first=new or tried)
            write.audit(
                "account.connected", APPLICATION, now, request.id,
                account=row.username, realm=row.realm, role=row.role, new=new,
            )  # fmt: skip

    def _keep(self, row: OwnAccount) -> None:
        """Claims the row anew: giving the name of the role may have taken long. Raises `Outage`."""
        with self.store.writing() as write:
            if not write.keep_claim(row, self.clock.now() + OWN_ACCOUNT_CLAIM):
                raise Outage(f"another process writes the role of {row.person} at this moment")

    def _write(self, row: OwnAccount, changed: CredentialSpec | None) -> None:
        [role] = self.roles_of(row.integration, [row])
        if changed is not None:
            others = (part for part in role.parts if part.grant_id != changed.grant_id)
            role = replace(role, parts=(*others, replace(changed, username=row.role)))
        if role.parts:
            self.accounts[row.integration].accounts.write(role)

    def roles_of(self, integration: str, rows: Sequence[OwnAccount]) -> Sequence[PersonalRole]:
        """The roles as they are to be at this moment, in the order of the rows."""
        now = self.clock.now()
        with self.store.reading() as read:
            found = read.own_grants(integration, [row.person for row in rows])
        parts: dict[str, list[CredentialSpec]] = defaultdict(list)
        for grant, request in found:
            if grant.state is GrantState.ACTIVE and grant.expires_at > now:
                parts[request.requester].append(spec_of(request, grant))
        return [
            PersonalRole(
                row.role,
                row.person,
                account_of(row),
                tuple(replace(part, username=row.role) for part in parts[row.person]),
            )
            for row in rows
        ]

    def works(self, details: RequestDetails, grant: Grant) -> bool | None:
        """Whether the account has what the grant gives; `None` if the cluster cannot say.

        Raises `Outage`, `Refusal`.
        """
        request = details.request
        with self.store.reading() as read:
            row = read.own_account(request.integration, request.requester)
        if row is None:
            return None
        spec = replace(spec_of(request, grant), username=row.role)
        return self.accounts[request.integration].accounts.works(account_of(row), spec)

    # --- ends ---

    def end(self, integration: str, endings: Sequence[Ending]) -> Mapping[str, Receipt]:
        """Takes grants that end out of their roles, and reads that back. Returns receipts by grant id.

        Grants of people whose role somebody else writes at this moment are left out.
        """
        ended: dict[str, list[str]] = defaultdict(list)
        for grant, details in endings:
            ended[details.request.requester].append(grant.id)
        rows = self._claim(integration, list(ended), PATIENCE_AT_ENDS_SECONDS)
        receipts = self._end(integration, rows, {row.role: ended[row.person] for row in rows})
        return {
            grant_id: receipt for row, receipt in zip(rows, receipts, strict=True) for grant_id in ended[row.person]
        }

    def set_right(self, integration: str, person: str, ended: Sequence[str]) -> Sequence[Receipt]:
        """Writes the role of a person as it is to be. Nothing is returned if somebody else writes it at this moment."""
        rows = self._claim(integration, [person], 0)
        return self._end(integration, rows, {row.role: ended for row in rows})

    def _end(
        self, integration: str, rows: Sequence[OwnAccount], ended: Mapping[str, Sequence[str]]
    ) -> Sequence[Receipt]:
        """Writes or deletes the roles of claimed rows, and ends the claims."""
        if not rows:
            return []
        unsure: list[OwnAccount] = list(rows)
        receipts: Sequence[Receipt] = ()
        try:
            roles = self.roles_of(integration, rows)
            receipts = self.accounts[integration].accounts.end(roles, ended)
            self._end_refused(roles, receipts)
            unsure = [row for row, receipt in zip(rows, receipts, strict=True) if not receipt.complete]
        except Outage as error:  # the integration is not configured
            receipts = [Receipt(user_gone=True, role_gone=False, keys_left=0, errors=(str(error),))] * len(rows)
        finally:
            sure = [row for row in rows if row not in unsure]
            now = self.clock.now()
            with self.store.writing() as write:
                write.release_accounts(sure)
                write.release_accounts(unsure, now + LOOKS_AT_OWN_ACCOUNTS[0])
        return receipts

    def _end_refused(self, roles: Sequence[PersonalRole], receipts: Sequence[Receipt]) -> None:
        """Ends the grants that Elasticsearch does not take any more: the role was deleted whole, to be sure of the end
        of the others.
        """
        lost = [
            part.grant_id
            for role, receipt in zip(roles, receipts, strict=True)
            for part in role.parts
            if receipt.complete and receipt.personal_role and part.grant_id not in receipt.personal_role.grants
        ]
        if lost:
            with self.store.writing() as write:
                live = [grant for each in lost if (grant := write.grant(each)) and grant.state is GrantState.ACTIVE]
                start_ending(write, live, EndReason.NOT_EVALUATED, APPLICATION, self.clock.now())

    def look_again(self, integration: str) -> None:
        """Writes the roles once more that a call of unknown outcome may have changed."""
        with self.store.reading() as read:
            due = read.accounts_to_look_at(integration, self.clock.now(), _MOST_LOOKS)
        rows = self._claim(integration, [row.person for row in due], 0) if due else []
        looks = {row.person: row.looks for row in rows}
        receipts = self._end(integration, rows, {})
        now = self.clock.now()
        with self.store.writing() as write:
            for row, receipt in zip(rows, receipts, strict=True):
                if receipt.complete:
                    made = looks[row.person] + 1
                    last = made >= len(LOOKS_AT_OWN_ACCOUNTS)
                    write.record_role_look(row, None if last else now + LOOKS_AT_OWN_ACCOUNTS[made])

    # --- one writer a person ---

    @contextmanager
    def _turn(self, integration: str, person: str) -> Iterator[OwnAccount]:
        rows = self._claim(integration, [person], PATIENCE_SECONDS)
        if not rows:
            raise Outage(f"another process writes the role of {person} at this moment")
        look_at: datetime | None = None
        try:
            yield rows[0]
        except Unanswered:
            look_at = self.clock.now() + LOOKS_AT_OWN_ACCOUNTS[0]
            raise
        finally:
            with self.store.writing() as write:
                write.release_accounts(rows, look_at)

    def _claim(self, integration: str, people: Sequence[str], patience_seconds: float) -> Sequence[OwnAccount]:
        """Claims the rows of these people, as many as become free within that time."""
        claimed: list[OwnAccount] = []
        left = list(people)
        until = time.monotonic() + patience_seconds
        while True:
            now = self.clock.now()
            with self.store.writing() as write:
                claimed += write.claim_accounts(integration, left, now, now + OWN_ACCOUNT_CLAIM)
            taken = {row.person for row in claimed}
            left = [person for person in left if person not in taken]
            if not left or time.monotonic() >= until:
                return claimed
            time.sleep(_PAUSE_SECONDS)


def account_of(row: OwnAccount) -> Account:
    """The account of a row."""
    return Account(row.username, row.realm)
