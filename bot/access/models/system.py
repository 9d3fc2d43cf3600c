"""More rows: duties of processes, the ends of the audit trail, and what people keep in the Home tab."""

from datetime import datetime

from sqlalchemy import JSON, Column
from sqlmodel import Field, SQLModel

from bot.access.models.requests import CredentialKind, names_of


class AuditHead(SQLModel, table=True):
    """The end of the chain, in one row: how many events there are, and the hash of the last."""

    __tablename__ = "audit_head"

    id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    sequence: int
    hash: str = Field(max_length=64)


class AuditShipping(SQLModel, table=True):
    """How far the audit trail was sent to that index."""

    __tablename__ = "audit_shipping"

    destination: str = Field(primary_key=True, max_length=255)
    sequence: int


class Favourite(SQLModel, table=True):
    """Terms that a person wants to ask for again. `key` is made of them, so that the same are kept once.

    `duration` is in seconds.
    """

    __tablename__ = "favourite"

    person: str = Field(primary_key=True, max_length=32)
    key: str = Field(primary_key=True, max_length=16)
    integration: str = Field(max_length=64)
    patterns: list[str] = Field(sa_column=Column(JSON, nullable=False))
    permission: str = Field(max_length=64)
    duration: int
    kind: CredentialKind = Field(sa_column=Column(names_of(CredentialKind), nullable=False))
    reason: str = Field(default="", max_length=1000)
    saved_at: datetime


class HomeTab(SQLModel, table=True):
    """Who has opened the Home tab, when last, and which pages of it they look at."""

    __tablename__ = "home_tab"

    person: str = Field(primary_key=True, max_length=32)
    opened_at: datetime
    place: str = Field(default="", max_length=500)


class Lease(SQLModel, table=True):
    """A duty that one process has at a time, and until when it has it if it is not heard of again."""

    __tablename__ = "lease"

    name: str = Field(primary_key=True, max_length=64)
    holder: str = Field(max_length=128)
    until: datetime
