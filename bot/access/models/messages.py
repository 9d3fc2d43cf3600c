"""The outbox: messages owed to people or sent to them."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Column, Index, text
from sqlmodel import Field, SQLModel

from bot.access.models.columns import LONGEST_CHANNEL, names_of


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
