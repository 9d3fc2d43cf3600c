"""Claims: which process works on which row or duty."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import and_, case, exists, or_, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select

from bot.access.models.columns import FREE
from bot.access.models.grants import Grant
from bot.access.models.inbox import InboxEntry
from bot.access.models.messages import Message
from bot.access.models.own_accounts import OwnAccount
from bot.access.models.requests import AccessRequest
from bot.access.models.system import DutyClaim
from bot.access.states import ENDING, LIVE, GrantState
from bot.access.store.grants import has_room, is_being_made
from bot.access.store.messages import is_first_of_recipient, is_only_one
from bot.access.store.session import Room, SessionBase

Claimable = TypeVar("Claimable", Grant, Message, InboxEntry)

CLAIMED: tuple[type[Grant | Message | InboxEntry], ...] = (Grant, Message, InboxEntry)
"""The tables whose rows are claimed."""


class ClaimQueries(SessionBase):
    """A claim is one conditional UPDATE, the same on SQLite and PostgreSQL."""

    def postpone(self, row: Grant | Message | InboxEntry, until: datetime) -> None:
        """Ends the claim; the row is due again at `until`, or earlier if something newer is due."""
        if isinstance(row, Grant):
            due = case((col(Grant.version) == row.version, until), else_=col(Grant.due_at))
            mine = and_(col(Grant.id) == row.id, col(Grant.claimed_by) == self._process)
            self._execute(update(Grant).where(mine).values(due_at=due, **FREE))
        elif isinstance(row, InboxEntry):
            mine = and_(col(InboxEntry.id) == row.id, col(InboxEntry.claimed_by) == self._process)
            self._execute(update(InboxEntry).where(mine).values(due_at=until, attempts=row.attempts + 1, **FREE))
        else:
            due = case((col(Message.wanted) == row.wanted, until), else_=col(Message.due_at))
            mine = and_(col(Message.id) == row.id, col(Message.claimed_by) == self._process)
            attempts = row.attempts + 1
            self._execute(update(Message).where(mine).values(due_at=due, attempts=attempts, **FREE))
        self.made_work = True

    def claim_grants(
        self, now: datetime, until: datetime, room: Room, *, ending: bool
    ) -> Mapping[str, Sequence[Grant]]:
        """Claims due grants until `until`, by integration: those that end if `ending`, otherwise those being made."""
        due = (col(Grant.due_at) <= now, _unclaimed(Grant, now), is_being_made(ending=ending), has_room(room))
        query = select(Grant, AccessRequest.integration).join(AccessRequest, col(AccessRequest.id) == col(Grant.id))
        # Some may be left over when their integration is full: it is not asked for next time.
        query = query.where(*due).order_by(col(Grant.due_at)).limit(2 * room.most)
        found: dict[str, list[Grant]] = {}
        for grant, integration in self._session.exec(query.with_for_update(skip_locked=True, of=Grant)).all():
            found.setdefault(integration, []).append(grant)
        rows = {integration: grants[: room.left(integration)] for integration, grants in found.items()}
        claimed = self._claim(Grant, [grant for grants in rows.values() for grant in grants], now, until)
        mine = {grant.id: grant for grant in claimed}
        return {name: [mine[each.id] for each in grants if each.id in mine] for name, grants in rows.items()}

    def claim_grant(self, grant_id: str, now: datetime, until: datetime) -> Grant | None:
        """Claims this grant, due or not; `None` if another process has it."""
        found = self._read_anew(Grant, Grant.id == grant_id)
        return next(iter(self._claim(Grant, found, now, until)), None)

    def claim_messages(self, now: datetime, until: datetime, most: int) -> Sequence[Message]:
        """Claims up to `most` due messages, only the oldest of each recipient, so that they arrive in order.

        One at a time is claimed for each recipient, so that a conversation in which Slack is slow delays no other.
        """
        due = and_(col(Message.due_at) <= now, _unclaimed(Message, now), is_first_of_recipient(), is_only_one(now))
        found = self._session.exec(
            select(Message).where(due).order_by(col(Message.id)).limit(most).with_for_update(skip_locked=True)
        ).all()
        firsts = {each.recipient: each for each in reversed(found)}.values()
        return self._claim(Message, list(reversed(firsts)), now, until)

    def next_entry_due(self, by: datetime) -> datetime | None:
        """When the next entry of the inbox is due; `None` if none is due by `by`."""
        return self._next_due(InboxEntry, by)

    def claim_entries(self, now: datetime, until: datetime, most: int) -> Sequence[InboxEntry]:
        """Claims up to `most` due entries of the inbox, the oldest first."""
        due = and_(col(InboxEntry.due_at) <= now, _unclaimed(InboxEntry, now))
        found = self._session.exec(
            select(InboxEntry).where(due).order_by(col(InboxEntry.received_at)).limit(most)
            .with_for_update(skip_locked=True)
        ).all()  # fmt: skip
        return self._claim(InboxEntry, found, now, until)

    def _claim(
        self, table: type[Claimable], rows: Sequence[Claimable], now: datetime, until: datetime
    ) -> list[Claimable]:
        """Claims the free rows among these. They are locked already, or SQLite allows one writer at a time."""
        ids = [row.id for row in rows if row.claimed_until is None or row.claimed_until < now]
        if not ids:
            return []
        self._execute(
            update(table)
            .where(col(table.id).in_(ids), _unclaimed(table, now))
            .values(claimed_by=self._process, claimed_until=until, **_next_attempt(table))
        )
        mine = (col(table.id).in_(ids), col(table.claimed_by) == self._process, col(table.claimed_until) == until)
        fresh = select(table).where(*mine).execution_options(populate_existing=True)
        taken = {row.id: row for row in self._session.exec(fresh).all()}
        return [taken[name] for name in ids if name in taken]

    def holds(self, grant: Grant) -> bool:
        """Whether this process still holds its claim on the grant."""
        mine = and_(col(Grant.id) == grant.id, col(Grant.claimed_by) == self._process)
        return self._session.exec(select(Grant.id).where(mine)).first() is not None

    def renew_claims(self, rows: Sequence[Grant | Message | InboxEntry], until: datetime) -> None:
        """Extends this process's claims on rows that it still works on."""
        for table in CLAIMED:
            ids = [row.id for row in rows if isinstance(row, table)]
            mine = and_(col(table.id).in_(ids), col(table.claimed_by) == self._process)
            # It never waits for one row while it holds another, so it cannot be part of a deadlock.
            free = self._session.exec(select(table.id).where(mine).with_for_update(skip_locked=True)).all()
            self._execute(update(table).where(col(table.id).in_(free)).values(claimed_until=until))

    def release_all_claims(self) -> None:
        """Ends every claim of every process."""
        for table in CLAIMED:
            self._execute(
                update(table).where(col(table.claimed_by).is_not(None)).values(**FREE, **_next_attempt(table))
            )
        # The name of the dead process stays: the next claim of an account has its role looked at.
        self._execute(update(OwnAccount).values(claimed_until=None))
        self.made_work = True

    def make_retries_due(self, now: datetime, claimed_until: datetime) -> None:
        """After the clock went back: rows that were due by the old clock become due now, and claims and duties end
        sooner.
        """
        for table in CLAIMED:
            held = col(table.claimed_until) > claimed_until
            self._execute(update(table).where(held).values(claimed_until=claimed_until))
        self._execute(
            update(OwnAccount).where(col(OwnAccount.claimed_until) > claimed_until).values(claimed_until=claimed_until)
        )
        self._execute(update(OwnAccount).where(col(OwnAccount.look_at) > now).values(look_at=now))
        self._execute(update(DutyClaim).where(col(DutyClaim.until) > claimed_until).values(until=claimed_until))
        self._execute(update(Message).where(col(Message.due_at) > now).values(due_at=now))
        self._execute(update(InboxEntry).where(col(InboxEntry.due_at) > now).values(due_at=now))
        self._execute(update(Grant).where(col(Grant.due_at) > now, _is_unfinished()).values(due_at=now))
        self._execute(update(Grant).where(col(Grant.look_at) > now).values(look_at=now))
        self._execute(update(AccessRequest).where(col(AccessRequest.route_at) > now).values(route_at=now))
        self.made_work = True

    def retry_now(self, integration: str, now: datetime) -> None:
        """Makes the work of one integration due that has failed and waits for its next attempt."""
        ours = exists().where(col(AccessRequest.id) == col(Grant.id), col(AccessRequest.integration) == integration)
        failed = (col(Grant.due_at) > now, col(Grant.attempts) > 0, _is_unfinished())
        self._execute(update(Grant).where(*failed, ours.correlate(Grant)).values(due_at=now))
        waiting = (col(AccessRequest.route_at) > now, col(AccessRequest.integration) == integration)
        self._execute(update(AccessRequest).where(*waiting).values(route_at=now))
        self.made_work = True

    def claim_duty(self, name: str, now: datetime, until: datetime) -> bool:
        """Claims a duty until `until` and returns whether this process has it; one process has it at a time."""
        if self._session.get(DutyClaim, name) is None:
            with suppress(IntegrityError), self._session.begin_nested():
                self._session.add(DutyClaim(name=name, holder=self._process, until=now))
        mine_or_free = or_(col(DutyClaim.holder) == self._process, col(DutyClaim.until) <= now)
        taken = (
            update(DutyClaim).where(col(DutyClaim.name) == name, mine_or_free).values(holder=self._process, until=until)
        )
        return self._execute(taken) == 1


def _is_unfinished() -> Any:
    # An active grant without a task is due at its end, and a revoked one when its user is deleted.
    return or_(
        col(Grant.state).in_([GrantState.PROVISIONING, *ENDING]),
        and_(col(Grant.state) == GrantState.ACTIVE, col(Grant.task).is_not(None)),
    )


def _unclaimed(table: type[Grant | Message | InboxEntry], now: datetime) -> Any:
    return or_(col(table.claimed_until).is_(None), col(table.claimed_until) < now)


def _next_attempt(table: type[Grant | Message | InboxEntry]) -> dict[str, Any]:
    """Counts up the attempt of a live grant whose claim was left by a dead process: its calls may still be on their
    way. That is a change, which the process notices if it only stood still.
    """
    if table is not Grant:
        return {}
    left = and_(col(Grant.claimed_by).is_not(None), col(Grant.state).in_(LIVE))
    return {each: case((left, column + 1), else_=column) for each, column in _COUNTED.items()}


_COUNTED: dict[str, Any] = {"attempt": col(Grant.attempt), "version": col(Grant.version)}
