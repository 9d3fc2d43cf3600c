"""The outbox: messages due to people, or already sent."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Column, Index, text
from sqlmodel import Field, SQLModel

from bot.access.models.columns import LONGEST_CHANNEL, names_of

LONGEST_NOTICE = 1000
"""Characters."""


class MessageKind(StrEnum):
    """The kind of a message; its text is rendered from the rows when it is sent."""

    APPROVAL = "approval"  # to an owner: a request to decide, or its decision
    CREDENTIAL = "credential"  # to the requester: the secret while it is valid, a note afterwards
    REMINDER = "reminder"  # to an owner: the request is still undecided
    OUTCOME = "outcome"  # to the requester: denied, cancelled, expired undecided, extended
    DELAYED = "delayed"  # to the requester: approved, but the cluster does not answer
    ENDED = "ended"  # to requester and approver: access has ended
    FAILED = "failed"  # to the owners: access could not be given or could not be revoked
    NOTICE = "notice"  # about no request: its text is in the row
    OFFER = "offer"  # to the requester: an owner offers less; `about` is the id of the offer
    WARNING = "warning"  # to the requester: access is about to end; `about` is the expiry and the number of the warning
    THREAD = "thread"  # in the thread of an approval message: later events; its text is in the row
    ASKED = "asked"  # to requester and asker of a request on behalf of someone
    BREAK_GLASS = "break_glass"  # to owners and a channel: please review; `about` distinguishes the reminders
    UNFINISHED = "unfinished"  # to the owners: tasks that go on in the cluster after access has ended
    OWNERSHIP = "ownership"  # to owners: an owner was changed under access; `about` is the id of the change


_OWED = text("due_at IS NOT NULL")


class Message(SQLModel, table=True):
    """A message to one person: one row for its whole life in Slack.

    It is due while `due_at` is set, and first became due at `owed_since`. The first delivery posts it; later ones edit
    it at its position (`channel`, `ts`). `wanted` counts changes of its subject and `sent` is the last one shown, so
    that several changes are one edit and a change during a delivery is not lost. `recipient` is a person, or the
    channel where owners decide. `about` distinguishes several messages of one kind to one person.
    """

    __tablename__ = "message"
    __table_args__ = (
        Index("message_of_request", "request_id", "kind"),
        Index("message_due", "due_at"),
        # Covers due messages only: a long history of sent ones must not slow down the next.
        Index("message_owed", "recipient", "id", sqlite_where=_OWED, postgresql_where=_OWED),
    )

    id: int | None = Field(default=None, primary_key=True)
    request_id: str | None = Field(default=None, foreign_key="access_request.id", max_length=16)
    kind: MessageKind = Field(sa_column=Column(names_of(MessageKind), nullable=False))
    recipient: str = Field(max_length=LONGEST_CHANNEL)
    about: str | None = Field(default=None, max_length=64)
    notice: str | None = Field(default=None, max_length=LONGEST_NOTICE)
    wanted: int = 1
    sent: int = 0
    channel: str | None = Field(default=None, max_length=32)
    ts: str | None = Field(default=None, max_length=32)
    attempts: int = 0
    due_at: datetime | None = None
    owed_since: datetime | None = None
    claimed_by: str | None = Field(default=None, max_length=128)
    claimed_until: datetime | None = None
