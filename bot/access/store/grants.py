"""Queries about grants."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any, Unpack

from sqlalchemy import and_, bindparam, or_, update
from sqlmodel import col, func, select

from bot.access.models.columns import CredentialKind, Json
from bot.access.models.grants import Grant
from bot.access.models.request_details import RequestDetails
from bot.access.models.requests import AccessRequest
from bot.access.states import LIVE, EndReason, GrantState, allowed
from bot.access.store.changes import GrantChanges
from bot.access.store.requests import RequestQueries

_NOT_GIVEN_AGAIN = (EndReason.REVOKED, EndReason.NOT_CREATED, EndReason.NOT_DELIVERED)


class GrantQueries(RequestQueries):
    """Grants and their transitions."""

    def grant(self, grant_id: str) -> Grant | None:
        """The grant of that id."""
        return self._session.get(Grant, grant_id)

    def grants_named(self, usernames: Sequence[str]) -> Mapping[str, Grant]:
        """Those of the grants of these names that there are, by name."""
        return {each.username: each for each in self._anew(Grant, col(Grant.username).in_(usernames))}

    def active_grants(self, integration: str, after: str, most: int) -> Sequence[tuple[Grant, CredentialKind]]:
        """Active grants of one integration with their kind, by id, from the one after that id on."""
        found = self._session.exec(
            select(Grant, AccessRequest.kind)
            .join(AccessRequest, col(AccessRequest.id) == col(Grant.id))
            .where(Grant.state == GrantState.ACTIVE, AccessRequest.integration == integration, Grant.id > after)
            .order_by(col(Grant.id))
            .limit(most)
        ).all()
        return [(grant, CredentialKind(kind)) for grant, kind in found]

    def live_grants(self, after: str, most: int) -> Sequence[Grant]:
        """Live grants of all integrations, by id, from the one after that id on."""
        live = select(Grant).where(col(Grant.state).in_(LIVE), Grant.id > after)
        return self._session.exec(live.order_by(col(Grant.id)).limit(most)).all()

    def grants_ending_by(self, integration: str, until: datetime, most: int) -> Sequence[Grant]:
        """Active grants of one integration that end no later than that."""
        return self._session.exec(
            select(Grant)
            .join(AccessRequest, col(AccessRequest.id) == col(Grant.id))
            .where(
                Grant.state == GrantState.ACTIVE,
                AccessRequest.integration == integration,
                col(Grant.due_at) <= until,
                Grant.expires_at <= until,
            )
            .limit(most)
        ).all()

    def automatic_grants(self) -> Sequence[RequestDetails]:
        """What automatic access flows have given and is live."""
        rows = self._session.exec(
            select(AccessRequest.id)
            .join(Grant, col(Grant.id) == col(AccessRequest.id))
            .where(col(AccessRequest.automatic).is_(True), col(Grant.state).in_(LIVE))
        ).all()
        return self.all_request_details(rows)

    def has_or_gave_back(self, flow: str, requester: str, integration: str, now: datetime) -> bool:
        """Whether that person has what the automatic flow gives, or it ended before its time, which is not over yet."""
        early = and_(col(Grant.end_reason).in_(_NOT_GIVEN_AGAIN), col(Grant.expires_at) > now)
        found = self._session.exec(
            select(Grant.id)
            .join(AccessRequest, col(Grant.id) == col(AccessRequest.id))
            .where(
                col(AccessRequest.automatic).is_(True),
                AccessRequest.flow == flow,
                AccessRequest.requester == requester,
                AccessRequest.integration == integration,
                or_(col(Grant.state).in_(LIVE), early),
            )
            .limit(1)
        ).first()
        return found is not None

    def next_grant_due(self, by: datetime, *, ending: bool) -> datetime | None:
        """When the next grant is due of those that end, or of those that are made; `None` when not by then."""
        return self._next_due(Grant, by, being_made(ending=ending))

    def add_grants(self, grants: Sequence[Grant]) -> None:
        """Stores several new grants."""
        self._session.add_all(grants)
        self._session.flush()
        self.made_work = self.made_work or bool(grants)

    def lock_grant(self, grant_id: str) -> None:
        """Waits for other transactions on that grant, so that what follows does not wait the other way round."""
        self._session.get(Grant, grant_id, with_for_update=True)

    def change(
        self,
        row: Grant,
        event: str,
        actor: str,
        at: datetime,
        detail: Mapping[str, Json] | None = None,
        **values: Unpack[GrantChanges],
    ) -> None:
        """Changes a grant within its state, with an audit event. Raises `LostRace` when it has changed meanwhile."""
        self._update(row, values)
        self.audit(event, actor, at, row.id, **(detail or {}))

    def move_all(
        self,
        grants: Sequence[Grant],
        to: GrantState,
        actor: str,
        at: datetime,
        details: Mapping[str, Mapping[str, Json]],
        each: Mapping[str, GrantChanges] | None = None,
        then: GrantState | None = None,
        **values: Unpack[GrantChanges],
    ) -> Sequence[Grant]:
        """The same transition of several grants, and which of them took it: the others have changed meanwhile."""
        steps = [to] if then is None else [to, then]
        for grant in grants:
            for before, after in pairwise([grant.state, *steps]):
                if not allowed(before, after):
                    raise ValueError(f"{before} → {after} is not a transition")
        changes = {grant.id: {**values, **(each or {}).get(grant.id, {}), "state": steps[-1]} for grant in grants}
        taken = grants if self._update_together(grants, changes) else self._update_singly(grants, changes)
        for grant in taken:
            for name, value in changes[grant.id].items():
                setattr(grant, name, value)
            grant.version += 1
            self.made_work = self.made_work or changes[grant.id].get("due_at") is not None
            for state in steps:
                self.audit(f"grant.{state.value}", actor, at, grant.id, **details[grant.id])
                self.moved.append((grant, state))
        return taken

    def _update_together(self, grants: Sequence[Grant], changes: Mapping[str, dict[str, Any]]) -> bool:
        """Whether one statement for all of them met every row as it was read. If not, nothing has changed."""
        if not grants:
            return True
        names: dict[str, Any] = {name: bindparam(f"new_{name}") for name in changes[grants[0].id]}
        unchanged = update(Grant).where(
            col(Grant.id) == bindparam("old_id"),
            col(Grant.state) == bindparam("old_state"),
            col(Grant.version) == bindparam("old_version"),
        )
        rows = [
            {
                "old_id": grant.id,
                "old_state": grant.state,
                "old_version": grant.version,
                **{f"new_{name}": value for name, value in changes[grant.id].items()},
            }
            for grant in grants
        ]
        with self._session.begin_nested() as attempt:
            met = self._session.connection().execute(
                unchanged.values(**names, version=Grant.version + 1).execution_options(synchronize_session=False), rows
            )
            if met.rowcount == len(grants):
                return True
            attempt.rollback()
        return False

    def _update_singly(self, grants: Sequence[Grant], changes: Mapping[str, dict[str, Any]]) -> list[Grant]:
        taken = []
        for grant in grants:
            unchanged = (
                col(Grant.id) == grant.id,
                col(Grant.state) == grant.state,
                col(Grant.version) == grant.version,
            )
            change = update(Grant).where(*unchanged).values(**changes[grant.id], version=Grant.version + 1)
            if self._execute(change) == 1:
                taken.append(grant)
        return taken

    def ending_soon(self, now: datetime, most: int) -> Sequence[Grant]:
        """Active grants whose requester is to be told now that they are about to end."""
        return self._session.exec(
            select(Grant)
            # Lower, so that no index on the state is taken: it would read every live grant each time.
            .where(col(Grant.warn_at) <= now, func.lower(col(Grant.state)) == GrantState.ACTIVE.value)
            .order_by(col(Grant.warn_at), col(Grant.id))
            .limit(most)
        ).all()

    def record_warning(self, grant: Grant, then: datetime | None) -> bool:
        """Sets when the next note is due. False when another process was here, or it was extended or has ended."""
        as_read = and_(
            col(Grant.id) == grant.id,
            col(Grant.state) == GrantState.ACTIVE,
            col(Grant.warn_at) == grant.warn_at,
            col(Grant.expires_at) == grant.expires_at,
        )
        return self._execute(update(Grant).where(as_read).values(warn_at=then)) == 1


def being_made(*, ending: bool) -> Any:
    """Of the grants that are due, those whose secret is being made or replaced; `ending`: all the others.

    One that is over by then is the others' as well: `due_at` is no later than its end while it is being made.
    """
    made = or_(
        col(Grant.state) == GrantState.PROVISIONING,
        and_(col(Grant.state) == GrantState.ACTIVE, col(Grant.task).is_not(None)),
    )
    over = col(Grant.expires_at) <= col(Grant.due_at)
    return or_(~made, over) if ending else and_(made, ~over)
