"""The state of the Home tab."""

from datetime import datetime

from sqlalchemy import JSON, Column
from sqlmodel import Field, SQLModel

from bot.access.models.columns import CredentialKind, names_of


class Favourite(SQLModel, table=True):
    """The terms of a request that a person saved to ask for again. `key` is derived from them, so that equal terms are
    saved once.

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
    """Who opened the Home tab, when last, and which pages of it they are on."""

    __tablename__ = "home_tab"

    person: str = Field(primary_key=True, max_length=32)
    opened_at: datetime
    place: str = Field(default="", max_length=500)
