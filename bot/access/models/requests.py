"""The rows: what the application knows and must not forget. No row ever holds a credential."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Column, Enum, Index, false, text
from sqlmodel import Field, SQLModel

from bot.access.states import GrantState, RequestState


def names_of(enum: type[StrEnum]) -> Any:
    """The column type of an enum."""
    # Stored as the value that is shown everywhere else, in a plain text column: the same on SQLite and PostgreSQL.
    return Enum(enum, native_enum=False, length=32, values_callable=lambda kind: [each.value for each in kind])


def _added(default: Any) -> dict[str, Any]:
    # A column that came with a later schema: what was stored before has this value.
    return {"server_default": default}


LONGEST_CHANNEL = 90
"""Characters of where a message goes: the name of a channel has up to 80 (Slack, "Rename a channel")."""


class CredentialKind(StrEnum):
    """What a grant is in the cluster."""

    PASSWORD = "password"  # noqa: S105 (the name of a kind); a native user: for Kibana and people
    API_KEY = "api_key"  # for scripts: the server itself ends it


class Delivery(StrEnum):
    """How a secret reaches its requester."""

    MESSAGE = "message"  # it stands in a direct message until the grant ends
    REVEAL = "reveal"  # it is made at a click, and shown once in a window


_TO_REVIEW = text("review_at IS NOT NULL")
_REVIEWS = Index("access_request_review", "review_at", sqlite_where=_TO_REVIEW, postgresql_where=_TO_REVIEW)


class AccessRequest(SQLModel, table=True):
    """What a person asked for, and what became of it.

    `duration` is in seconds. `extends` names the grant that this request would prolong. `flow` is the access flow that
    it falls under, and `flow_limit` the longest that this allowed, in seconds. `privileges` and `resolved` are what the
    role will hold: what was approved is what is granted, whatever the policy says by then. `owners` are the Slack ids
    of those who were asked; who may decide is looked up anew at the click. `route_at` is set while nobody could be
    asked yet, because Slack or the cluster did not answer. `review_at` is when owners are reminded next that a request
    under a break-glass flow waits for their review.
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
    delivery: Delivery = Field(
        default=Delivery.MESSAGE,
        sa_column=Column(names_of(Delivery), nullable=False, server_default=Delivery.MESSAGE.value),
    )
    flow: str = Field(default="", max_length=60, sa_column_kwargs=_added(text("''")))
    flow_limit: int = Field(default=0, sa_column_kwargs=_added("0"))
    automatic: bool = Field(default=False, sa_column_kwargs=_added(false()))
    privileges: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=True))
    resolved: list[str] | None = Field(default=None, sa_column=Column(JSON, nullable=True))
    preview: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON, nullable=True))
    any_group: bool = Field(default=False, sa_column_kwargs=_added(false()))
    owners: list[str] = Field(sa_column=Column(JSON, nullable=False))
    state: RequestState = Field(default=RequestState.PENDING, sa_column=Column(names_of(RequestState), nullable=False))
    created_at: datetime
    pending_until: datetime
    decided_by: str | None = Field(default=None, max_length=32)
    decided_at: datetime | None = None
    decision_reason: str = Field(default="", max_length=1000)
    route_at: datetime | None = None
    escalate_at: datetime | None = None
    escalations: int = Field(default=0, sa_column_kwargs=_added("0"))
    version: int = Field(default=0, sa_column_kwargs=_added("0"))
    asked_by: str | None = Field(default=None, max_length=32)
    channel: str | None = Field(default=None, max_length=LONGEST_CHANNEL)
    break_glass: bool = Field(default=False, sa_column_kwargs=_added(false()))
    review_at: datetime | None = None
    reviewed_by: str | None = Field(default=None, max_length=32)
    reviewed_at: datetime | None = None

    @property
    def length(self) -> timedelta:
        """How long the access was asked for."""
        return timedelta(seconds=self.duration)


class AskedGroup(SQLModel, table=True):
    """People of whom `approvals` have to say yes to one request. `owners` are looked up anew at every click.

    `asked` are the people behind them who got a message.
    `resources` is how many of what matched they own. An `escalation` group stands in for all others.
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


class Approval(SQLModel, table=True):
    """One owner's decision on one request; there is at most one of each owner. `groups` are those it counted for."""

    __tablename__ = "approval"

    request_id: str = Field(primary_key=True, foreign_key="access_request.id", max_length=16)
    approver: str = Field(primary_key=True, max_length=32)
    approved: bool
    reason: str = Field(default="", max_length=1000)
    groups: list[int] = Field(default_factory=list, sa_column=Column(JSON, nullable=True))
    at: datetime


class GrantTask(StrEnum):
    """What is to be done for an active grant."""

    EXTEND = "extend"  # the cluster must hear of the new end; an API key is replaced by one that lasts as long
    RENEW = "renew"  # a fresh secret, in the place of the one before


_WARNINGS = Index(
    "access_grant_warning", "warn_at",
    sqlite_where=text("warn_at IS NOT NULL"), postgresql_where=text("warn_at IS NOT NULL"),
)  # fmt: skip


FREE: dict[str, None] = {"claimed_by": None, "claimed_until": None}
"""Of a grant or a message that nobody works on."""


class Grant(SQLModel, table=True):
    """An approved request, as it exists in the cluster. Its id is that of the request.

    `username` names both the user and the role, and is fixed before the cluster is called. A worker that has taken
    the row says so in `claimed_by` and `claimed_until`; `due_at` is when there is something to do for it: at once
    while it is being made or ended or has a `task`, at `expires_at` while it is active, when its disabled user is to
    be deleted while it is revoked, never when it is gone. Every change but a claim counts up `version`, so that what
    was read can be told from what is there now. `key_id` is the API key that was delivered last. `receipt` is what was
    last read back from the cluster about its end. `warn_at` is when its requester is told that it is about to end;
    `extensions` is how often an approved request has prolonged it.
    """

    __tablename__ = "access_grant"
    __table_args__ = (
        Index("access_grant_due", "due_at"),
        Index("access_grant_state", "state"),
        Index("access_grant_ending", "state", "expires_at"),
        _WARNINGS,
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
    extensions: int = Field(default=0, sa_column_kwargs=_added("0"))


class MessageKind(StrEnum):
    """What a message says; its words are made from the rows at the moment it is sent."""

    APPROVAL = "approval"  # to an owner: decide, or see what was decided
    CREDENTIAL = "credential"  # to the requester: the secret while it lives, a note afterwards
    REMINDER = "reminder"  # to an owner: nobody has decided yet
    OUTCOME = "outcome"  # to the requester: denied, cancelled, expired undecided, extended
    DELAYED = "delayed"  # to the requester: approved, but the cluster does not answer
    ENDED = "ended"  # to requester and approver: the access is over
    FAILED = "failed"  # to the owners: access could not be given, or could not be taken away
    NOTICE = "notice"  # about no request: its text stands in the row
    OFFER = "offer"  # to the requester: an owner offers less; `about` is the id of the offer
    WARNING = "warning"  # to the requester: the access is about to end; `about` is when, and which note it is
    THREAD = "thread"  # below an approval message: what happened since; its text stands in the row
    ASKED = "asked"  # to the requester and the asker of a request for somebody else
    BREAK_GLASS = "break_glass"  # to owners and a channel: review it; `about` tells the reminders from each other


_OWED = text("due_at IS NOT NULL")


class Message(SQLModel, table=True):
    """A message that is owed to a person, or was sent: one row for its whole life in Slack.

    It is owed while `due_at` is set, and has been since `owed_since`. The first sending posts it, later ones edit it
    where it stands (`channel`, `ts`); `wanted` counts the changes of its subject and `sent` the last one that was
    shown, so that several changes are one sending and a change during a sending is not lost. `recipient` is a person,
    or the channel where owners decide. `about` tells several messages of one kind to one person from each other.
    """

    __tablename__ = "message"
    __table_args__ = (
        Index("message_of_request", "request_id", "kind"),
        Index("message_due", "due_at"),
        # Of what is owed alone: what a person was ever sent must not slow down what they are sent next.
        Index("message_owed", "recipient", "id", sqlite_where=_OWED, postgresql_where=_OWED),
    )

    id: int | None = Field(default=None, primary_key=True)
    request_id: str | None = Field(default=None, foreign_key="access_request.id", max_length=16)
    kind: MessageKind = Field(sa_column=Column(names_of(MessageKind), nullable=False))
    recipient: str = Field(max_length=LONGEST_CHANNEL)
    about: str | None = Field(default=None, max_length=64)
    notice: str | None = Field(default=None, max_length=1000)
    wanted: int = 1
    sent: int = 0
    channel: str | None = Field(default=None, max_length=32)
    ts: str | None = Field(default=None, max_length=32)
    attempts: int = 0
    due_at: datetime | None = None
    owed_since: datetime | None = None
    claimed_by: str | None = Field(default=None, max_length=128)
    claimed_until: datetime | None = None


class AuditEvent(SQLModel, table=True):
    """Something that happened, who did it and to what. Never changed and never removed.

    `sequence` is its place in the chain, `previous` the hash of the one before, and `hash` its own: see `audit`.
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


class Setting(SQLModel, table=True):
    """Something that the application must remember about itself, and since when."""

    __tablename__ = "setting"

    name: str = Field(primary_key=True, max_length=128)
    value: str = Field(max_length=1000)
    at: datetime
