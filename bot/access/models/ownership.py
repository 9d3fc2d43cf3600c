"""The memory of the owners that clusters name, and changes of owners that wait for a decision."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum

from sqlalchemy import JSON, Column, ForeignKey, Index, Integer, Text
from sqlmodel import Field, SQLModel

from bot.access.models.columns import names_of

MOST_CONFIRMED = 10
"""Different new owners that can be confirmed together: as many as a message shows."""


class OwnershipState(StrEnum):
    """The state of a change of owners that access could have made."""

    OPEN = "open"  # the new owner counts only together with the owners who count
    CONFIRMED = "confirmed"  # the new owner counts alone
    KEPT = "kept"  # the new owner does not count
    REPLACED = "replaced"  # the owner was changed again, or corrected


class OwnerObservation(SQLModel, table=True):
    """Since when the owners of one integration are remembered, and when the last complete look at them began.

    `source` is where owners are read: after a change of that, the memory begins anew.
    """

    __tablename__ = "owner_observation"

    integration: str = Field(primary_key=True, max_length=64)
    source: str = Field(max_length=128)
    since: datetime
    looked_at: datetime


class OwnershipChange(SQLModel, table=True):
    """Resources whose owner appeared, changed or vanished while access covered them that could have written it.

    One look makes one change of all resources with the same access, owner before and owners who count. `grants` are the
    ids of that access; the messages belong to the first, `request_id`. `names` are the resources; `before` is their
    owner before and `after` the one now, as written in the cluster (`None`: no owner). Where the new owners differ,
    `owners` has that of each name, and `after` is the first. `counting` are the owners
    who count beside the new one, each as written; `None` in it stands for the integration owner. `told_at` is when
    their messages were enqueued, `None` while Slack could not say who they are.
    """

    __tablename__ = "ownership_change"
    __table_args__ = (
        Index("ownership_change_of_request", "request_id"),
        Index("ownership_change_told", "state", "told_at"),
    )

    id: int | None = Field(default=None, primary_key=True)
    integration: str = Field(max_length=64)
    request_id: str = Field(foreign_key="access_request.id", max_length=16)
    grants: list[str] = Field(sa_column=Column(JSON, nullable=False))
    names: list[str] = Field(sa_column=Column(JSON, nullable=False))
    before: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    after: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    owners: dict[str, str | None] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True), nullable=True))
    counting: list[str | None] = Field(sa_column=Column(JSON, nullable=False))
    state: OwnershipState = Field(
        default=OwnershipState.OPEN, sa_column=Column(names_of(OwnershipState), nullable=False)
    )
    noticed_at: datetime
    told_at: datetime | None = None
    decided_by: str | None = Field(default=None, max_length=32)
    decided_at: datetime | None = None

    def names_by_owner(self) -> Mapping[str | None, Sequence[str]]:
        """The resources of each new owner."""
        found: dict[str | None, list[str]] = {}
        for name in self.names:
            found.setdefault(self.after if self.owners is None else self.owners[name], []).append(name)
        return found

    @property
    def is_confirmable(self) -> bool:
        """Whether there are so few new owners that a person can read all of them."""
        return len(self.names_by_owner()) <= MOST_CONFIRMED


class KnownCluster(SQLModel, table=True):
    """The cluster that an integration led to when it was last looked at, by Elasticsearch's `cluster_uuid`."""

    __tablename__ = "known_cluster"

    integration: str = Field(primary_key=True, max_length=64)
    uuid: str = Field(max_length=64)


class RememberedOwner(SQLModel, table=True):
    """The owner of one index or data stream when it was last looked at.

    `written` is the owner in its own mapping, which access to it may be able to change; `owner` is the one that
    results from mapping, data stream and templates. `other_names` lead to it as well: aliases, and for a data stream
    its indices with names of their own. `since` is the time of the look that found this. `gone_at`: it no longer
    exists, and is remembered for a while in case it is created again. `change_id` is the latest change that somebody
    has to look at, or has overruled.
    """

    __tablename__ = "remembered_owner"
    __table_args__ = (Index("remembered_owner_change", "change_id"),)

    integration: str = Field(primary_key=True, max_length=64)
    name: str = Field(primary_key=True, max_length=255)
    written: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    owner: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    other_names: list[str] = Field(sa_column=Column(JSON, nullable=False))
    since: datetime
    gone_at: datetime | None = None
    change_id: int | None = Field(
        default=None, sa_column=Column(Integer, ForeignKey("ownership_change.id"), nullable=True)
    )
