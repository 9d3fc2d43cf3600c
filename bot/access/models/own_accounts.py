"""The accounts of people in clusters that access was given to, and the turn to write their personal roles."""

from datetime import datetime

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

_LOOKS = Index(
    "own_account_look", "look_at",
    sqlite_where=text("look_at IS NOT NULL"), postgresql_where=text("look_at IS NOT NULL"),
)  # fmt: skip


class OwnAccount(SQLModel, table=True):
    """The account of one person in the cluster of one integration.

    `username` is as the cluster has it; `compared` is the same in lower case, and one person's alone. `role` is the
    name of the personal role. `connected_at` is when the account was given that name. The writer of the role has
    claimed the row, with `claimed_by` and `claimed_until`. `look_at` is when the role is written once more, because a
    call of unknown outcome may have changed it; `looks` counts how often that was done.
    """

    __tablename__ = "own_account"
    __table_args__ = (
        UniqueConstraint("integration", "person", name="own_account_of_person"),
        UniqueConstraint("integration", "realm", "compared", name="own_account_of_one"),
        _LOOKS,
    )

    id: int | None = Field(default=None, primary_key=True)
    integration: str = Field(max_length=64)
    person: str = Field(max_length=32)
    username: str = Field(max_length=507)
    compared: str = Field(max_length=507)
    realm: str = Field(max_length=255)
    role: str = Field(max_length=64)
    connected_at: datetime | None = None
    claimed_by: str | None = Field(default=None, max_length=128)
    claimed_until: datetime | None = None
    look_at: datetime | None = None
    looks: int = 0
