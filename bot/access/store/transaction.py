"""What a transaction writes. A transition is one conditional UPDATE: whoever comes second is told so."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

from sqlalchemy import bindparam, update
from sqlmodel import SQLModel, col, select

from bot.access.audit.chain import AuditEntry
from bot.access.errors import LostRace
from bot.access.ids import new_id
from bot.access.models.grants import Grant
from bot.access.models.requests import AccessRequest, Approval, AskedGroup
from bot.access.models.system import Setting
from bot.access.states import GrantState, RequestState, allowed
from bot.access.store.audit_chain import chain
from bot.access.store.claims import ClaimQueries
from bot.access.store.counter_offers import CounterOfferQueries
from bot.access.store.home import HomeQueries
from bot.access.store.messages import MessageQueries
from bot.access.store.protocol_transaction import Row
from bot.access.store.reviews import ReviewQueries

_TRIES_FOR_AN_ID = 20
"""With a million requests in the table a new id clashes once in a thousand: twenty clashes in a row are a bug."""


class SqlTransaction(ClaimQueries, MessageQueries, CounterOfferQueries, HomeQueries, ReviewQueries):
    """A `Transaction` on a database session."""

    def file(self, request: AccessRequest) -> AccessRequest:
        """Stores a new request under a new id."""
        for _ in range(_TRIES_FOR_AN_ID):
            candidate = new_id()
            if self._session.get(AccessRequest, candidate) is None:
                request.id = candidate
                self._session.add(request)
                self._session.flush()
                return request
        raise RuntimeError("no free request id was found")

    def file_all(self, requests: Sequence[AccessRequest]) -> None:
        """Stores several new requests: each under its own id if that is free, otherwise under a new one."""
        wanted = [request.id for request in requests]
        taken = set(self._session.exec(select(AccessRequest.id).where(col(AccessRequest.id).in_(wanted))).all())
        for request in requests:
            if not request.id or request.id in taken:
                self.file(request)
            else:
                self._session.add(request)
            taken.add(request.id)
        self._session.flush()

    def add_grants(self, grants: Sequence[Grant]) -> None:
        """Stores several new grants."""
        self._session.add_all(grants)
        self._session.flush()
        self.made_work = self.made_work or bool(grants)

    def add(self, row: Approval | AskedGroup | Grant) -> None:
        """Stores a new row. Raises `LostRace` when it is there already."""
        key = (row.request_id, row.approver) if isinstance(row, Approval) else row.id
        if key is not None and self._session.get(type(row), key) is not None:
            raise LostRace(key)
        self._session.add(row)
        self._session.flush()
        self.made_work = self.made_work or isinstance(row, Grant)

    def decide(self, decision: Approval) -> None:
        """Stores an owner's decision, in the place of one that the same owner made before."""
        self._session.merge(decision)
        self._session.flush()

    def lock_request(self, request: AccessRequest) -> None:
        """Waits for other transactions on this pending request, and reads what they left. Raises `LostRace`."""
        # An UPDATE takes the row's lock on PostgreSQL; on SQLite the whole transaction is alone already.
        self._amend(request, version=AccessRequest.version + 1)
        now = self._session.get(AccessRequest, request.id, populate_existing=True)
        if now is None:
            raise LostRace(request.id)
        for name in AccessRequest.model_fields:
            setattr(request, name, getattr(now, name))

    def lock_grant(self, grant_id: str) -> None:
        """Waits for other transactions on that grant, so that what follows does not wait the other way round."""
        self._session.get(Grant, grant_id, with_for_update=True)

    def amend(self, request: AccessRequest, **values: Any) -> None:
        """Changes a pending request without deciding it. Raises `LostRace` when it is not pending any more."""
        self._amend(request, **values)
        for name, value in values.items():
            setattr(request, name, value)

    def _amend(self, request: AccessRequest, **values: Any) -> None:
        pending = (col(AccessRequest.id) == request.id, col(AccessRequest.state) == RequestState.PENDING)
        if self._execute(update(AccessRequest).where(*pending).values(**values)) != 1:
            raise LostRace(request.id)

    def move(
        self,
        row: Row,
        to: RequestState | GrantState,
        actor: str,
        at: datetime,
        detail: dict[str, Any] | None = None,
        **values: Any,
    ) -> None:
        """One transition and its audit event. Raises `LostRace`, and `ValueError` for one that does not exist."""
        if not allowed(row.state, to):
            raise ValueError(f"{row.state} → {to} is not a transition")
        self._update(row, {**values, "state": to})
        self.moved.append((row, to))
        subject = "request" if isinstance(row, AccessRequest) else "grant"
        self.audit(f"{subject}.{to.value}", actor, at, row.id, **(detail or {}))

    def move_all(
        self,
        grants: Sequence[Grant],
        to: GrantState,
        actor: str,
        at: datetime,
        details: Mapping[str, dict[str, Any]],
        each: Mapping[str, dict[str, Any]] | None = None,
        then: GrantState | None = None,
        **values: Any,
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

    def change(
        self,
        row: Grant,
        event: str,
        actor: str,
        at: datetime,
        detail: dict[str, Any] | None = None,
        **values: Any,
    ) -> None:
        """Changes a grant within its state, with an audit event. Raises `LostRace` when it has changed meanwhile."""
        self._update(row, values)
        self.audit(event, actor, at, row.id, **(detail or {}))

    def _update(self, row: Row, values: dict[str, Any]) -> None:
        table: type[SQLModel] = type(row)
        unchanged = [col(type(row).id) == row.id, col(type(row).state) == row.state]
        if isinstance(row, Grant):
            unchanged.append(col(Grant.version) == row.version)
            values = {**values, "version": row.version + 1}
            self.made_work = self.made_work or values.get("due_at") is not None
        if self._execute(update(table).where(*unchanged).values(**values)) != 1:
            raise LostRace(row.id)
        for name, value in values.items():
            setattr(row, name, value)

    def set_setting(self, name: str, value: str, at: datetime) -> None:
        """Remembers something about the application itself. It must be no secret."""
        self._session.merge(Setting(name=name, value=value, at=at))
        self._session.flush()

    def audit(self, event: str, actor: str, at: datetime, request_id: str | None, **detail: Any) -> None:
        """Keeps an event, written when the transaction ends. `detail` must be plain data, and no secret."""
        self.audited.append(AuditEntry(at, event, request_id, actor, detail))

    def seal(self) -> None:
        """Chains what was audited to all before: the last thing that a transaction does."""
        self._session.flush()
        chain(self._session, self.audited)
