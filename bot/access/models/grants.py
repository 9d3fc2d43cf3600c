"""Grants: approved requests as they exist in a cluster."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Column, Index, text
from sqlmodel import Field, SQLModel

from bot.access.models.columns import added, names_of
from bot.access.states import GrantState


class GrantTask(StrEnum):
    """Pending work on an active grant."""

    EXTEND = "extend"  # write the new expiry into the cluster; an API key is replaced by one that lasts as long
    RENEW = "renew"  # replace the secret by a fresh one


_WARNINGS = Index(
    "access_grant_warning", "warn_at",
    sqlite_where=text("warn_at IS NOT NULL"), postgresql_where=text("warn_at IS NOT NULL"),
)  # fmt: skip

_LOOKS = Index(
    "access_grant_look", "look_at",
    sqlite_where=text("look_at IS NOT NULL"), postgresql_where=text("look_at IS NOT NULL"),
)  # fmt: skip


class Grant(SQLModel, table=True):
    """An approved request as it exists in the cluster. It has the id of its request.

    `username` names both the user and the role and is set before the cluster is called. A worker claims the row with
    `claimed_by` and `claimed_until`. `due_at` is when work is due: at once while the grant is being provisioned or
    revoked or has a `task`; at `expires_at` while it is active; when its disabled user is to be deleted while it is
    revoked; never once it is gone. Every change except a claim increments `version`, so that a stale read is detected.
    `key_id` is the API key delivered last. `receipt` is the state last read back from the cluster at its end. `warn_at`
    is when the requester is warned of the end; `extensions` counts the approved extensions. `withheld` are the aliases
    that the role leaves out, because hidden indices are behind them. `look_at` is when the cluster is looked at for
    tasks that go on after the end, and `unfinished` what was found then.
    """

    __tablename__ = "access_grant"
    __table_args__ = (
        Index("access_grant_due", "due_at"),
        Index("access_grant_state", "state"),
        Index("access_grant_ending", "state", "expires_at"),
        Index("access_grant_ended", "ended_at"),
        _WARNINGS,
        _LOOKS,
    )

    id: str = Field(primary_key=True, foreign_key="access_request.id", max_length=16)
    username: str = Field(max_length=507, unique=True)
    state: GrantState = Field(sa_column=Column(names_of(GrantState), nullable=False))
    created_at: datetime
    expires_at: datetime
    delivered_at: datetime | None = None
    ended_at: datetime | None = None
    ended_by: str | None = Field(default=None, max_length=32)
    end_reason: str = Field(default="", max_length=1000)
    task: GrantTask | None = Field(default=None, sa_column=Column(names_of(GrantTask), nullable=True))
    key_id: str | None = Field(default=None, max_length=64)
    receipt: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON, nullable=True))
    version: int = 0
    attempts: int = 0
    due_at: datetime | None = None
    claimed_by: str | None = Field(default=None, max_length=128)
    claimed_until: datetime | None = None
    warn_at: datetime | None = None
    extensions: int = Field(default=0, sa_column_kwargs=added("0"))
    withheld: list[str] | None = Field(default=None, sa_column=Column(JSON, nullable=True))
    look_at: datetime | None = None
    unfinished: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON, nullable=True))
