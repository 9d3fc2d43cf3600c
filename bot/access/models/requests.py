"""Requests, the owners who are asked about them, and their decisions."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import JSON, Column, Index, false, text
from sqlmodel import Field, SQLModel

from bot.access.ids import APPLICATION
from bot.access.models.columns import LONGEST_CHANNEL, CredentialKind, Delivery, added, names_of
from bot.access.states import RequestState

_TO_REVIEW = text("review_at IS NOT NULL")


_REVIEWS = Index("access_request_review", "review_at", sqlite_where=_TO_REVIEW, postgresql_where=_TO_REVIEW)


class AccessRequest(SQLModel, table=True):
    """A request for access and its outcome.

    `duration` is in seconds. `kind_named`: the requester named the kind, before the flow was known. `account` is the
    requester's own account that gets the access: its `username` and `realm`, once that is approved the name of its
    personal `role`, and `first_time` if the account got that name for this request. `extends` is the grant that this
    request would extend. `flow` is its access flow and `flow_limit` the longest duration, in seconds, that the flow
    allowed. `privileges` and `resolved` are the content of the role: they stay as approved even if the policy changes.
    `aliases` are the aliases as approved. `excluded` are the patterns of its flow whose names the role leaves out.
    `owners` are the Slack ids of the people who were asked; who may decide is resolved again on each click. `route_at`
    is set while nobody could be asked because Slack or the cluster did not answer. `review_at` is the next reminder
    that a break-glass request awaits review. `asked_by` filed the request for its requester; `first_asked_by` filed
    the request that this one extends.
    """

    __tablename__ = "access_request"
    __table_args__ = (
        Index("access_request_of_requester", "requester", "created_at"),
        Index("access_request_pending", "state", "pending_until"),
        Index("access_request_unrouted", "route_at"),
        Index("access_request_escalating", "escalate_at"),
        Index("access_request_asked_by", "asked_by", "created_at"),
        _REVIEWS,
    )

    id: str = Field(primary_key=True, max_length=16)
    requester: str = Field(max_length=32)
    integration: str = Field(max_length=64)
    patterns: list[str] = Field(sa_column=Column(JSON, nullable=False))
    permission: str = Field(max_length=64)
    duration: int
    reason: str = Field(default="", max_length=1000)
    extends: str | None = Field(default=None, max_length=16)
    kind: CredentialKind = Field(
        default=CredentialKind.PASSWORD,
        sa_column=Column(names_of(CredentialKind), nullable=False, server_default=CredentialKind.PASSWORD.value),
    )
    kind_named: bool = Field(default=False, sa_column_kwargs=added(false()))
    account: dict[str, str] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True), nullable=True))
    delivery: Delivery = Field(
        default=Delivery.MESSAGE,
        sa_column=Column(names_of(Delivery), nullable=False, server_default=Delivery.MESSAGE.value),
    )
    flow: str = Field(default="", max_length=60, sa_column_kwargs=added(text("''")))
    flow_limit: int = Field(default=0, sa_column_kwargs=added("0"))
    automatic: bool = Field(default=False, sa_column_kwargs=added(false()))
    privileges: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=True))
    resolved: list[str] | None = Field(default=None, sa_column=Column(JSON, nullable=True))
    preview: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON, nullable=True))
    aliases: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON, nullable=True))
    excluded: list[str] | None = Field(default=None, sa_column=Column(JSON, nullable=True))
    any_group: bool = Field(default=False, sa_column_kwargs=added(false()))
    owners: list[str] = Field(sa_column=Column(JSON, nullable=False))
    state: RequestState = Field(default=RequestState.PENDING, sa_column=Column(names_of(RequestState), nullable=False))
    created_at: datetime
    pending_until: datetime
    decided_by: str | None = Field(default=None, max_length=32)
    decided_at: datetime | None = None
    decision_reason: str = Field(default="", max_length=1000)
    route_at: datetime | None = None
    escalate_at: datetime | None = None
    escalations: int = Field(default=0, sa_column_kwargs=added("0"))
    version: int = Field(default=0, sa_column_kwargs=added("0"))
    asked_by: str | None = Field(default=None, max_length=32)
    first_asked_by: str | None = Field(default=None, max_length=32)
    channel: str | None = Field(default=None, max_length=LONGEST_CHANNEL)
    break_glass: bool = Field(default=False, sa_column_kwargs=added(false()))
    review_at: datetime | None = None
    reviewed_by: str | None = Field(default=None, max_length=32)
    reviewed_at: datetime | None = None

    @property
    def adopted(self) -> bool:
        """Whether nobody filed it: its access was found in the cluster, after the database was lost or restored."""
        return self.decided_by == APPLICATION and not self.flow

    @property
    def length(self) -> timedelta:
        """The requested duration."""
        return timedelta(seconds=self.duration)


class AskedGroup(SQLModel, table=True):
    """Owners of whom `approvals` must approve one request. `owners` are resolved again on every click.

    `asked` are the people among them who got a message. `resources` counts the matching resources that they own, and
    `patterns` are those of the request under which they own something; `None` stands for all. An `escalation` group
    stands in for all others. `added_at` is set if the group was not asked from the beginning.
    """

    __tablename__ = "asked_group"
    __table_args__ = (Index("asked_group_of_request", "request_id"),)

    id: int | None = Field(default=None, primary_key=True)
    request_id: str = Field(foreign_key="access_request.id", max_length=16)
    label: str = Field(max_length=255)
    owners: list[str] = Field(sa_column=Column(JSON, nullable=False))
    asked: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    approvals: int = 1
    resources: int = 0
    escalation: bool = False
    patterns: list[str] | None = Field(default=None, sa_column=Column(JSON, nullable=True))
    added_at: datetime | None = None


class Approval(SQLModel, table=True):
    """One owner's decision on one request; each owner has at most one. `groups` are those that it counted for."""

    __tablename__ = "approval"

    request_id: str = Field(primary_key=True, foreign_key="access_request.id", max_length=16)
    approver: str = Field(primary_key=True, max_length=32)
    approved: bool
    reason: str = Field(default="", max_length=1000)
    groups: list[int] = Field(default_factory=list, sa_column=Column(JSON, nullable=True))
    at: datetime
