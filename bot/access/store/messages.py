"""Queries about the outbox."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, case, exists, insert, or_, update
from sqlalchemy.orm import aliased
from sqlmodel import col, func, select

from bot.access.models.columns import FREE
from bot.access.models.messages import Message, MessageKind
from bot.access.ports import MessagePosition
from bot.access.store.session import SessionBase

_LONGEST_THREAD_NOTE = 1000
"""Characters of the column; longer text goes into another reply in the thread."""

_UNSENT = (col(Message.ts).is_(None), col(Message.due_at).is_not(None))
"""Selects messages that are due and were never posted."""


class MessageQueries(SessionBase):
    """The outbox."""

    def message(self, request_id: str, kind: MessageKind, recipient: str, about: str | None = None) -> Message | None:
        """The message of that kind about that request to that person."""
        mine = (Message.request_id == request_id, Message.kind == kind, Message.recipient == recipient)
        # A comparison with None becomes `IS NULL`.
        return self._session.exec(select(Message).where(*mine, col(Message.about) == about)).first()

    def next_message_due(self, by: datetime) -> datetime | None:
        """When the next message is due; `None` if none is due by `by`."""
        return self._next_due(Message, by, is_first_of_recipient())

    def enqueue(
        self,
        request_id: str,
        kind: MessageKind,
        recipients: Sequence[str],
        at: datetime | None,
        about: str | None = None,
    ) -> None:
        """Enqueues a message to each recipient that has none of this kind about this request yet.

        `about` distinguishes several messages of one kind. `at` is when it is due; with `None` it is only reserved, for
        a worker that posts it itself.
        """
        for recipient in dict.fromkeys(recipients):
            if self.message(request_id, kind, recipient, about) is None:
                owed = Message(
                    request_id=request_id, kind=kind, recipient=recipient, about=about, due_at=at, owed_since=at
                )
                self._session.add(owed)
                self.made_work = self.made_work or at is not None
        self._session.flush()

    def enqueue_all(self, recipients: Mapping[str, Sequence[str]], kind: MessageKind, at: datetime | None) -> None:
        """Enqueues a message to each recipient that has none of this kind about that request yet."""
        if not recipients:
            return
        known = select(Message.request_id, Message.recipient)
        known = known.where(col(Message.request_id).in_(recipients), Message.kind == kind)
        there = set(self._session.exec(known).all())
        wanted = [(name, person) for name, people in recipients.items() for person in dict.fromkeys(people)]
        same = {"kind": kind, "due_at": at, "owed_since": at}
        owed = [
            {"request_id": name, "recipient": person, **same} for name, person in wanted if (name, person) not in there
        ]
        if owed:
            # Inserted without objects: of a thousand simultaneous ends, creating objects took a fifth of the time
            # (measured).
            self._session.connection().execute(insert(Message), owed)
        self.made_work = self.made_work or (bool(owed) and at is not None)

    def notify(self, recipients: Sequence[str], text: str, at: datetime, about: str | None = None) -> None:
        """Enqueues a plain-text message about no request to each recipient.

        `about` is the subject of a notice that is repeated: one that is not sent yet takes up the new text.
        """
        for recipient in dict.fromkeys(recipients):
            if about is None or not self._renew_notice(recipient, text, about):
                notice = Message(kind=MessageKind.NOTICE, recipient=recipient, about=about, notice=text, due_at=at)
                self._session.add(notice)
                self.made_work = True
        self._session.flush()

    def _renew_notice(self, recipient: str, text: str, about: str) -> bool:
        """Replaces the text of an unsent notice. Returns whether there was one."""
        subject = (col(Message.kind) == MessageKind.NOTICE, col(Message.about) == about)
        same = update(Message).where(col(Message.recipient) == recipient, *subject, *_UNSENT)
        return self._execute(same.values(notice=text)) > 0

    def awaiting_post(self, request_id: str, kind: MessageKind) -> frozenset[str]:
        """The recipients of messages of that kind about that request who have one that is not posted yet."""
        mine = (Message.request_id == request_id, Message.kind == kind)
        return frozenset(self._session.exec(select(Message.recipient).where(*mine, *_UNSENT)).all())

    def refused_outcomes(self, request_ids: Sequence[str]) -> Sequence[str]:
        """Those of these requests whose outcome Slack refused to show to anybody, by id."""
        mine = (col(Message.request_id).in_(request_ids), Message.kind == MessageKind.OUTCOME)
        dropped = (col(Message.ts).is_(None), col(Message.due_at).is_(None))
        found = self._session.exec(select(Message.request_id).where(*mine, *dropped).distinct()).all()
        return [each for each in found if each is not None]

    def refresh(self, request_id: str | Sequence[str], kinds: Sequence[MessageKind], at: datetime) -> None:
        """Marks messages of these kinds about these requests to be rendered again, whether sent or still due."""
        names = [request_id] if isinstance(request_id, str) else request_id
        if not names or not kinds:
            return
        changed = self._execute(
            update(Message)
            .where(
                col(Message.request_id).in_(names),
                col(Message.kind).in_(kinds),
                or_(col(Message.ts).is_not(None), col(Message.due_at).is_not(None)),
            )
            .values(wanted=Message.wanted + 1, due_at=at, owed_since=func.coalesce(Message.owed_since, at), attempts=0)
        )
        self.made_work = self.made_work or changed > 0

    def post_reserved(self, request_id: str, kind: MessageKind, at: datetime) -> None:
        """Makes messages due that were only reserved: no worker posts them itself."""
        mine = (col(Message.request_id) == request_id, col(Message.kind) == kind)
        reserved = (col(Message.ts).is_(None), col(Message.due_at).is_(None), col(Message.sent) == 0)
        changed = self._execute(update(Message).where(*mine, *reserved).values(due_at=at, owed_since=at))
        self.made_work = self.made_work or changed > 0

    def record_position(self, message: Message, posted: MessagePosition) -> None:
        """Stores the position of a message."""
        self._execute(update(Message).where(col(Message.id) == message.id).values(channel=posted.channel, ts=posted.ts))
        message.channel, message.ts = posted.channel, posted.ts

    def mark_sent(self, message: Message, posted: MessagePosition) -> None:
        """Marks the message as sent in the version that was claimed, and ends the claim. A newer version stays due."""
        self.record_position(message, posted)
        still_owed = case((col(Message.wanted) == message.wanted, None), else_=col(Message.due_at))
        self._execute(
            update(Message)
            .where(col(Message.id) == message.id)
            .values(sent=message.wanted, due_at=still_owed, attempts=0, owed_since=_since(message), **FREE)
        )

    def drop(self, message: Message) -> None:
        """Drops the version that was claimed, and ends the claim. A newer version stays due."""
        still_owed = case((col(Message.wanted) == message.wanted, None), else_=col(Message.due_at))
        owed = {"due_at": still_owed, "owed_since": _since(message)}
        self._execute(update(Message).where(col(Message.id) == message.id).values(**owed, **FREE))

    def add_to_timeline(
        self, happened: Mapping[str, str], at: datetime, but: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        """Adds a line to the thread of each approval message of each request, by request id.

        A reply that is not sent yet takes up the line. `but` names recipients who get no line, by request id.
        """
        if not happened:
            return
        waiting = {(each.request_id, each.recipient): each for each in self._unsent_notes(list(happened))}
        there = or_(col(Message.ts).is_not(None), col(Message.due_at).is_not(None))
        copies = select(Message.request_id, Message.recipient).where(
            col(Message.request_id).in_(happened), Message.kind == MessageKind.APPROVAL, there
        )
        for request_id, recipient in self._session.exec(copies).all():
            if request_id is None or recipient in (but or {}).get(request_id, ()):
                continue
            line, note = happened[request_id], waiting.get((request_id, recipient))
            if note is not None and note.notice and len(note.notice) + len(line) < _LONGEST_THREAD_NOTE:
                note.notice = f"{note.notice}\n{line}"
            else:
                self._session.add(
                    Message(request_id=request_id, kind=MessageKind.THREAD, recipient=recipient, notice=line, due_at=at)
                )
            self.made_work = True
        self._session.flush()

    def _unsent_notes(self, request_ids: Sequence[str]) -> Sequence[Message]:
        unsent = (
            col(Message.request_id).in_(request_ids),
            Message.kind == MessageKind.THREAD,
            *_UNSENT,
            col(Message.claimed_by).is_(None),
        )
        # A reply that another transaction is about to claim is sent as it is.
        rows = select(Message).where(*unsent).order_by(col(Message.id)).with_for_update(skip_locked=True)
        return self._session.exec(rows.execution_options(populate_existing=True)).all()


def _since(message: Message) -> Any:
    """No longer due, unless a newer version than the claimed one is wanted."""
    return case((col(Message.wanted) == message.wanted, None), else_=col(Message.owed_since))


def is_first_of_recipient() -> Any:
    """Selects the oldest due message of each recipient.

    Thread replies have an order of their own, except that the message about an end follows the replies before it.
    """
    earlier = aliased(Message)
    same_order = (col(earlier.kind) == MessageKind.THREAD) == (col(Message.kind) == MessageKind.THREAD)
    one_thread = and_(
        col(Message.kind) == MessageKind.ENDED,
        col(earlier.kind) == MessageKind.THREAD,
        col(earlier.request_id) == col(Message.request_id),
    )
    return ~exists().where(
        or_(same_order, one_thread),
        col(earlier.recipient) == col(Message.recipient),
        col(earlier.due_at).is_not(None),
        col(earlier.id) < col(Message.id),
    )


def is_only_one(now: datetime) -> Any:
    """Selects messages to recipients to whom none is being sent."""
    other = aliased(Message)
    return ~exists().where(
        col(other.recipient) == col(Message.recipient),
        col(other.due_at).is_not(None),
        col(other.claimed_until) >= now,
    )
