"""Queries about people's own accounts, and the turn to write their personal roles."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from secrets import token_hex

from sqlalchemy import and_, case, or_, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select

from bot.access.errors import Conflict
from bot.access.ids import PERSONAL_PREFIX
from bot.access.intervals import LOOKS_AT_OWN_ACCOUNTS
from bot.access.models.columns import FREE, CredentialKind
from bot.access.models.grants import Grant
from bot.access.models.own_accounts import OwnAccount
from bot.access.models.requests import AccessRequest
from bot.access.states import LIVE
from bot.access.store.requests import RequestQueries

FIRST_TIME = "first_time"
"""The key in the account of a request for which its requester has to sign in once more."""


class OwnAccountQueries(RequestQueries):
    """One process writes the personal role of a person in a cluster at a time: the one that has claimed the row."""

    def own_account(self, integration: str, person: str) -> OwnAccount | None:
        """The account of a person in a cluster."""
        return next(iter(self.own_accounts(integration, [person])), None)

    def own_accounts(self, integration: str, people: Sequence[str]) -> Sequence[OwnAccount]:
        """The accounts of these people in a cluster."""
        theirs = (col(OwnAccount.integration) == integration, col(OwnAccount.person).in_(people))
        return self._read_anew(OwnAccount, and_(*theirs))

    def own_account_named(self, integration: str, realm: str, username: str) -> OwnAccount | None:
        """The account of that name, in any case."""
        same = (col(OwnAccount.realm) == realm, col(OwnAccount.compared) == username.lower())
        found = self._read_anew(OwnAccount, and_(col(OwnAccount.integration) == integration, *same))
        return next(iter(found), None)

    def take_account(self, request: AccessRequest) -> None:
        """Makes the account of a request its requester's alone, and stores with the request the name of their personal
        role. Raises `Conflict` if it is somebody else's, or if they have access for another account still.
        """
        account = request.account
        if account is None:
            return
        holder = self.own_account_named(request.integration, account["realm"], account["username"])
        if holder is not None and holder.person != request.requester:
            raise Conflict(f"The account {account['username']} is somebody else's in {request.integration}.")
        mine = holder or self.own_account(request.integration, request.requester)
        if mine is None:
            mine = self._add_account(request, account)
        elif mine is not holder:
            self._change_account(mine, account)
        self.amend(request, account={**account, "role": mine.role})

    def _add_account(self, request: AccessRequest, account: dict[str, str]) -> OwnAccount:
        row = OwnAccount(
            integration=request.integration, person=request.requester, username=account["username"],
            compared=account["username"].lower(), realm=account["realm"],
            role=PERSONAL_PREFIX + request.requester.lower(),
        )  # fmt: skip
        try:
            with self._session.begin_nested():
                self._session.add(row)
        except IntegrityError:
            raise Conflict("That account is given to somebody else at this moment. Try again.") from None
        return row

    def _change_account(self, mine: OwnAccount, account: dict[str, str]) -> None:
        """Another account of the same person has a role of its own: open sessions of the old one hold its name."""
        if self.own_grants(mine.integration, [mine.person]):
            raise Conflict(f"There is access for the account {mine.username} still. That has to end first.")
        first = PERSONAL_PREFIX + mine.person.lower()
        number = int(mine.role.removeprefix(first).removeprefix("-") or 1) + 1
        mine.username, mine.compared, mine.realm = account["username"], account["username"].lower(), account["realm"]
        mine.role = f"{first}-{number}"
        mine.connected_at = None
        self._session.add(mine)
        self._session.flush()

    def give_up_account(self, row: OwnAccount) -> None:
        """Forgets whose the account is."""
        self._session.delete(row)
        self._session.flush()

    def own_grants(self, integration: str, people: Sequence[str]) -> Sequence[tuple[Grant, AccessRequest]]:
        """The live grants of these people's own accounts in a cluster, in the order of their ids."""
        found = self._session.exec(
            select(Grant, AccessRequest)
            .join(AccessRequest, col(AccessRequest.id) == col(Grant.id))
            .where(
                col(Grant.state).in_(LIVE),
                col(AccessRequest.requester).in_(people),
                AccessRequest.integration == integration,
                AccessRequest.kind == CredentialKind.OWN_ACCOUNT,
            )
            .order_by(col(Grant.id))
            .execution_options(populate_existing=True)
        ).all()
        return [(grant, request) for grant, request in found]

    def people_with_own_access(self, integration: str, after: str, most: int) -> Sequence[str]:
        """A page of the people whose own accounts have live grants in a cluster, in order, after the person `after`."""
        theirs = (
            col(Grant.state).in_(LIVE),
            AccessRequest.integration == integration,
            AccessRequest.kind == CredentialKind.OWN_ACCOUNT,
            AccessRequest.requester > after,
        )
        found = select(AccessRequest.requester).join(Grant, col(Grant.id) == col(AccessRequest.id)).where(*theirs)
        return self._session.exec(found.distinct().order_by(AccessRequest.requester).limit(most)).all()

    # --- what a lost database did not know ---

    def grants_of(self, ids: Sequence[str]) -> Mapping[str, Grant]:
        """The existing grants of these ids."""
        return {grant.id: grant for grant in self._read_anew(Grant, col(Grant.id).in_(ids))}

    def adopt_account(
        self, integration: str, person: str, username: str, realm: str, role: str, at: datetime
    ) -> OwnAccount | None:
        """Stores an account found in the cluster; `None` if it is somebody else's here."""
        if self.own_account_named(integration, realm, username) is not None:
            return None
        row = OwnAccount(
            integration=integration, person=person, username=username, compared=username.lower(), realm=realm,
            role=role, connected_at=at,
        )  # fmt: skip
        self._session.add(row)
        self._session.flush()
        return row

    def adopt_own_access(
        self, grant_id: str, account: Mapping[str, str], withheld: Sequence[str], excluded: Sequence[str]
    ) -> None:
        """Stores of an adopted grant that it is one of the requester's own account, and what its role leaves out."""
        own: dict[str, object] = {
            "kind": CredentialKind.OWN_ACCOUNT,
            "account": dict(account),
            "excluded": list(excluded) or None,
        }
        self._execute(update(AccessRequest).where(col(AccessRequest.id) == grant_id).values(**own))
        self._execute(update(Grant).where(col(Grant.id) == grant_id).values(withheld=list(withheld) or None))

    # --- the turn to write ---

    def claim_accounts(
        self, integration: str, people: Sequence[str], now: datetime, until: datetime
    ) -> Sequence[OwnAccount]:
        """Claims the free rows of these people for the caller alone, not for other threads of this process either.

        Where a dead process has left its claim, its calls may still be on their way: the role is looked at.
        """
        caller = f"{self._process} {token_hex(4)}"
        free = or_(col(OwnAccount.claimed_until).is_(None), col(OwnAccount.claimed_until) < now)
        theirs = (col(OwnAccount.integration) == integration, col(OwnAccount.person).in_(people))
        left = col(OwnAccount.claimed_by).is_not(None)
        self._execute(
            update(OwnAccount)
            .where(*theirs, free)
            .values(
                claimed_by=caller,
                claimed_until=until,
                look_at=case((left, now + LOOKS_AT_OWN_ACCOUNTS[0]), else_=col(OwnAccount.look_at)),
                looks=case((left, 0), else_=col(OwnAccount.looks)),
            )
        )
        return self._read_anew(OwnAccount, and_(*theirs, col(OwnAccount.claimed_by) == caller))

    def release_accounts(self, rows: Sequence[OwnAccount], look_at: datetime | None = None) -> None:
        """Ends the claims. `look_at`: a call was not answered, and the roles are written again from then on.

        So they are where the claim has lapsed meanwhile: the caller may have written an older state.
        """
        if not rows:
            return
        mine = and_(
            col(OwnAccount.id).in_([row.id for row in rows]),
            col(OwnAccount.claimed_by).in_({row.claimed_by for row in rows}),
        )
        looks: dict[str, object] = {} if look_at is None else {"look_at": look_at, "looks": 0}
        if self._execute(update(OwnAccount).where(mine).values(**FREE, **looks)) != len(rows):
            # The released ones among them are looked at for nothing, which does no harm.
            lost = col(OwnAccount.id).in_([row.id for row in rows])
            at = min(row.claimed_until for row in rows if row.claimed_until is not None)
            self._execute(update(OwnAccount).where(lost).values(look_at=at, looks=0))

    def keep_claim(self, row: OwnAccount, until: datetime) -> bool:
        """Makes a claim last longer. Returns False if somebody else has the row."""
        mine = and_(col(OwnAccount.id) == row.id, col(OwnAccount.claimed_by) == row.claimed_by)
        row.claimed_until = until
        return self._execute(update(OwnAccount).where(mine).values(claimed_until=until)) == 1

    def record_connection(self, row: OwnAccount, at: datetime) -> None:
        """Stores that the account has the name of its role."""
        self._execute(update(OwnAccount).where(col(OwnAccount.id) == row.id).values(connected_at=at))
        row.connected_at = at

    def record_first_time(self, request: AccessRequest, *, first: bool) -> None:
        """Stores whether the account was given the name of its role for this request: open sessions do not have it."""
        account = {key: value for key, value in (request.account or {}).items() if key != FIRST_TIME}
        account |= {FIRST_TIME: "yes"} if first else {}
        self._execute(update(AccessRequest).where(col(AccessRequest.id) == request.id).values(account=account))
        request.account = account

    def accounts_to_look_at(self, integration: str, now: datetime, most: int) -> Sequence[OwnAccount]:
        """The accounts of a cluster whose role is to be written again, the longest due first."""
        due = and_(col(OwnAccount.integration) == integration, col(OwnAccount.look_at) <= now)
        return self._session.exec(select(OwnAccount).where(due).order_by(col(OwnAccount.look_at)).limit(most)).all()

    def record_role_look(self, row: OwnAccount, look_at: datetime | None) -> None:
        """Counts a look and schedules the next, unless a call has gone unanswered since. `None` for no more."""
        same = and_(col(OwnAccount.id) == row.id, col(OwnAccount.looks) == row.looks)
        self._execute(update(OwnAccount).where(same).values(looks=row.looks + 1, look_at=look_at))
