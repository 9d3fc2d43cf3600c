"""A transaction: all queries, the transitions, and sealing the audit chain."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Unpack, overload

from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from bot.access.errors import LostRace
from bot.access.models.audit import AuditShipping
from bot.access.models.columns import Json
from bot.access.models.grants import Grant
from bot.access.models.requests import AccessRequest, Approval, AskedGroup
from bot.access.states import GrantState, RequestState, allowed
from bot.access.store.chain import chain
from bot.access.store.changes import GrantChanges, RequestChanges
from bot.access.store.claims import ClaimQueries
from bot.access.store.counter_offers import CounterOfferQueries
from bot.access.store.grants import GrantQueries
from bot.access.store.home import HomeQueries
from bot.access.store.inbox import InboxQueries
from bot.access.store.messages import MessageQueries
from bot.access.store.own_accounts import OwnAccountQueries
from bot.access.store.ownership import OwnershipQueries
from bot.access.store.session import Row
from bot.access.store.unfinished_tasks import UnfinishedTaskQueries


class Transaction(
    ClaimQueries, GrantQueries, UnfinishedTaskQueries, MessageQueries, InboxQueries, CounterOfferQueries, HomeQueries,
    OwnershipQueries, OwnAccountQueries,
):  # fmt: skip
    """Reads and writes that take effect together or not at all."""

    def add(self, row: Approval | AskedGroup | Grant) -> None:
        """Stores a new row. Raises `LostRace` if it exists already."""
        key = (row.request_id, row.approver) if isinstance(row, Approval) else row.id
        if key is not None and self._session.get(type(row), key) is not None:
            raise LostRace(key)
        self._session.add(row)
        self._session.flush()
        self.made_work = self.made_work or isinstance(row, Grant)

    @overload
    def move(
        self,
        row: AccessRequest,
        to: RequestState,
        actor: str,
        at: datetime,
        detail: Mapping[str, Json] | None = None,
        **values: Unpack[RequestChanges],
    ) -> None: ...

    @overload
    def move(
        self,
        row: Grant,
        to: GrantState,
        actor: str,
        at: datetime,
        detail: Mapping[str, Json] | None = None,
        **values: Unpack[GrantChanges],
    ) -> None: ...

    def move(
        self,
        row: Row,
        to: RequestState | GrantState,
        actor: str,
        at: datetime,
        detail: Mapping[str, Json] | None = None,
        **values: object,
    ) -> None:
        """Makes one transition with its audit event. Raises `LostRace`, and `ValueError` for a transition that does not
        exist.
        """
        if not allowed(row.state, to):
            raise ValueError(f"{row.state} → {to} is not a transition")
        self._update(row, {**values, "state": to})
        self.moved.append((row, to))
        subject = "request" if isinstance(row, AccessRequest) else "grant"
        self.audit(f"{subject}.{to.value}", actor, at, row.id, **(detail or {}))

    def seal(self) -> None:
        """Appends the audit events to the chain: the last step of a transaction."""
        self._session.flush()
        chain(self._session, self.audited)

    def record_shipped(self, destination: str, before: int, now: int) -> None:
        """Records that the audit trail was shipped up to `now`, unless another process has moved the position since
        `before`.
        """
        if self._session.get(AuditShipping, destination) is None:
            with suppress(IntegrityError), self._session.begin_nested():
                self._session.add(AuditShipping(destination=destination, sequence=before))
        here = (col(AuditShipping.destination) == destination, col(AuditShipping.sequence) == before)
        self._execute(update(AuditShipping).where(*here).values(sequence=now))
