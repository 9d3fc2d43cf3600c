"""Grants: approved requests as they exist in a cluster."""

from datetime import datetime
from enum import StrEnum
from itertools import islice
from typing import Any

from sqlalchemy import JSON, Column, Index, String, text
from sqlmodel import Field, SQLModel

from bot.access.ids import attempt_username, split_username
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


MOST_OTHERS = 20
"""Earlier attempts whose names are removed with the grant: at a minute between attempts, the reconciliations of twenty
minutes have found what older ones left."""


class Grant(SQLModel, table=True):
    """An approved request as it exists in the cluster. It has the id of its request.

    `first_username` names both the user and the role of the first attempt to make a secret. `attempt` counts the
    attempts, and rises before the next one whenever a call of the last may still be on its way, so that a late call
    makes a name that was never shown. `attempt_in_use` is the one whose secret was shown last. A worker claims the row
    with `claimed_by` and `claimed_until`. `due_at` is when work is due: at once while the grant is being provisioned or
    revoked or has a `task`; at `expires_at` while it is active; when its disabled user is to be deleted while it is
    revoked; never once it is gone. Every change except a claim increments `version`, so that a stale read is detected;
    so does a claim that was left by a dead process. `key_id` is the API key delivered last. `receipt` is the state last
    read back from the cluster at its end. `warn_at` is when the requester is warned of the end; `extensions` counts the
    approved extensions. `withheld` are the aliases that the role leaves out, because hidden indices are behind them.
    `look_at` is when the look for tasks that go on after the end is due, and `unfinished` are its findings.
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
    first_username: str = Field(sa_column=Column("username", String(507), unique=True, nullable=False))
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
    attempt: int = Field(default=1, sa_column_kwargs=added("1"))
    attempt_in_use: int = Field(default=1, sa_column_kwargs=added("1"))

    @property
    def username(self) -> str:
        """The name of the user and role in use, and of the owner of the API key."""
        return attempt_username(self.first_username, self.attempt_in_use)

    @property
    def new_username(self) -> str:
        """The name under which the present attempt makes a secret: the one in use, where no late call can touch it."""
        return attempt_username(self.first_username, self.attempt)

    @property
    def usernames(self) -> tuple[str, ...]:
        """All names of the grant that may be in the cluster: the one in use, and of other attempts the newest."""
        others = (number for number in range(self.attempt, 0, -1) if number != self.attempt_in_use)
        newest = (attempt_username(self.first_username, number) for number in islice(others, MOST_OTHERS))
        return (self.username, *newest)

    def attempt_of(self, username: str) -> int:
        """The number of the attempt that made that name of this grant."""
        return 1 if username == self.first_username else split_username(username)[1]
