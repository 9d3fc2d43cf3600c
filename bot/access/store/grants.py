"""Queries about grants."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any, Unpack

from sqlalchemy import and_, bindparam, exists, or_, true, update
from sqlmodel import col, func, select

from bot.access.ids import split_username
from bot.access.models.columns import CredentialKind, Json
from bot.access.models.grants import Grant
from bot.access.models.request_details import RequestDetails
from bot.access.models.requests import AccessRequest
from bot.access.states import LIVE, OVER, UNUSABLE, EndReason, GrantState, allowed
from bot.access.store.changes import GrantChanges
from bot.access.store.requests import RequestQueries
from bot.access.store.session import Room

_NOT_GIVEN_AGAIN = (
    EndReason.REVOKED, EndReason.NOT_CREATED, EndReason.NOT_DELIVERED, EndReason.ALIAS_MOVED, *UNUSABLE,
)  # fmt: skip


class GrantQueries(RequestQueries):
    """Grants and their transitions."""

    def grant(self, grant_id: str) -> Grant | None:
        """The grant with that id."""
        return self._session.get(Grant, grant_id)

    def grants_named(self, usernames: Sequence[str]) -> Mapping[str, Grant]:
        """The existing grants of which these are usernames, of any attempt, by username."""
        first = {name: split_username(name)[0] for name in usernames}
        found = self._read_anew(Grant, col(Grant.first_username).in_({*first, *first.values()}))
        known = {each.first_username: each for each in found}
        grants = {name: known.get(name) or known.get(first[name]) for name in usernames}
        return {name: grant for name, grant in grants.items() if grant is not None}

    def active_grants(self, integration: str, after: str, most: int) -> Sequence[tuple[Grant, CredentialKind]]:
        """A page of one integration's active grants with their kinds, ordered by id, after the id `after`."""
        found = self._session.exec(
            select(Grant, AccessRequest.kind)
            .join(AccessRequest, col(AccessRequest.id) == col(Grant.id))
            .where(Grant.state == GrantState.ACTIVE, AccessRequest.integration == integration, Grant.id > after)
            .order_by(col(Grant.id))
            .limit(most)
        ).all()
        return [(grant, CredentialKind(kind)) for grant, kind in found]

    def active_access(self, integration: str, after: str, most: int) -> Sequence[tuple[Grant, AccessRequest]]:
        """A page of one integration's active grants with their requests, ordered by id, after the id `after`."""
        found = self._session.exec(
            select(Grant, AccessRequest)
            .join(AccessRequest, col(AccessRequest.id) == col(Grant.id))
            .where(Grant.state == GrantState.ACTIVE, AccessRequest.integration == integration, Grant.id > after)
            .order_by(col(Grant.id))
            .limit(most)
        ).all()
        return [(grant, request) for grant, request in found]

    def live_grants(self, after: str, most: int) -> Sequence[Grant]:
        """A page of live grants of all integrations, ordered by id, after the id `after`."""
        live = select(Grant).where(col(Grant.state).in_(LIVE), Grant.id > after)
        return self._session.exec(live.order_by(col(Grant.id)).limit(most)).all()

    def open_grants(self, integration: str, most: int) -> Sequence[str]:
        """The ids of grants of one integration that are not over, or still have work to be done."""
        of_integration = (AccessRequest.integration == integration, _is_open())
        found = select(Grant.id).join(AccessRequest, col(AccessRequest.id) == col(Grant.id)).where(*of_integration)
        return self._session.exec(found.order_by(col(Grant.id)).limit(most)).all()

    def count_open_grants(self) -> Mapping[str, int]:
        """How many there are of them, by integration."""
        found = (
            select(AccessRequest.integration, func.count())
            .join(Grant, col(Grant.id) == col(AccessRequest.id))
            .where(_is_open())
            .group_by(col(AccessRequest.integration))
        )
        return dict(self._session.exec(found).all())

    def grants_ending_by(self, integration: str, until: datetime, most: int) -> Sequence[Grant]:
        """Active grants of one integration that end by then."""
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

    def ended_since(self, integration: str, since: datetime) -> Sequence[tuple[str, str | None]]:
        """The username or personal role, and last API key, of each grant of one integration that has ended since."""
        found = self._session.exec(
            select(Grant, AccessRequest.account)
            .join(AccessRequest, col(AccessRequest.id) == col(Grant.id))
            .where(col(Grant.ended_at) >= since, AccessRequest.integration == integration)
        ).all()
        return [((account or {}).get("role", grant.username), grant.key_id) for grant, account in found]

    def automatic_grants(self) -> Sequence[RequestDetails]:
        """Live grants of automatic access flows."""
        rows = self._session.exec(
            select(AccessRequest.id)
            .join(Grant, col(Grant.id) == col(AccessRequest.id))
            .where(col(AccessRequest.automatic).is_(True), col(Grant.state).in_(LIVE))
        ).all()
        return self.all_request_details(rows)

    def automatic_integrations(self) -> Sequence[str]:
        """The integrations of live grants of automatic access flows."""
        return self._session.exec(
            select(AccessRequest.integration)
            .join(Grant, col(Grant.id) == col(AccessRequest.id))
            .where(col(AccessRequest.automatic).is_(True), col(Grant.state).in_(LIVE))
            .distinct()
        ).all()

    def has_or_gave_back(self, flow: str, requester: str, integration: str, now: datetime) -> bool:
        """Whether the person has what the automatic flow gives, or had it and it ended early.

        Access that a person ended, or that could not be created, is not given again before its time is over.
        """
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

    def next_grant_due(self, by: datetime, room: Room, *, ending: bool) -> datetime | None:
        """When the next grant is due for which there is room, of those that end or of those being made; `None` if none
        is due by `by`.
        """
        return self._next_due(Grant, by, is_being_made(ending=ending), has_room(room))

    def add_grants(self, grants: Sequence[Grant]) -> None:
        """Stores new grants."""
        self._session.add_all(grants)
        self._session.flush()
        self.made_work = self.made_work or bool(grants)

    def lock_grant(self, grant_id: str) -> None:
        """Locks the grant; call it before `lock_request` of its extension, so that locks are always taken in this
        order.
        """
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
        """Changes a grant without a transition, with an audit event. Raises `LostRace` if it has changed since it was
        read.
        """
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
        """Makes one transition for several grants. Returns those that made it; the others have changed since.

        `details` are the audit details and `each` further changes, both by grant id. `then` is a second transition that
        follows at once, with an event of its own.
        """
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
        """Updates all rows in one statement. Returns False, with nothing changed, if any row has changed since it was
        read.
        """
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

    def grants_to_warn(self, now: datetime, most: int) -> Sequence[Grant]:
        """Active grants whose requester is due a warning that access ends soon."""
        return self._session.exec(
            select(Grant)
            # `lower` keeps the database from using the index on the state, which would read every live grant.
            .where(col(Grant.warn_at) <= now, func.lower(col(Grant.state)) == GrantState.ACTIVE.value)
            .order_by(col(Grant.warn_at), col(Grant.id))
            .limit(most)
        ).all()

    def record_warning(self, grant: Grant, then: datetime | None) -> bool:
        """Schedules the next warning. Returns False if another process did, or the grant was extended or has ended."""
        as_read = and_(
            col(Grant.id) == grant.id,
            col(Grant.state) == GrantState.ACTIVE,
            col(Grant.warn_at) == grant.warn_at,
            col(Grant.expires_at) == grant.expires_at,
        )
        return self._execute(update(Grant).where(as_read).values(warn_at=then)) == 1


def _is_open() -> Any:
    # A grant that is over has work to be done while its disabled user is kept, or when it was found again.
    return or_(col(Grant.state).not_in(OVER), col(Grant.due_at).is_not(None))


def is_being_made(*, ending: bool) -> Any:
    """Selects due grants whose secret is being made or replaced; with `ending`, all other due grants.

    A grant that expires by its `due_at` counts as ending as well.
    """
    made = or_(
        col(Grant.state) == GrantState.PROVISIONING,
        and_(col(Grant.state) == GrantState.ACTIVE, col(Grant.task).is_not(None)),
    )
    over = col(Grant.expires_at) <= col(Grant.due_at)
    return or_(~made, over) if ending else and_(made, ~over)


def has_room(room: Room) -> Any:
    """Selects grants of integrations for which there is room."""
    if not room.full:
        return true()
    mine = (col(AccessRequest.id) == col(Grant.id), col(AccessRequest.integration).in_(room.full))
    return ~exists().where(*mine).correlate(Grant)
