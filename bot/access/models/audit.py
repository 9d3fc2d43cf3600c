"""The audit trail: its events, the head of the chain, and how far it was shipped."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, Index
from sqlmodel import Field, SQLModel


class AuditEvent(SQLModel, table=True):
    """An event: what happened, who did it and to which request. Rows are never changed or removed.

    `sequence` is the position in the chain, `previous` the hash of the event before, and `hash` its own; see
    `access.store.chain`.
    """

    __tablename__ = "audit_event"
    __table_args__ = (
        Index("audit_event_of_request", "request_id", "id"),
        Index("audit_event_sequence", "sequence", unique=True),
        Index("audit_event_at", "at"),
    )

    id: int | None = Field(default=None, primary_key=True)
    at: datetime
    event: str = Field(max_length=64)
    request_id: str | None = Field(default=None, max_length=16)
    actor: str = Field(max_length=64)
    detail: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    sequence: int | None = None
    previous: str | None = Field(default=None, max_length=64)
    hash: str | None = Field(default=None, max_length=64)


class AuditHead(SQLModel, table=True):
    """The head of the chain, in one row: the number of events and the hash of the last."""

    __tablename__ = "audit_head"

    id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    sequence: int
    hash: str = Field(max_length=64)


class AuditShipping(SQLModel, table=True):
    """How far the audit trail was shipped to an index."""

    __tablename__ = "audit_shipping"

    destination: str = Field(primary_key=True, max_length=255)
    sequence: int
