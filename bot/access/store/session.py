"""The base of all queries: a database session, the audit events that it will write, and the room for claimed rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import update
from sqlalchemy.sql.dml import UpdateBase
from sqlmodel import Session, SQLModel, col, func, select

from bot.access.errors import LostRace
from bot.access.models.columns import Json
from bot.access.models.grants import Grant
from bot.access.models.inbox import InboxEntry
from bot.access.models.messages import Message
from bot.access.models.requests import AccessRequest
from bot.access.models.system import Setting
from bot.access.states import GrantState, RequestState
from bot.access.store.chain import AuditEntry

_Table = TypeVar("_Table", bound=SQLModel)

Row = AccessRequest | Grant

ALL = ""
"""The share of rows that are not divided."""


@dataclass(frozen=True)
class Room:
    """Up to `most` rows of each share, less those that are `taken`. The share of a grant is its integration."""

    most: int
    taken: Mapping[str, int] = field(default_factory=dict)

    def left(self, share: str = ALL) -> int:
        """How many more rows of that share there is room for."""
        return self.most - self.taken.get(share, 0)

    @property
    def full(self) -> list[str]:
        """The shares without room."""
        return [share for share in self.taken if self.left(share) <= 0]


class SessionBase:
    """Queries on a database session; `process` names this process in its claims."""

    def __init__(self, session: Session, process: str) -> None:
        self._session = session
        self._process = process
        self.made_work = False
        self.audited: list[AuditEntry] = []
        self.moved: list[tuple[AccessRequest | Grant, RequestState | GrantState]] = []

    def setting(self, name: str) -> Setting | None:
        """The value that the application stored under that name."""
        return self._session.get(Setting, name, populate_existing=True)

    def _read_anew(self, table: type[_Table], where: Any, *order: Any) -> Sequence[_Table]:
        found = select(table).where(where).order_by(*order).execution_options(populate_existing=True)
        return self._session.exec(found).all()

    def _next_due(self, table: type[Grant | Message | InboxEntry], by: datetime, *turn: Any) -> datetime | None:
        # A claimed row is due again when its claim lapses; otherwise it would hide the next due row.
        due, claimed = col(table.due_at), col(table.claimed_until)
        free = self._session.exec(
            select(table.due_at).where(due <= by, claimed.is_(None), *turn).order_by(due).limit(1)
        ).first()
        sooner = due <= by if free is None else due < free
        lapse = self._session.exec(select(func.min(table.claimed_until)).where(sooner, *turn)).one()
        return min((each for each in (free, lapse) if each is not None), default=None)

    def _execute(self, statement: UpdateBase) -> int:
        return self._session.connection().execute(statement).rowcount

    def _update(self, row: Row, values: Mapping[str, object]) -> None:
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

    def audit(self, event: str, actor: str, at: datetime, request_id: str | None, **detail: Json) -> None:
        """Records an event, written at the end of the transaction. `detail` must be plain data without secrets."""
        self.audited.append(AuditEntry(at, event, request_id, actor, detail))

    def set_setting(self, name: str, value: str, at: datetime) -> None:
        """Stores a value about the application itself. It must not be a secret."""
        self._session.merge(Setting(name=name, value=value, at=at))
        self._session.flush()
